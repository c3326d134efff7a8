"""What jobs did: how long they waited and ran, and how they ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import history as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Snapshot, Source, Tally
from jobgauge_scheduler.view import SchedulerCollector


class HistoryCollector(SchedulerCollector):
    """Histograms and counters of jobs that really started and ended."""

    name = "history"
    about = "jobs that started and ended: waiting times, run times, outcomes, each counted once"
    sources = (Source.HISTORY,)
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.WAIT,
        catalogue.RUN,
        catalogue.EXPANSION,
        catalogue.ENDED,
    )

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Tell what was counted so far."""
        tally = snapshot.history or Tally()
        yield Samples.of_histograms(catalogue.WAIT, tally.waits, cluster)
        yield Samples.of_histograms(catalogue.RUN, tally.runs, cluster)
        yield Samples.of_histograms(catalogue.EXPANSION, tally.expansions, cluster)
        yield Samples.of(catalogue.ENDED, tally.ended, cluster)
