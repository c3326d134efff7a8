"""The jobs' own scratch directories on the node's disks."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue import job_files as catalogue
from jobgauge.errors import NoData
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import Job, JobTable
from jobgauge_job.sources.scratch import ScratchPath, Space

_NOT_SET = "no scratch.path is set: this site has no scratch directory of each job, or has not said where"


class ScratchCollector(JobCollector):
    """Asks the file system of each directory; a dead one costs this collector only."""

    name = "scratch"
    about = "size and use of the scratch directory that a job has for itself (--scratch.path)"
    families: ClassVar[tuple[Family, ...]] = (catalogue.SCRATCH_USED, catalogue.SCRATCH_SIZE)
    deadline = 2.0

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._unreadable = 0

    @property
    def unreadable(self) -> int:
        """How often a directory was there and could not be asked, or not be believed, so far."""
        return self._unreadable

    def lacks(self) -> str:
        """Say which of the site's directories can't be seen."""
        problems = []
        for path in self.config.scratch_paths:
            try:
                os.stat(f"{path.top}/.")  # refused where nothing below it may be looked at
            except OSError as error:
                hint = ": CAP_DAC_READ_SEARCH is needed" if isinstance(error, PermissionError) else ""
                problems.append(f"{path.top}: {error.strerror}{hint}")
        return "; ".join(problems) if self.config.scratch_paths else _NOT_SET

    def collect(self) -> Iterable[Samples]:
        """Ask for each directory of each job."""
        if not self.config.scratch_paths:
            raise NoData(_NOT_SET)
        found = {
            (*job.labels, path.name): space
            for job in self.table.shown
            if job.ended is None
            for path in self.config.scratch_paths
            if (space := self._space(job, path))
        }
        cluster = self.config.cluster
        yield Samples.of(catalogue.SCRATCH_USED, {row: space.used for row, space in found.items()}, cluster)
        yield Samples.of(catalogue.SCRATCH_SIZE, {row: space.size for row, space in found.items()}, cluster)

    def _space(self, job: Job, path: ScratchPath) -> Space | None:
        jobid, user, _ = job.labels
        try:
            return path.space(jobid, user, job.identity.uid)
        except OSError as error:
            self._unreadable += error.errno != errno.ENOENT
            return None
