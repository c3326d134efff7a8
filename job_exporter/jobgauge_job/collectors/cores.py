"""CPU time of the jobs on each core."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import ClassVar

from jobgauge.catalogue import job_parts as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.columns import Variants
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.cgroup import cpu_numbers, seconds

Core = tuple[str, bytes]  # its number, and microseconds


class CoresCollector(JobCollector):
    """Reads the cpuacct controller of cgroup v1; cgroup v2 does not count by core."""

    name = "cores"
    about = "CPU time on each core (cgroup v1)"
    families: ClassVar[tuple[Family, ...]] = (catalogue.CPU_CORE_SECONDS,)
    default_on = False  # a series for each core of each job

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._usage = self.file({1: ("cpuacct.usage_percpu", bytes.split)})
        self._cpuset = self.file({1: ("cpuset.cpus", cpu_numbers)})
        self._seconds = self.varied(catalogue.CPU_CORE_SECONDS)
        self._malformed = 0
        self._numbers: list[tuple[str, ...]] = []  # the cores of each job, as the variants were made for
        self._variants: Variants = []

    @property
    def unreadable(self) -> int:
        """How many values could not be read so far, though their file was there."""
        return super().unreadable + self._malformed

    def collect(self) -> Iterable[Samples]:
        """Read two files a job."""
        jobs = self.table.shown
        rows = [
            self._cores(usage, held)
            for usage, held in zip(self._usage.rows(jobs), self._cpuset.rows(jobs), strict=True)
        ]
        numbers = [tuple(number for number, _ in row) for row in rows]
        if numbers != self._numbers:
            self._variants = [[(number,) for number in row] for row in numbers]
            self._numbers = numbers
        times = [time for _, time in chain.from_iterable(rows)]
        yield self._seconds.samples(jobs, self._variants, seconds(times))

    def _cores(self, usage: list[bytes], held: frozenset[int]) -> list[Core]:
        """Return the cores that a job holds or has used: of the others of a node it has nothing to say."""
        if not all(word.isdigit() for word in usage):
            self._malformed += 1
            return []
        return [
            (str(number), time[:-3] or b"0")
            for number, time in enumerate(usage)
            if number in held or time != b"0"
        ]
