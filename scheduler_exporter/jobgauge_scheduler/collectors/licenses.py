"""Licences that the scheduler counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import nodes as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples, Value
from jobgauge_scheduler.model import Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector


class LicensesCollector(SchedulerCollector):
    """How many licences there are, and how many of them are taken."""

    name = "licenses"
    about = "licences: total, used, reserved"
    sources = (Source.LICENSES,)
    families: ClassVar[tuple[Family, ...]] = (catalogue.LICENSES,)

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Tell each licence."""
        values: dict[tuple[str, ...], Value] = {}
        for found in snapshot.licenses or ():
            values[found.name, "total"] = found.total
            values[found.name, "used"] = found.used
            values[found.name, "reserved"] = found.reserved
        yield Samples.of(catalogue.LICENSES, values, cluster)
