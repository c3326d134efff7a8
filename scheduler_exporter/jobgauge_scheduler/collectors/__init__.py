"""The collectors of the scheduler exporter. To add one: a file beside these and a line in the table."""

from __future__ import annotations

from jobgauge_scheduler.collectors.backfill import BackfillCollector
from jobgauge_scheduler.collectors.fairshare import FairshareCollector
from jobgauge_scheduler.collectors.health import HealthCollector
from jobgauge_scheduler.collectors.history import HistoryCollector
from jobgauge_scheduler.collectors.jobs import JobsCollector
from jobgauge_scheduler.collectors.licenses import LicensesCollector
from jobgauge_scheduler.collectors.limits import LimitsCollector
from jobgauge_scheduler.collectors.nodes import NodesCollector
from jobgauge_scheduler.collectors.partitions import PartitionsCollector
from jobgauge_scheduler.collectors.queue import QueueCollector
from jobgauge_scheduler.collectors.reservations import ReservationsCollector
from jobgauge_scheduler.collectors.sources import SourcesCollector
from jobgauge_scheduler.view import SchedulerCollector

COLLECTORS: tuple[type[SchedulerCollector], ...] = (
    SourcesCollector,
    QueueCollector,
    JobsCollector,
    NodesCollector,
    PartitionsCollector,
    BackfillCollector,
    LimitsCollector,
    FairshareCollector,
    ReservationsCollector,
    LicensesCollector,
    HistoryCollector,
    HealthCollector,
)
