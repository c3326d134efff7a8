"""What the node has done on NFS file systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jobgauge.catalogue import job_files as catalogue
from jobgauge.errors import NoData
from jobgauge.family import Family
from jobgauge_job.collectors.node import Counter, NodeCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.nfs import NfsMounts


class NfsCollector(NodeCollector):
    """Reads the statistics of the NFS client."""

    name = "nfs"
    about = "NFS bytes and operations of the node, and of a job that has it to itself"
    of_node: ClassVar[Mapping[Family, Family]] = {
        catalogue.NFS_BYTES: catalogue.NODE_NFS_BYTES,
        catalogue.NFS_OPERATIONS: catalogue.NODE_NFS_OPERATIONS,
    }
    families: ClassVar[tuple[Family, ...]] = (*of_node.keys(), *of_node.values())

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._mounts = NfsMounts(config.procfs)

    @property
    def dropped(self) -> int:
        """How many file systems were left out so far, since there are too many."""
        return self._mounts.dropped

    def read(self) -> Mapping[Counter, int]:
        """Read all mounts."""
        found: dict[Counter, int] = {}
        for fs, traffic in self._mounts.read().items():
            for direction, value in traffic.bytes.items():
                found[catalogue.NFS_BYTES, (fs, direction)] = value
            for operation, value in traffic.operations.items():
                found[catalogue.NFS_OPERATIONS, (fs, operation)] = value
        if not found:
            raise NoData("no NFS file system is mounted")
        return found
