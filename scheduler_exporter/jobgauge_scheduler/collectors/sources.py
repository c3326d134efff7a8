"""How the reading of the scheduler itself does: always there, whatever else fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import health as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples, Value
from jobgauge_scheduler.model import Snapshot
from jobgauge_scheduler.poller import Health, Poller
from jobgauge_scheduler.view import SchedulerCollector, merge


class SourcesCollector(SchedulerCollector):
    """Whether each source could be read, how long that took and how old its figures are."""

    name = "sources"
    about = "whether the scheduler answers, how fast, and how old the figures are"
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.UP,
        catalogue.SNAPSHOT_AGE,
        catalogue.SOURCE_DURATION,
        catalogue.UNREADABLE,
    )
    essential = True

    def collect(self) -> Iterable[Samples]:
        """Tell of every source as it is now."""
        return merge([list(self._of(poller)) for poller in self.pollers])

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:  # noqa: ARG002 - told at each scrape instead
        """Draw nothing: what is told here changes without news."""
        return ()

    def _of(self, poller: Poller) -> Iterable[Samples]:
        def samples(family: Family, values: dict[str, Value]) -> Samples:
            return Samples.of(family, {(source,): value for source, value in values.items()}, poller.cluster)

        health: dict[str, Health] = {str(source): health for source, health in poller.health.items()}
        ages = {str(source): age for source in poller.sources if (age := poller.age(source)) is not None}
        yield samples(catalogue.UP, {source: int(h.up) for source, h in health.items()})
        yield samples(catalogue.SNAPSHOT_AGE, {source: round(age, 3) for source, age in ages.items()})
        yield samples(
            catalogue.SOURCE_DURATION, {source: round(h.duration, 6) for source, h in health.items()}
        )
        yield samples(catalogue.UNREADABLE, {source: h.unreadable for source, h in health.items()})
