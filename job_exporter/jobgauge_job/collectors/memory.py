"""Memory of the jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.columns import JobFile
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.cgroup import Keyed, Words

_STAT = (
    (catalogue.MEMORY_RSS, "anon"),
    (catalogue.MEMORY_CACHE, "file"),
    (catalogue.MEMORY_SHMEM, "shmem"),
    (catalogue.MEMORY_MAPPED, "file_mapped"),
    (catalogue.MEMORY_KERNEL, "kernel"),
)
_SINGLE = (
    (catalogue.MEMORY_USAGE, "memory.current"),
    (catalogue.MEMORY_PEAK, "memory.peak"),
    (catalogue.MEMORY_SWAP, "memory.swap.current"),
    (catalogue.MEMORY_LIMIT, "memory.max"),
)


class MemoryCollector(JobCollector):
    """Reads the memory controller."""

    name = "memory"
    about = "memory by kind, its peak and its limit"
    families: ClassVar[tuple[Family, ...]] = tuple(family for family, _ in (*_STAT, *_SINGLE))

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._stat = JobFile({2: ("memory.stat", Keyed(*(key for _, key in _STAT)))})
        self._kinds = [self.series(family) for family, _ in _STAT]
        self._single = [(JobFile({2: (file, Words())}), self.series(family)) for family, file in _SINGLE]

    def collect(self) -> Iterable[Samples]:
        """Read five files a job."""
        jobs = self.table.shown
        for series, column in zip(self._kinds, self._stat.read(jobs), strict=True):
            yield series.samples(jobs, column)
        for file, series in self._single:
            yield series.samples(jobs, *file.read(jobs))
