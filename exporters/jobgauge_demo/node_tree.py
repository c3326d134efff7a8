"""The files below /proc, /sys and the GPU driver that speak of the node as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable

from jobgauge_demo import tree_text as text
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.node_series import node_gpus
from jobgauge_demo.nodes import FILE_SYSTEM, SYSTEM_MEMORY, Counters, boot_time, counters, gpu_uuid
from jobgauge_demo.placing import GPU_MODEL, Node
from jobgauge_demo.tree_files import Files
from jobgauge_demo.usage import DISK, Usage

_PACKAGES = 2  # of CPUs
_RAPL_RANGE = 262_143_328_850  # microjoules; then the counter begins again at 0
_MOUNT = f"{FILE_SYSTEM}-ffff9a3c41d2e800"


class NodeFiles:
    """What the node's own counters and settings say."""

    def __init__(self, cluster: Cluster, node: Node, path: str) -> None:
        self._cluster = cluster
        self._node = node
        self._proc, self._sys, self._gpu = f"{path}/proc", f"{path}/sys", f"{path}/gpu"
        self._files = Files()
        self._boot = boot_time(cluster, node.name)
        # Lustre's client shows its statistics in /proc up to 2.12 and in debugfs from then on; we have nodes of both kinds.
        shown = f"{self._sys}/kernel/debug/lustre" if node.sluid else f"{self._proc}/fs/lustre"
        self._lustre = f"{shown}/llite/{_MOUNT}/stats"
        self._make()

    def _make(self) -> None:
        put, sys = self._files.put, self._sys
        processors = range(self._node.cpus)
        half = self._node.cpus // _PACKAGES
        put(
            f"{self._proc}/cpuinfo",
            "".join(
                f"processor\t: {cpu}\nphysical id\t: {cpu // half}\ncore id\t: {cpu % half}\n\n"
                for cpu in processors
            ),
        )
        put(
            f"{sys}/dev/block/{text.DISK_NUMBER}/uevent",
            f"MAJOR=259\nMINOR=0\nDEVNAME={DISK}\nDEVTYPE=disk\n",
        )
        put(f"{sys}/block/{DISK}/dev", f"{text.DISK_NUMBER}\n")
        port = f"{sys}/class/infiniband/mlx5_0/ports/1"
        for name, content in (
            ("state", "4: ACTIVE\n"),
            ("phys_state", "5: LinkUp\n"),
            ("rate", "200 Gb/sec (4X HDR)\n"),
            ("link_layer", "InfiniBand\n"),
        ):
            put(f"{port}/{name}", content)
        for name, kind in (("eth0", 1), ("ib0", 32), ("lo", 772)):
            put(f"{sys}/class/net/{name}/operstate", "unknown\n" if name == "lo" else "up\n")
            put(f"{sys}/class/net/{name}/type", f"{kind}\n")
        for zone, name in self._zones():
            put(f"{zone}/name", f"{name}\n")
            put(f"{zone}/enabled", "1\n")
            put(f"{zone}/max_energy_range_uj", f"{_RAPL_RANGE}\n")
        put(f"{sys}/fs/lustre/version", "2.15.5\n" if self._node.sluid else "2.12.9\n")
        put(f"{sys}/fs/lustre/health_check", "healthy\n")
        os.makedirs(f"{sys}/fs/lustre/llite/{_MOUNT}", exist_ok=True)

    def _zones(self) -> list[tuple[str, str]]:
        top = f"{self._sys}/class/powercap/intel-rapl"
        return [(f"{top}:{package}", f"package-{package}") for package in range(_PACKAGES)] + [
            (f"{top}:{package}:0", "dram") for package in range(_PACKAGES)
        ]

    def update(self, t: float, used: Iterable[Usage]) -> None:
        """Write what has changed by t, with jobs on the node that use this."""
        put, node = self._files.put, self._node
        now = counters(self._cluster, node, t)
        put(f"{self._proc}/stat", text.node_stat(now, node.cpus, t - self._boot, self._boot))
        taken = SYSTEM_MEMORY + sum(usage.memory.current for usage in used)
        put(f"{self._proc}/meminfo", text.meminfo(node.memory, taken))
        put(f"{self._proc}/uptime", f"{t - self._boot:.2f} 0.00\n")
        put(f"{self._proc}/diskstats", text.diskstats(now))
        put(self._lustre, text.lustre_stats(now, t, self._boot))
        self._network(now)
        for zone, name in self._zones():
            joules = now.energy["dram" if name == "dram" else "cpu"] / _PACKAGES
            put(f"{zone}/energy_uj", f"{int(joules * 1e6) % _RAPL_RANGE}\n")
        self._gpus(t, now)

    def _network(self, now: Counters) -> None:
        put = self._files.put
        counts = f"{self._sys}/class/infiniband/mlx5_0/ports/1/counters"
        for way in ("xmit", "rcv"):
            put(f"{counts}/port_{way}_data", f"{now.infiniband_bytes // 4}\n")  # in words of four bytes
            put(f"{counts}/port_{way}_packets", f"{now.infiniband_packets}\n")
        interfaces = {"lo": (0, 0), "eth0": (now.network_bytes, now.network_packets), "ib0": (0, 0)}
        put(f"{self._proc}/net/dev", text.net_dev(interfaces))
        for name, (size, packets) in interfaces.items():
            for way in ("rx", "tx"):
                put(f"{self._sys}/class/net/{name}/statistics/{way}_bytes", f"{size}\n")
                put(f"{self._sys}/class/net/{name}/statistics/{way}_packets", f"{packets}\n")

    def _gpus(self, t: float, now: Counters) -> None:
        for index, gpu in node_gpus(self._cluster, self._node, t).items():
            pairs = (
                ("uuid", gpu_uuid(self._node.name, index)),
                ("model", GPU_MODEL),
                ("utilization_percent", gpu.utilization),
                ("memory_used_bytes", gpu.memory_used),
                ("memory_total_bytes", gpu.memory_total),
                ("power_milliwatts", gpu.power),
                ("energy_millijoules", int(now.gpu_energy[index] * 1000)),
                ("temperature_celsius", gpu.temperature),
                ("sm_clock_megahertz", gpu.sm_clock),
            )
            self._files.put(f"{self._gpu}/{index}", text.lines(pairs))
