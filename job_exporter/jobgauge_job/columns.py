"""The hot path: from the kernel's files of all jobs to lines of the page.

    jobs = table.shown                                  the jobs of this scrape, a tuple that never changes
    user, system = file.columns(jobs)                   one pread a job on a kept descriptor, transposed
    yield series.samples(jobs, user, system)            values put between label texts that were made once

What depends on the set of jobs (descriptors, label texts) is rebuilt only when a collector is given another tuple. A file
that a job does not have reads as empty, and an empty file has no values; the file of a job that has ended reads as it did last.
What is there and cannot be read is left out like that too, and counted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Generic, TypeVar

from jobgauge.family import Family
from jobgauge.samples import Samples, SeriesTable
from jobgauge_job.jobs import Job, JobTable
from jobgauge_job.sources.cgroup import Column, Parser, digits
from jobgauge_job.sources.files import ABSENT, ROOM, WHOLE, KeptFile, MissingFile, read_on

Jobs = tuple[Job, ...]
Variants = Sequence[Sequence[tuple[str, ...]]]  # for each job, the values of the labels beyond the job's own
R = TypeVar("R")


class JobFile(Generic[R]):
    """One cgroup file of every job."""

    def __init__(self, table: JobTable, by_version: Mapping[int, tuple[str, Callable[[bytes], R]]]) -> None:
        """Take the file's name and parser for each version of cgroups that has it."""
        self._lock = table.lock
        self._by_version = by_version
        self.settled = False  # no more files are expected of the jobs of the last call
        self.unreadable = 0  # how often a file was there and could not be read, so far
        self._jobs: Jobs | None = None
        self._files: list[KeptFile] = []
        self._parsers: list[Callable[[bytes], R]] = []
        for version, (name, _) in by_version.items():
            table.expect(version, name)

    def rows(self, jobs: Jobs) -> list[R]:
        """Return what the parser makes of each job's file."""
        texts: list[bytes] = []
        with self._lock:
            if jobs is not self._jobs:
                self._open(jobs)
            for file in self._files:
                try:
                    text = os.pread(file.fd, ROOM, 0)
                    file.text = text if len(text) < WHOLE else read_on(file.fd, text)
                except OSError as error:
                    self.unreadable += file.refused or error.errno not in ABSENT
                texts.append(file.text)
        return [parse(text) for parse, text in zip(self._parsers, texts, strict=True)]

    def _open(self, jobs: Jobs) -> None:
        self._files = [
            job.file(self._by_version[job.version][0]) if job.version in self._by_version else MissingFile()
            for job in jobs
        ]
        some_parser = next(iter(self._by_version.values()))[1]
        self._parsers = [self._by_version.get(job.version, ("", some_parser))[1] for job in jobs]
        self.settled = all(job.settled for job in jobs)
        self._jobs = jobs if self.settled else None


class JobColumns:
    """One cgroup file of every job, as columns of whole numbers in the order of the jobs."""

    def __init__(
        self, table: JobTable, by_version: Mapping[int, tuple[str, Parser]], keep: float = 0.0
    ) -> None:
        """Take the file's name and parser for each version; all give rows of the same width.

        The columns are kept for `keep` seconds while the jobs stay the same.
        """
        self._file = JobFile(table, by_version)
        self._nothing: list[Column] = [()] * next(iter(by_version.values()))[1].width
        self._keep = keep
        self._kept_until = 0.0
        self._jobs: Jobs | None = None
        self._columns = self._nothing
        self._malformed = 0

    @property
    def unreadable(self) -> int:
        """How many values could not be read so far, though their file was there."""
        return self._file.unreadable * len(self._nothing) + self._malformed

    def read(self, jobs: Jobs) -> list[Column]:
        """Return a column for each value of the file; None where a job has no such number."""
        now = time.monotonic() if self._keep else 0.0
        if jobs is self._jobs and now < self._kept_until:
            return self._columns
        rows = self._file.rows(jobs)
        self._kept_until = now + self._keep if self._file.settled else now
        self._columns = [self._digits(column) for column in zip(*rows, strict=True)] or self._nothing
        self._jobs = jobs
        return self._columns

    def _digits(self, column: Column) -> Column:
        numbers = digits(column)
        if numbers is not column:
            self._malformed += sum(
                number is None and value not in (None, b"", b"max")
                for number, value in zip(numbers, column, strict=True)
            )
        return numbers


class JobSeries:
    """The series of one family; the same `variants` of each job."""

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
        return self._table.samples(columns[0] if len(columns) == 1 else list(chain.from_iterable(columns)))


class VariedSeries:
    """The series of one family of which each job has variants of its own: its devices, its programs."""

    def __init__(self, family: Family, cluster: str) -> None:
        self._family = family
        self._cluster = cluster
        self._jobs: Jobs | None = None
        self._variants: Variants | None = None
        self._table = SeriesTable(family, ())

    def samples(self, jobs: Jobs, variants: Variants, values: Column) -> Samples:
        """Render a value for each variant of each job; pass the same `variants` object as long as they are the same."""
        if jobs is not self._jobs or variants is not self._variants:
            rows = [
                (*job.labels, *variant) for job, own in zip(jobs, variants, strict=True) for variant in own
            ]
            self._table = SeriesTable(self._family, rows, self._cluster)
            self._jobs, self._variants = jobs, variants
        return self._table.samples(values)
