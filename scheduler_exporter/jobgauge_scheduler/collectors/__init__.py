"""The collectors of the scheduler exporter. To add one: a file beside these and a line in the table."""

from __future__ import annotations

from jobgauge_scheduler.collectors.queue import QueueCollector
from jobgauge_scheduler.collectors.sources import SourcesCollector
from jobgauge_scheduler.view import SchedulerCollector

COLLECTORS: tuple[type[SchedulerCollector], ...] = (SourcesCollector, QueueCollector)
