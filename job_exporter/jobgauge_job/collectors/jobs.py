"""Which jobs are on the node; what every other collector works on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.procfs import Procfs


class JobsCollector(JobCollector):
    """Keeps the table of jobs up to date."""

    name = "jobs"
    about = "which jobs are on this node, and since when"
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.START_TIME,
        catalogue.END_TIME,
        catalogue.NODE_EXCLUSIVE,
    )
    essential = True

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._procfs = Procfs(config.procfs)
        self._start = self.series(catalogue.START_TIME)
        self._end = self.series(catalogue.END_TIME)
        self._exclusive = self.series(catalogue.NODE_EXCLUSIVE)

    def lacks(self) -> str:
        """No job can be here yet, or no owner of one can be seen."""
        if not self.table.scopes:
            return f"no scheduler has made cgroups for jobs below {self.config.cgroupfs} yet"
        return self._procfs.hidden()

    def collect(self) -> Iterable[Samples]:
        """List the scopes."""
        self.table.refresh()
        jobs = self.table.shown
        yield self._start.samples(jobs, [job.start for job in jobs])
        yield self._end.samples(jobs, [job.end for job in jobs])
        sole = self.table.presence.sole
        yield self._exclusive.samples(
            jobs, [None if job.ended else b"1" if job is sole else b"0" for job in jobs]
        )
