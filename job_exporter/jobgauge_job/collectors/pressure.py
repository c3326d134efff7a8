"""Pressure stall information of the jobs: how long they waited for CPU, memory and I/O."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import chain
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.cgroup import Pressure, seconds

_RESOURCES = ("cpu", "memory", "io")


class PressureCollector(JobCollector):
    """Reads the pressure files of cgroup v2."""

    name = "pressure"
    about = "time that a job waited for CPU, memory and I/O"
    families: ClassVar[tuple[Family, ...]] = (catalogue.PRESSURE,)

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._files = [self.columns({2: (f"{resource}.pressure", Pressure())}) for resource in _RESOURCES]
        variants = [(resource, kind) for resource in _RESOURCES for kind in ("some", "full")]
        self._pressure = self.series(catalogue.PRESSURE, *variants)

    def lacks(self) -> str:
        """The kernel has it, or not; and only cgroup v2 has it by job."""
        if not os.path.isdir(f"{self.config.procfs}/pressure"):
            return (
                f"{self.config.procfs}/pressure is not there: the kernel has no PSI, or needs psi=1 at boot"
            )
        if any(layout.version == 1 for layout, _ in self.table.scopes):
            return "cgroup v1 does not have it by job"
        return ""

    def collect(self) -> Iterable[Samples]:
        """Read three files a job."""
        jobs = self.table.shown
        columns = chain.from_iterable(file.read(jobs) for file in self._files)
        yield self._pressure.samples(jobs, *map(seconds, columns))
