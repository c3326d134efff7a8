"""What the node has done on Lustre file systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.errors import NoData
from jobgauge.family import Family
from jobgauge_job.collectors.node import Counter, NodeCollector
from jobgauge_job.sources import lustre


class LustreCollector(NodeCollector):
    """Reads the statistics of the Lustre client."""

    name = "lustre"
    about = "Lustre bytes and operations of the node, and of a job that has it to itself"
    of_node: ClassVar[Mapping[Family, Family]] = {
        catalogue.LUSTRE_BYTES: catalogue.NODE_LUSTRE_BYTES,
        catalogue.LUSTRE_OPERATIONS: catalogue.NODE_LUSTRE_OPERATIONS,
    }
    families: ClassVar[tuple[Family, ...]] = (*of_node.keys(), *of_node.values())

    def read(self) -> Mapping[Counter, int]:
        """Read all mounts."""
        found: dict[Counter, int] = {}
        for fs, mount in lustre.mounts(self.config.procfs, self.config.sysfs).items():
            for direction, value in mount.bytes.items():
                found[catalogue.LUSTRE_BYTES, (fs, direction)] = value
            for operation, value in mount.operations.items():
                found[catalogue.LUSTRE_OPERATIONS, (fs, operation)] = value
        if not found:
            raise NoData("no Lustre file system is mounted")
        return found
