"""The command jobgauge-scheduler-exporter."""

from __future__ import annotations

import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from jobgauge.config import Loader
from jobgauge.errors import ConfigError
from jobgauge.exporter import Exporter, Running, run
from jobgauge_scheduler.backends import choose
from jobgauge_scheduler.collectors import COLLECTORS
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Source
from jobgauge_scheduler.poller import Poller

_PROGRAM = "jobgauge-scheduler-exporter"
_FIRST_READ = 25.0  # seconds that a start waits for the first figures: longer than a client's time-out


class Service:
    """Makes the pollers of each configuration, and has them follow one another without two reads at once."""

    def __init__(self) -> None:
        self._pollers: Sequence[Poller] = ()

    def build(self, config: SchedulerConfig) -> Running:
        """Start to read what the collectors that are on need, of one cluster or of each that has a file of its own."""
        classes = [c for c in COLLECTORS if c.essential or c.name in config.collectors]
        needed = {source for c in classes for source in (*c.sources, *c.also)}
        pollers = [_poller(cluster, needed) for cluster in clusters(config)]  # the last that may fail
        collectors = [c(pollers, config) for c in classes]
        before, self._pollers = self._pollers, pollers
        _close(before)
        for poller in pollers:
            poller.start(after=before)
        patience = time.monotonic() + _FIRST_READ
        for poller in pollers:
            poller.wait(patience - time.monotonic())
        return Running(collectors, partial(_close, pollers))


def _close(pollers: Sequence[Poller]) -> None:
    for poller in pollers:
        poller.close()


def clusters(config: SchedulerConfig) -> Sequence[SchedulerConfig]:
    """Return the settings of each cluster; raise ConfigError where a file of one is wrong."""
    if not config.clusters:
        return [config]
    found = {}
    for path in config.clusters:
        flags = ["--config.file", path]
        cluster = Loader(SchedulerConfig, program=_PROGRAM, about="", argv=flags, environment={}).load()
        if not cluster.cluster or cluster.cluster in found:
            raise ConfigError(f"{path}: cluster: each cluster's file needs a name of its own")
        found[cluster.cluster] = cluster
    return list(found.values())


def _poller(config: SchedulerConfig, needed: AbstractSet[Source]) -> Poller:
    backend = choose(config)
    reads = {source: read for source, read in backend.reads().items() if source in needed}
    intervals = {source: config.interval(source) for source in reads}
    return Poller(reads, intervals, config.max_age, cluster=config.cluster, done=backend.close)


def main() -> int:
    """Run the exporter."""
    return run(
        Exporter(
            _PROGRAM,
            "Publishes the scheduler's queue, nodes, limits and health at one read an interval, never one a scrape.",
            SchedulerConfig,
            COLLECTORS,
            Service().build,
            check=clusters,
        )
    )
