"""Collectors of what the kernel counts for the node as a whole."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from jobgauge.errors import NoData, SourceError
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.share import NodeShare

_LOOK_AGAIN = 30.0  # seconds between looks for devices where there are none

Counter = tuple[Family, tuple[str, ...]]  # a job's family, and the values of its labels beyond the job's


class NodeCollector(JobCollector):
    """Shows the node's counters, and those of a job that has the node to itself."""

    of_node: ClassVar[Mapping[Family, Family]]  # the node's own family by the job's, where there is one

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._share = NodeShare(table, self._read)
        self._nothing_until = 0.0

    @abstractmethod
    def read(self) -> Mapping[Counter, int]:
        """Read the node's counters. Raise NoData where it has none, SourceError where they can't be read."""

    def _read(self) -> Mapping[Counter, int]:
        now = time.monotonic()
        if now < self._nothing_until:
            raise NoData("nothing of this kind was here at the last look")
        try:
            return self.read()
        except NoData:
            self._nothing_until = now + _LOOK_AGAIN
            raise

    def lacks(self) -> str:
        """Why it can't be read is what reading says."""
        try:
            self.read()
        except (NoData, SourceError) as error:
            return str(error)
        return ""

    def settle(self) -> None:
        """Read the counters because a job has come or gone."""
        self._share.update()

    def collect(self) -> Iterable[Samples]:
        """Read the counters; show whose they are."""
        now = self._share.update()
        for family, own in self.of_node.items():
            values = {labels: value for (of, labels), value in now.items() if of is family}
            yield Samples.of(own, values, self.config.cluster)
        of_jobs: dict[Family, dict[tuple[str, ...], int]] = {family: {} for family, _ in now}
        for job in self.table.shown:
            for (family, labels), value in self._share.totals(job).items():
                of_jobs.setdefault(family, {})[(*job.labels, *labels)] = value
        for family, series in of_jobs.items():
            yield Samples.of(family, series, self.config.cluster)
