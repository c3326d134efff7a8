"""The command jobgauge-scheduler-exporter."""

from __future__ import annotations

from jobgauge.exporter import Exporter, Running, run
from jobgauge_scheduler.backends import choose
from jobgauge_scheduler.collectors import COLLECTORS
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.poller import Poller

_FIRST_READ = 25.0  # seconds that a start waits for the first figures: longer than a client's time-out


def build(config: SchedulerConfig) -> Running:
    """Start to read what the collectors that are on need."""
    classes = [c for c in COLLECTORS if c.essential or c.name in config.collectors]
    needed = {source for c in classes for source in (*c.sources, *c.also)}
    reads = {source: read for source, read in choose(config).reads().items() if source in needed}
    intervals = {source: config.interval(source) for source in reads}
    poller = Poller(reads, intervals, config.max_age, cluster=config.cluster)
    collectors = [c([poller], config) for c in classes]
    poller.start(_FIRST_READ)
    return Running(collectors, poller.close)


def main() -> int:
    """Run the exporter."""
    return run(
        Exporter(
            "jobgauge-scheduler-exporter",
            "Publishes the scheduler's queue, nodes, limits and health at one read an interval, never one a scrape.",
            SchedulerConfig,
            COLLECTORS,
            build,
        )
    )
