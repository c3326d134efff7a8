"""Memory of the jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import LIMITS_KEPT, JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.cgroup import Keyed, Limit, Number, Parser

# Family, and its key in the memory.stat of cgroup v2 and of v1, where `total_` means with all cgroups below.
_STAT = (
    (catalogue.MEMORY_RSS, "anon", "total_rss"),
    (catalogue.MEMORY_CACHE, "file", "total_cache"),
    (catalogue.MEMORY_SHMEM, "shmem", "total_shmem"),
    (catalogue.MEMORY_MAPPED, "file_mapped", "total_mapped_file"),
    (catalogue.MEMORY_KERNEL, "kernel", "-"),
)
_SINGLE: tuple[tuple[Family, dict[int, tuple[str, Parser]]], ...] = (
    (
        catalogue.MEMORY_USAGE,
        {2: ("memory.current", Number()), 1: ("memory.usage_in_bytes", Number())},
    ),
    (
        catalogue.MEMORY_PEAK,
        {2: ("memory.peak", Number()), 1: ("memory.max_usage_in_bytes", Number())},
    ),
    (
        catalogue.MEMORY_SWAP,
        {2: ("memory.swap.current", Number()), 1: ("memory.stat", Keyed("total_swap"))},
    ),
)
_EVENTS = ("oom", "oom_kill", "max", "high")


class MemoryCollector(JobCollector):
    """Reads the memory controller."""

    name = "memory"
    about = "memory by kind, its peak, its limit, and how often the job met it"
    families: ClassVar[tuple[Family, ...]] = (
        *(family for family, _, _ in _STAT),
        *(family for family, _ in _SINGLE),
        catalogue.MEMORY_LIMIT,
        catalogue.MEMORY_EVENTS,
    )

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._stat = self.columns(
            {
                2: ("memory.stat", Keyed(*(key for _, key, _ in _STAT))),
                1: ("memory.stat", Keyed(*(key for _, _, key in _STAT))),
            },
        )
        self._kinds = [self.series(row[0]) for row in _STAT]
        self._single = [(self.columns(files), self.series(family)) for family, files in _SINGLE]
        self._max = self.columns(
            {2: ("memory.max", Number()), 1: ("memory.limit_in_bytes", Limit())},
            keep=LIMITS_KEPT,
        )
        self._limit = self.series(catalogue.MEMORY_LIMIT)
        events = Keyed(*_EVENTS)
        self._counts = self.columns({2: ("memory.events", events), 1: ("memory.oom_control", events)})
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
