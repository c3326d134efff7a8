"""What a node's own counters show: of the node as a whole, and of a job that has the node for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from jobgauge.catalogue import FAMILIES
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.habits import MIB
from jobgauge_demo.nodes import ALL_OPERATIONS, FILE_SYSTEM, Counters, counters, gpu_uuid
from jobgauge_demo.placing import GPU_MEMORY, GPU_MODEL, Node
from jobgauge_demo.usage import CORE_WATTS, GPU_IDLE_WATTS, Gpu, gpus

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
_GPU: Mapping[str, Callable[[Gpu], int | float]] = {
    "hpc_node_gpu_utilization_ratio": lambda gpu: gpu.utilization / 100,
    "hpc_node_gpu_memory_used_bytes": lambda gpu: gpu.memory_used,
    "hpc_node_gpu_memory_total_bytes": lambda gpu: gpu.memory_total,
    "hpc_node_gpu_power_watts": lambda gpu: gpu.power / 1000,
    "hpc_node_gpu_temperature_celsius": lambda gpu: gpu.temperature,
}
_GPU_INFO, _GPU_ENERGY = "hpc_node_gpu_info", "hpc_node_gpu_energy_joules_total"
LABELS: Mapping[str, tuple[str, ...]] = {
    **{f"hpc_node_{name}": labels for name, (labels, _) in _NODE.items()},
    **dict.fromkeys((*_GPU, _GPU_ENERGY), ("gpu",)),
    _GPU_INFO: ("gpu", "uuid", "model", "mig"),
}

_SHOWN = {name: counts for name, (_, counts) in _NODE.items() if f"hpc_node_{name}" in FAMILIES}


def node_truth(cluster: Cluster, node: Node, t: float) -> dict[tuple[str, tuple[str, ...]], int | float]:
    """Return every series of the node as a whole."""
    now = counters(cluster, node, t)
    found = {
        (f"hpc_node_{name}", labels): read(now)
        for name, counts in _SHOWN.items()
        for labels, read in counts.items()
    }
    for index, gpu in node_gpus(cluster, node, t).items():
        number = str(index)
        found |= {(name, (number,)): read(gpu) for name, read in _GPU.items()}
        found[_GPU_INFO, (number, gpu_uuid(node.name, index), GPU_MODEL, "")] = 1
        found[_GPU_ENERGY, (number,)] = now.gpu_energy[index]
    return found


def node_gpus(cluster: Cluster, node: Node, t: float) -> dict[int, Gpu]:
    """Return what the driver tells of each GPU of a node, used or not."""
    found = {
        index: Gpu(index, 0, 4 * MIB, GPU_MEMORY, GPU_IDLE_WATTS * 1000, 30, 210)
        for index in range(node.gpus)
    }
    for job in cluster.running(t, node.name) if node.gpus else ():
        found |= {gpu.index: gpu for gpu in gpus(job, job.place(node.name), t)}
    return found
