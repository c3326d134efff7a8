"""What the job exporter of a node would show: the truth that its pages are held against, and that history is made of.

Only families that the catalogue declares are answered for. Where usage() knows what a new one asks for: one line here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from jobgauge.catalogue import FAMILIES
from jobgauge.catalogue.job import JOB
from jobgauge_demo import nodes
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job
from jobgauge_demo.placing import GPU_MODEL, Node
from jobgauge_demo.processes import Process, processes
from jobgauge_demo.usage import CORE_WATTS, DISK, Usage, usage

Series = tuple[str, tuple[str, ...]]  # a family's name, and the values of its labels in their order
Value = int | float
Rows = Iterable[tuple[tuple[str, ...], Value]]

_NAMED = 100  # ticks from which a program is told apart
_PORT = ("mlx5_0", "1")
_STATES = {"R": "running", "S": "sleeping", "D": "uninterruptible", "T": "stopped", "Z": "zombie"}
_WAYS = ("read", "write")
_ENDS = ("receive", "transmit")


@dataclass(frozen=True)
class _OnNode:
    """A job on a node at a moment."""

    cluster: Cluster
    node: Node
    job: Job
    t: float
    alone: bool

    @cached_property
    def used(self) -> Usage:
        return usage(self.job, self.node.name, self.t)

    @cached_property
    def processes(self) -> tuple[Process, ...]:
        """Those of the user, without the scheduler's own."""
        own = processes(self.cluster, self.job, self.node.name)
        return tuple(process for process in own if process.uid)

    @cached_property
    def now(self) -> nodes.Counters:
        return nodes.counters(self.cluster, self.node, self.t)

    @cached_property
    def before(self) -> nodes.Counters:
        return nodes.counters(self.cluster, self.node, self.job.start)

    @property
    def shares(self) -> bool:
        """Tell whether the node's own counters are not this job's alone."""
        return not (self.alone and self.job.template.exclusive)


def _plain(value: Callable[[_OnNode], Value]) -> Callable[[_OnNode], Rows]:
    return lambda on: (((), value(on)),)


def _cpu(on: _OnNode) -> Rows:
    yield ("user",), on.used.user / 1e6
    yield ("system",), on.used.system / 1e6


def _events(on: _OnNode) -> Rows:
    return (((event,), count) for event, count in on.used.events.items())


def _pressure(on: _OnNode) -> Rows:
    return ((key, waited / 1e6) for key, waited in on.used.pressure.items())


def _io_bytes(on: _OnNode) -> Rows:
    return zip(
        ((DISK, way) for way in _WAYS), (on.used.disk.read_bytes, on.used.disk.written_bytes), strict=True
    )


def _io_operations(on: _OnNode) -> Rows:
    return zip(((DISK, way) for way in _WAYS), (on.used.disk.reads, on.used.disk.writes), strict=True)


def _threads(on: _OnNode) -> Rows:
    stopped = on.job.state(on.t) == "SUSPENDED"
    counts = Counter("".join(process.states(stopped=stopped) for process in on.processes))
    return (((state,), counts[letter]) for letter, state in _STATES.items())


def _process_cpu(on: _OnNode) -> Rows:
    ticks: Counter[str] = Counter()
    for process in on.processes:
        ticks[process.exe] += sum(process.ticks(on.used))
    yield ("other",), sum(count for count in ticks.values() if count < _NAMED) / 100
    yield from (((exe,), count / 100) for exe, count in ticks.items() if count >= _NAMED)


def _gpu(value: Callable[[_OnNode, int], Value]) -> Callable[[_OnNode], Rows]:
    """Give a value for each GPU by its position among the job's."""
    return lambda on: (((str(gpu.index),), value(on, position)) for position, gpu in enumerate(on.used.gpus))


def _gpu_info(on: _OnNode) -> Rows:
    return (
        ((str(gpu.index), nodes.gpu_uuid(on.node.name, gpu.index), GPU_MODEL, ""), 1) for gpu in on.used.gpus
    )


def _gpu_energy(on: _OnNode, position: int) -> Value:
    return on.now.gpu_energy[on.used.gpus[position].index]


def _lustre_bytes(on: _OnNode) -> Rows:
    if on.shares:
        return ()
    return (
        ((nodes.FILE_SYSTEM, way), on.now.lustre_bytes[way] - on.before.lustre_bytes[way]) for way in _WAYS
    )


def _lustre_operations(on: _OnNode) -> Rows:
    if on.shares:
        return ()
    before = on.before.lustre_operations
    return (
        ((nodes.FILE_SYSTEM, name), count - before[name]) for name, count in on.now.lustre_operations.items()
    )


def _network_bytes(on: _OnNode) -> Rows:
    if on.shares:
        return ()
    return ((("eth0", end), on.now.network_bytes - on.before.network_bytes) for end in _ENDS)


def _infiniband_bytes(on: _OnNode) -> Rows:
    if on.shares:
        return ()
    return (((*_PORT, end), on.now.infiniband_bytes - on.before.infiniband_bytes) for end in _ENDS)


def _infiniband_packets(on: _OnNode) -> Rows:
    if on.shares:
        return ()
    return (((*_PORT, end), on.now.infiniband_packets - on.before.infiniband_packets) for end in _ENDS)


def _energy(on: _OnNode) -> Rows:
    return (((domain,), watts * on.used.cpu / 1e6) for domain, watts in CORE_WATTS.items())


@dataclass(frozen=True)
class Answer:
    """How a family is answered for: its labels beyond the job's, and a row for each series."""

    rows: Callable[[_OnNode], Rows]
    labels: tuple[str, ...] = ()


ANSWERS: dict[str, Answer] = {
    "hpc_job_cpu_seconds_total": Answer(_cpu, ("mode",)),
    "hpc_job_cpus": Answer(_plain(lambda on: on.job.template.cpus)),
    "hpc_job_cpu_throttled_seconds_total": Answer(_plain(lambda _: 0)),
    "hpc_job_memory_usage_bytes": Answer(_plain(lambda on: on.used.memory.current)),
    "hpc_job_memory_rss_bytes": Answer(_plain(lambda on: on.used.memory.anonymous)),
    "hpc_job_memory_cache_bytes": Answer(_plain(lambda on: on.used.memory.file)),
    "hpc_job_memory_shmem_bytes": Answer(_plain(lambda on: on.used.memory.shared)),
    "hpc_job_memory_mapped_bytes": Answer(_plain(lambda on: on.used.memory.mapped)),
    "hpc_job_memory_kernel_bytes": Answer(_plain(lambda on: on.used.memory.kernel)),
    "hpc_job_memory_swap_bytes": Answer(_plain(lambda _: 0)),
    "hpc_job_memory_peak_bytes": Answer(_plain(lambda on: on.used.memory.peak)),
    "hpc_job_memory_limit_bytes": Answer(_plain(lambda on: on.used.memory.limit)),
    "hpc_job_memory_events_total": Answer(_events, ("event",)),
    "hpc_job_pressure_seconds_total": Answer(_pressure, ("resource", "kind")),
    "hpc_job_io_bytes_total": Answer(_io_bytes, ("device", "direction")),
    "hpc_job_io_operations_total": Answer(_io_operations, ("device", "direction")),
    "hpc_job_start_time_seconds": Answer(_plain(lambda on: on.job.start)),
    "hpc_job_processes": Answer(_plain(lambda on: len(on.processes))),
    "hpc_job_threads": Answer(_threads, ("state",)),
    "hpc_job_process_cpu_seconds_total": Answer(_process_cpu, ("exe",)),
    "hpc_job_gpu_info": Answer(_gpu_info, ("gpu", "uuid", "model", "mig")),
    "hpc_job_gpu_utilization_ratio": Answer(_gpu(lambda on, i: on.used.gpus[i].utilization / 100), ("gpu",)),
    "hpc_job_gpu_memory_used_bytes": Answer(_gpu(lambda on, i: on.used.gpus[i].memory_used), ("gpu",)),
    "hpc_job_gpu_memory_total_bytes": Answer(_gpu(lambda on, i: on.used.gpus[i].memory_total), ("gpu",)),
    "hpc_job_gpu_power_watts": Answer(_gpu(lambda on, i: on.used.gpus[i].power / 1000), ("gpu",)),
    "hpc_job_gpu_energy_joules_total": Answer(_gpu(_gpu_energy), ("gpu",)),
    "hpc_job_gpu_temperature_celsius": Answer(_gpu(lambda on, i: on.used.gpus[i].temperature), ("gpu",)),
    "hpc_job_gpu_sm_clock_hertz": Answer(_gpu(lambda on, i: on.used.gpus[i].sm_clock * 1_000_000), ("gpu",)),
    "hpc_job_lustre_bytes_total": Answer(_lustre_bytes, ("fs", "direction")),
    "hpc_job_lustre_operations_total": Answer(_lustre_operations, ("fs", "operation")),
    "hpc_job_network_bytes_total": Answer(_network_bytes, ("device", "direction")),
    "hpc_job_infiniband_bytes_total": Answer(_infiniband_bytes, ("device", "port", "direction")),
    "hpc_job_infiniband_packets_total": Answer(_infiniband_packets, ("device", "port", "direction")),
    "hpc_job_energy_joules_total": Answer(_energy, ("domain",)),
    "hpc_job_node_exclusive": Answer(_plain(lambda on: int(on.alone))),
}

_ANSWERED = [(name, answer.rows) for name, answer in ANSWERS.items() if name in FAMILIES]


def truth(cluster: Cluster, node: Node, t: float) -> dict[Series, Value]:
    """Return every series of the jobs on a node at t."""
    running = cluster.running(t, node.name)
    found: dict[Series, Value] = {}
    for job in running:
        on = _OnNode(cluster, node, job, t, alone=len(running) == 1)
        labels = (str(job.id), job.user.name, job.template.account)
        for name, rows in _ANSWERED:
            for extra, value in rows(on):
                found[name, labels + extra] = value
    return found


def job_labels(name: str) -> tuple[str, ...]:
    """Return the labels that answers for a family carry."""
    return JOB + ANSWERS[name].labels
