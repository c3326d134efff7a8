"""Limits of accounts, users and QOS, with what is used of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import accounts as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector


class LimitsCollector(SchedulerCollector):
    """A pair of series for each limit that is set; without the second where its use is not told."""

    name = "limits"
    about = "limits of accounts, users and QOS, and how much of each is used"
    sources = (Source.LIMITS,)
    families: ClassVar[tuple[Family, ...]] = (catalogue.LIMIT, catalogue.LIMIT_USAGE)

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Tell each limit."""
        rows = {(x.level, x.resource, x.account, x.user, x.qos): x for x in snapshot.limits or ()}
        yield Samples.of(catalogue.LIMIT, {row: limit.limit for row, limit in rows.items()}, cluster)
        used = {row: limit.usage for row, limit in rows.items() if limit.usage is not None}
        yield Samples.of(catalogue.LIMIT_USAGE, used, cluster)
