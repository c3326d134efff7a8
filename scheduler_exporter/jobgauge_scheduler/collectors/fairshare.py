"""Fairshare of accounts and users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import accounts as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector

_FIGURES = (
    (catalogue.FAIRSHARE, "fairshare"),
    (catalogue.LEVEL_FAIRSHARE, "level_fairshare"),
    (catalogue.SHARES, "shares"),
    (catalogue.USAGE, "usage"),
)


class FairshareCollector(SchedulerCollector):
    """What each is entitled to, has used, and how that weighs in priority."""

    name = "fairshare"
    about = "fairshare of accounts and users: shares, use, and the factor that goes into priority"
    sources = (Source.SHARES,)
    families: ClassVar[tuple[Family, ...]] = tuple(family for family, _ in _FIGURES)

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Tell each row; of an account the user is empty."""
        for family, attribute in _FIGURES:
            values = {
                (share.account, share.user): getattr(share, attribute) for share in snapshot.shares or ()
            }
            known = {row: value for row, value in values.items() if value is not None}
            yield Samples.of(family, known, cluster)
