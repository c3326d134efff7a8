"""The job exporter inside the test's process, for tests in which the node changes between scrapes."""

from __future__ import annotations

import dataclasses
from typing import Any

from jobgauge.exposition import render
from jobgauge.runner import Runner
from jobgauge_job.cli import build
from jobgauge_job.collectors import COLLECTORS
from jobgauge_job.config import JobConfig
from tests.support.expectation import Key
from tests.support.node_tree import NodeTree
from tests.support.scrape import jobs_only, parse

NAMES = frozenset(collector.name for collector in COLLECTORS)


class JobExporter:
    """A running exporter of a made-up node."""

    def __init__(self, node: NodeTree, **settings: Any) -> None:
        config = JobConfig(
            cgroupfs=str(node.cgroups),
            procfs=str(node.proc),
            sysfs=str(node.sys),
            passwd=str(node.passwd),
            job_facts=str(node.facts),
            identity_timeout=0.0,
            collectors=NAMES,
        )
        self.running = build(dataclasses.replace(config, **settings))
        self.runner = Runner(self.running.collectors)

    def series(self) -> dict[Key, float]:
        """Take a scrape once everything that works in the background has caught up."""
        table = self.running.collectors[0].table  # type: ignore[attr-defined]  # the first collector is `jobs`
        table.watch()
        table._resolver.settle(10.0)
        return parse(render(self.runner.scrape(NAMES, 30.0)).decode())

    def jobs(self) -> dict[Key, float]:
        """Take a scrape; return the series of jobs."""
        return jobs_only(self.series())

    def close(self) -> None:
        self.running.close()
