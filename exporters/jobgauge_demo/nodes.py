"""What a node has done by a given time, whoever's jobs ran on it: the counters that the kernel keeps for the node only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from jobgauge_demo.chance import between
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.habits import GIB
from jobgauge_demo.lanes import EPOCH
from jobgauge_demo.placing import Node
from jobgauge_demo.usage import CORE_WATTS, GPU_BUSY_WATTS, GPU_IDLE_WATTS, cpus_at_work, gpu_load

SYSTEM_MEMORY = 6 * GIB  # of each node, that is not the jobs'
FILE_SYSTEM = "scratch"
# Lustre operations by the client's name for them, and their share of the metadata load
OPERATIONS = {
    "open": 0.2,
    "close": 0.2,
    "getattr": 0.33,
    "readdir": 0.04,
    "mknod": 0.08,
    "unlink": 0.08,
    "setattr": 0.05,
    "statfs": 0.02,
}
ALL_OPERATIONS = (*OPERATIONS, "read", "write")
_REMEMBERED = 1024  # states of a node
_TRANSFER = 1 << 20  # bytes of one read or write on Lustre
_PACKET, _FRAME = 2048, 1200  # bytes, InfiniBand and Ethernet
_BACKGROUND = 3_000  # bytes a second that the node itself receives and sends


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since the node was switched on."""

    cpu: float  # seconds, all CPUs together
    disk_bytes: Mapping[str, int]  # by direction
    lustre_bytes: Mapping[str, int]  # by direction
    lustre_operations: Mapping[str, int]
    infiniband_bytes: int  # each way
    network_bytes: int  # each way
    energy: Mapping[str, float]  # joules by domain
    gpu_energy: Mapping[int, float]  # joules by GPU

    @property
    def infiniband_packets(self) -> int:
        """Return packets, each way."""
        return self.infiniband_bytes // _PACKET

    @property
    def network_packets(self) -> int:
        """Return frames, each way."""
        return self.network_bytes // _FRAME


def boot_time(cluster: Cluster, node: str) -> int:
    """Return when a node was switched on; it has not been switched off since."""
    return EPOCH - 3600 - between(0, 86400, cluster.seed, node, "boot")


def gpu_uuid(node: str, index: int) -> str:
    """Return what the driver calls a GPU."""
    return f"GPU-{UUID(bytes=blake2b(f'{node}/{index}'.encode(), digest_size=16).digest(), version=4)}"


@lru_cache(_REMEMBERED)
def counters(cluster: Cluster, node: Node, t: float) -> Counters:
    """Return a node's totals: those of all jobs that have ended there, and what the present ones have done."""
    cpu = infiniband = metadata = read = written = disk_read = disk_written = 0.0
    network = (t - EPOCH) * _BACKGROUND
    gpu_energy = dict.fromkeys(range(node.gpus), (t - EPOCH) * GPU_IDLE_WATTS)
    for lane in cluster.lanes_on(node.name):
        number = max(0, lane.current(t))
        job = cluster.job(lane, number)
        if job is None:
            continue
        before, worked = lane.active_before(number), job.worked(t)
        load = before + job.smooth(worked)
        cpu += cpus_at_work(job, node.name) * load
        if job.idle_on(node.name):
            continue
        habit = lane.template.habit
        bursts = before + job.bursts(worked)
        disk_read += habit.disk[0] * load
        disk_written += habit.disk[1] * bursts
        read += habit.lustre[0] * load
        written += habit.lustre[1] * bursts
        metadata += habit.metadata * load
        infiniband += habit.infiniband * load
        network += habit.network * load
        for position, gpu in enumerate(job.place(node.name).gpus):
            gpu_energy[gpu] += GPU_BUSY_WATTS * gpu_load(habit, position) * load
    return Counters(
        cpu=cpu,
        disk_bytes={"read": int(disk_read), "write": int(disk_written)},
        lustre_bytes={"read": int(read), "write": int(written)},
        lustre_operations={name: int(metadata * share) for name, share in OPERATIONS.items()}
        | {"read": int(read) // _TRANSFER, "write": int(written) // _TRANSFER},
        infiniband_bytes=int(infiniband),
        network_bytes=int(network),
        energy={domain: watts * cpu for domain, watts in CORE_WATTS.items()},
        gpu_energy=gpu_energy,
    )
