"""What came and went through the node's InfiniBand or Omni-Path ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.errors import NoData
from jobgauge.family import Family
from jobgauge_job.collectors.node import Counter, NodeCollector
from jobgauge_job.sources import infiniband

_FAMILIES = {"bytes": catalogue.INFINIBAND_BYTES, "packets": catalogue.INFINIBAND_PACKETS}


class InfinibandCollector(NodeCollector):
    """Reads /sys/class/infiniband."""

    name = "infiniband"
    about = "InfiniBand traffic of the node, and of a job that has it to itself"
    of_node: ClassVar[Mapping[Family, Family]] = {
        catalogue.INFINIBAND_BYTES: catalogue.NODE_INFINIBAND_BYTES,
        catalogue.INFINIBAND_PACKETS: catalogue.NODE_INFINIBAND_PACKETS,
    }
    families: ClassVar[tuple[Family, ...]] = (*of_node.keys(), *of_node.values())

    def read(self) -> Mapping[Counter, int]:
        """Read all ports."""
        found: dict[Counter, int] = {
            (_FAMILIES[what], (device, port, direction)): value
            for device, port, counters in infiniband.ports(self.config.sysfs)
            for (what, direction), value in counters.items()
        }
        if not found:
            raise NoData("no InfiniBand port")
        return found
