"""What the jobs read from and write to the node's own disks."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.columns import Variants
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.block import BlockDevices
from jobgauge_job.sources.cgroup import io_devices


class IoCollector(JobCollector):
    """Reads the io controller."""

    name = "io"
    about = "bytes and operations on the node's block devices"
    families: ClassVar[tuple[Family, ...]] = (catalogue.IO_BYTES, catalogue.IO_OPERATIONS)

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._stat = self.file({2: ("io.stat", io_devices)})
        self._devices = BlockDevices(config.sysfs)
        self._bytes = self.varied(catalogue.IO_BYTES)
        self._operations = self.varied(catalogue.IO_OPERATIONS)
        self._used: list[tuple[bytes, ...]] = []  # the devices of each job, as the variants were made for
        self._variants: Variants = []

    def collect(self) -> Iterable[Samples]:
        """Read one file a job."""
        jobs = self.table.shown
        rows = self._stat.rows(jobs)
        used = [tuple(line[0] for line in row) for row in rows]
        if used != self._used:
            self._variants = [self._directions(devices) for devices in used]
            self._used = used
        lines = list(chain.from_iterable(rows))
        yield self._bytes.samples(jobs, self._variants, [value for line in lines for value in line[1:3]])
        yield self._operations.samples(jobs, self._variants, [value for line in lines for value in line[3:5]])

    def _directions(self, devices: Iterable[bytes]) -> list[tuple[str, str]]:
        return [(self._devices.name(number), way) for number in devices for way in ("read", "write")]
