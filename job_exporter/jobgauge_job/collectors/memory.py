"""Memory of the jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import LIMITS_KEPT, JobCollector
from jobgauge_job.columns import JobColumns
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.cgroup import Keyed, Number

_STAT = (
    (catalogue.MEMORY_RSS, "anon"),
    (catalogue.MEMORY_CACHE, "file"),
    (catalogue.MEMORY_SHMEM, "shmem"),
    (catalogue.MEMORY_MAPPED, "file_mapped"),
    (catalogue.MEMORY_KERNEL, "kernel"),
)
_EVENTS = ("oom", "oom_kill", "max", "high")
_SINGLE = (
    (catalogue.MEMORY_USAGE, "memory.current"),
    (catalogue.MEMORY_PEAK, "memory.peak"),
    (catalogue.MEMORY_SWAP, "memory.swap.current"),
)


class MemoryCollector(JobCollector):
    """Reads the memory controller."""

    name = "memory"
    about = "memory by kind, its peak, its limit, and how often the job met it"
    families: ClassVar[tuple[Family, ...]] = (
        *(family for family, _ in (*_STAT, *_SINGLE)),
        catalogue.MEMORY_LIMIT,
        catalogue.MEMORY_EVENTS,
    )

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._stat = JobColumns(table, {2: ("memory.stat", Keyed(*(key for _, key in _STAT)))})
        self._kinds = [self.series(family) for family, _ in _STAT]
        self._single = [
            (JobColumns(table, {2: (file, Number())}), self.series(family)) for family, file in _SINGLE
        ]
        self._max = JobColumns(table, {2: ("memory.max", Number())}, keep=LIMITS_KEPT)
        self._limit = self.series(catalogue.MEMORY_LIMIT)
        self._counts = JobColumns(table, {2: ("memory.events", Keyed(*_EVENTS))})
        self._events = self.series(catalogue.MEMORY_EVENTS, *((event,) for event in _EVENTS))

    def collect(self) -> Iterable[Samples]:
        """Read six files a job."""
        jobs = self.table.shown
        for series, column in zip(self._kinds, self._stat.read(jobs), strict=True):
            yield series.samples(jobs, column)
        for file, series in self._single:
            yield series.samples(jobs, *file.read(jobs))
        yield self._limit.samples(jobs, *self._max.read(jobs))
        yield self._events.samples(jobs, *self._counts.read(jobs))
