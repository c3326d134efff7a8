"""What a node's own counters show: of the node as a whole, and of a job that has the node for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from jobgauge.catalogue import FAMILIES
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.nodes import ALL_OPERATIONS, FILE_SYSTEM, Counters, counters
from jobgauge_demo.placing import Node
from jobgauge_demo.usage import CORE_WATTS

Count = Callable[[Counters], int | float]
Counts = Mapping[tuple[str, ...], Count]  # by the values of the labels

_WAYS = ("read", "write")
_ENDS = ("receive", "transmit")
_PORT = ("mlx5_0", "1")
_ON_PORT = ("device", "port", "direction")

# Labels and series by the part of a family's name that stands after hpc_job_ and hpc_node_: what is a job's own while it is alone.
COUNTED: Mapping[str, tuple[tuple[str, ...], Counts]] = {
    "lustre_bytes_total": (
        ("fs", "direction"),
        {(FILE_SYSTEM, way): partial(lambda way, c: c.lustre_bytes[way], way) for way in _WAYS},
    ),
    "lustre_operations_total": (
        ("fs", "operation"),
        {
            (FILE_SYSTEM, name): partial(lambda name, c: c.lustre_operations[name], name)
            for name in ALL_OPERATIONS
        },
    ),
    "network_bytes_total": (
        ("device", "direction"),
        {("eth0", end): lambda c: c.network_bytes for end in _ENDS},
    ),
    "infiniband_bytes_total": (_ON_PORT, {(*_PORT, end): lambda c: c.infiniband_bytes for end in _ENDS}),
    "infiniband_packets_total": (_ON_PORT, {(*_PORT, end): lambda c: c.infiniband_packets for end in _ENDS}),
}
_NODE: Mapping[str, tuple[tuple[str, ...], Counts]] = {
    **COUNTED,
    "energy_joules_total": (
        ("domain",),
        {(domain,): partial(lambda domain, c: c.energy[domain], domain) for domain in CORE_WATTS},
    ),
}
LABELS: Mapping[str, tuple[str, ...]] = {f"hpc_node_{name}": labels for name, (labels, _) in _NODE.items()}

_SHOWN = {name: counts for name, (_, counts) in _NODE.items() if f"hpc_node_{name}" in FAMILIES}


def node_truth(cluster: Cluster, node: Node, t: float) -> dict[tuple[str, tuple[str, ...]], int | float]:
    """Return every series of the node as a whole."""
    now = counters(cluster, node, t)
    return {
        (f"hpc_node_{name}", labels): read(now)
        for name, counts in _SHOWN.items()
        for labels, read in counts.items()
    }
