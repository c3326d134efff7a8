"""What came and went through the node's network interfaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.errors import NoData
from jobgauge.family import Family
from jobgauge_job.collectors.node import Counter, NodeCollector
from jobgauge_job.sources import network


class NetworkCollector(NodeCollector):
    """Reads /proc/net/dev; the node's own totals are node_exporter's affair."""

    name = "network"
    about = "network traffic of a job that has the node to itself"
    families: ClassVar[tuple[Family, ...]] = (catalogue.NETWORK_BYTES,)
    of_node: ClassVar[Mapping[Family, Family]] = {}

    def read(self) -> Mapping[Counter, int]:
        """Read all Ethernet devices."""
        devices = network.devices(self.config.procfs, self.config.sysfs)
        if not devices:
            raise NoData("no Ethernet device")
        return {
            (catalogue.NETWORK_BYTES, (device, direction)): value
            for device, ways in devices.items()
            for direction, value in zip(("receive", "transmit"), ways, strict=True)
        }
