"""The command jobgauge-job-exporter."""

from __future__ import annotations

import logging
import resource

from jobgauge.exporter import Exporter, Running, run
from jobgauge_job.collectors import COLLECTORS
from jobgauge_job.config import JobConfig
from jobgauge_job.identity import Names, Resolver
from jobgauge_job.jobs import JobTable
from jobgauge_job.layouts import LAYOUTS
from jobgauge_job.layouts.base import Layout
from jobgauge_job.sources.facts import FactsFolder
from jobgauge_job.sources.procfs import Procfs
from jobgauge_job.watch import Watch

log = logging.getLogger(__name__)

_SETTLE = 1.0  # seconds that a start waits for the owners of the jobs that are there already


def main() -> int:
    """Run the job exporter."""
    return run(
        Exporter(
            program="jobgauge-job-exporter",
            about="What each job uses on this node: CPU, memory and more, by job, user and account.",
            config=JobConfig,
            collectors=COLLECTORS,
            build=build,
        )
    )


def build(config: JobConfig) -> Running:
    """Make the table of jobs and the collectors that read them."""
    _allow_many_files()
    layouts = _layouts(config)
    resolver = Resolver(Procfs(config.procfs), FactsFolder(config.job_facts), Names(config.passwd))
    table = JobTable(
        layouts, resolver, identity_timeout=config.identity_timeout, keep_ended=config.keep_ended
    )
    collectors = [c(table, config) for c in COLLECTORS if c.essential or c.name in config.collectors]
    table.look()
    resolver.settle(_SETTLE)
    watch = Watch(table, config.watch_interval, [collector.settle for collector in collectors])

    def close() -> None:
        watch.close()
        resolver.close()
        for collector in collectors:
            collector.close()

    return Running(collectors, close, table.wait_for_identities)


def _layouts(config: JobConfig) -> list[Layout]:
    """Make the layouts to read, and say where each is found."""
    wanted = [
        layout
        for layout in LAYOUTS
        if config.layout == layout.name or (config.layout == "auto" and layout.automatic)
    ]
    layouts = [layout(config.cgroupfs) for layout in wanted]
    for layout in layouts:
        if scopes := layout.scopes():
            log.info("%s: %s", layout.about, ", ".join(scopes))
    if not any(layout.scopes() for layout in layouts):
        names = ", ".join(layout.name for layout in layouts)
        log.info("no jobs' cgroups below %s yet (looked for %s); looking on", config.cgroupfs, names)
    return layouts


def _allow_many_files() -> None:
    """Raise the limit of open files as far as may be: a dozen of each job are kept open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
