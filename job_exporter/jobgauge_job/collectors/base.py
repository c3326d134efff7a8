"""What the collectors of the job exporter have in common: the jobs, and series that carry a job's labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jobgauge.collector import Collector
from jobgauge.family import Family
from jobgauge_job.columns import JobColumns, JobFile, JobSeries, VariedSeries
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.layouts.base import Layout
from jobgauge_job.sources.cgroup import Parser

R = TypeVar("R")

LIMITS_KEPT = 60.0  # seconds that a job's limits are taken as read: they hardly ever change while it runs


class JobCollector(Collector):
    """A collector that reads something of every job that is shown."""

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        self.table = table
        self.config = config
        self._sources: list[JobColumns | JobFile[Any]] = []
        self._file_names: set[tuple[int, str]] = set()  # by version of cgroups

    @property
    def unreadable(self) -> int:
        """How many values of jobs could not be read so far, though their file was there."""
        return sum(file.unreadable for file in self._sources)

    def columns(self, by_version: Mapping[int, tuple[str, Parser]], keep: float = 0.0) -> JobColumns:
        """Return a cgroup file of every job as columns, which are kept for `keep` seconds."""
        self._note(by_version)
        columns = JobColumns(self.table, by_version, keep)
        self._sources.append(columns)
        return columns

    def file(self, by_version: Mapping[int, tuple[str, Callable[[bytes], R]]]) -> JobFile[R]:
        """Return a cgroup file of every job."""
        self._note(by_version)
        file = JobFile(self.table, by_version)
        self._sources.append(file)
        return file

    def _note(self, by_version: Mapping[int, tuple[str, object]]) -> None:
        self._file_names |= {(version, name) for version, (name, _) in by_version.items()}

    def lacks(self) -> str | None:
        """Name the controllers whose files it would read, and which the jobs on this node don't have."""
        if not self.table.scopes:
            return None
        missing = {
            _without(layout, scope, version, file.partition(".")[0])
            for layout, scope in self.table.scopes
            for version, file in self._file_names
        }
        versions = {version for version, _ in self._file_names}
        missing |= {
            f"cgroup v{layout.version} does not have it by job"
            for layout, _ in self.table.scopes
            if layout.version not in versions
        }
        return "; ".join(sorted(filter(None, missing)))

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


def _without(layout: Layout, scope: str, version: int, controller: str) -> str:
    if version == layout.version and layout.lacks(scope, controller):
        return f"the {controller} controller is not on for the jobs of {layout.name}"
    return ""
