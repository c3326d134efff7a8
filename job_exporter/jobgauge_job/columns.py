"""The hot path: from the kernel's files of all jobs to lines of the page.

    jobs = table.shown                              the jobs of this scrape, a tuple that never changes
    user, system = file.read(jobs)                  one pread a job on a kept descriptor, transposed to columns
    yield series.samples(jobs, user, system)        values put between label texts that were made once

What depends on the set of jobs (descriptors, label texts) is rebuilt only when a collector is given another tuple.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from jobgauge.family import Family
from jobgauge.samples import Samples, SeriesTable
from jobgauge_job.jobs import Job
from jobgauge_job.sources.cgroup import Column, Parser, digits
from jobgauge_job.sources.files import read_open

Jobs = tuple[Job, ...]


class JobFile:
    """One cgroup file of every job, as columns of whole numbers in the order of the jobs."""

    def __init__(self, by_version: Mapping[int, tuple[str, Parser]]) -> None:
        """Take the file's name and parser for each version of cgroups; all give rows of the same width."""
        self._by_version = by_version
        self._nothing = [None] * next(iter(by_version.values()))[1].width
        self._jobs: Jobs | None = None
        self._files: list[tuple[int, Parser]] = []

    def read(self, jobs: Jobs) -> list[Column]:
        """Return a column for each value of the file; None where a job does not have it, or has just ended."""
        if jobs is not self._jobs:
            self._files = [self._open(job) for job in jobs]
            self._jobs = jobs
        rows = []
        for fd, parse in self._files:
            try:
                rows.append(parse(read_open(fd)))
            except OSError:  # the job has ended, or never had this file and fd is -1
                rows.append(self._nothing)
        return [digits(column) for column in zip(*rows, strict=True)] or [()] * len(self._nothing)

    def _open(self, job: Job) -> tuple[int, Parser]:
        if job.version not in self._by_version:
            return -1, next(iter(self._by_version.values()))[1]
        name, parse = self._by_version[job.version]
        return job.open(name), parse


class JobSeries:
    """The series of one family: for each of the job's `variants` (values of the labels beyond the job's) one."""

    def __init__(self, family: Family, cluster: str, *variants: tuple[str, ...]) -> None:
        self._family = family
        self._cluster = cluster
        self._variants = variants or ((),)
        self._jobs: Jobs | None = None
        self._table = SeriesTable(family, ())

    def samples(self, jobs: Jobs, *columns: Column) -> Samples:
        """Render one column of values for each variant."""
        if jobs is not self._jobs:
            rows = [(*job.labels, *variant) for variant in self._variants for job in jobs]
            self._table = SeriesTable(self._family, rows, self._cluster)
            self._jobs = jobs
        values: Sequence[bytes | None] = (
            columns[0] if len(columns) == 1 else list(chain.from_iterable(columns))
        )
        return self._table.samples(values)
