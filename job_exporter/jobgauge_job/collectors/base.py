"""What the collectors of the job exporter have in common: the jobs, and series that carry a job's labels."""

from __future__ import annotations

from jobgauge.collector import Collector
from jobgauge.family import Family
from jobgauge_job.columns import JobSeries, VariedSeries
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable

LIMITS_KEPT = 60.0  # seconds that a job's limits are taken as read: they hardly ever change while it runs


class JobCollector(Collector):
    """A collector that reads something of every job that is shown."""

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        self.table = table
        self.config = config

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
