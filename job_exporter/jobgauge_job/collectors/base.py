"""What the collectors of the job exporter have in common: the jobs, and series that carry a job's labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jobgauge.collector import Collector
from jobgauge.family import Family
from jobgauge_job.columns import JobColumns, JobFile, JobSeries, VariedSeries
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.cgroup import Parser

R = TypeVar("R")

LIMITS_KEPT = 60.0  # seconds that a job's limits are taken as read: they hardly ever change while it runs


class JobCollector(Collector):
    """A collector that reads something of every job that is shown."""

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        self.table = table
        self.config = config
        self._sources: list[JobColumns | JobFile[Any]] = []

    @property
    def unreadable(self) -> int:
        """How many values of jobs could not be read so far, though their file was there."""
        return sum(file.unreadable for file in self._sources)

    def columns(self, by_version: Mapping[int, tuple[str, Parser]], keep: float = 0.0) -> JobColumns:
        """Return a cgroup file of every job as columns, which are kept for `keep` seconds."""
        columns = JobColumns(self.table, by_version, keep)
        self._sources.append(columns)
        return columns

    def file(self, by_version: Mapping[int, tuple[str, Callable[[bytes], R]]]) -> JobFile[R]:
        """Return a cgroup file of every job."""
        file = JobFile(self.table, by_version)
        self._sources.append(file)
        return file

    def settle(self) -> None:
        """Note that a job has come or gone since the last scrape."""

    def close(self) -> None:
        """End what works in the background."""

    def series(self, family: Family, *variants: tuple[str, ...]) -> JobSeries:
        """Return the series of a family, one of each variant for each job."""
        return JobSeries(family, self.config.cluster, *variants)

    def varied(self, family: Family) -> VariedSeries:
        """Return the series of a family, of each job those that it has."""
        return VariedSeries(family, self.config.cluster)
