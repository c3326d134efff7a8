"""What the job exporter of a node would show: the truth that its pages are held against, and that history is made of.

Only families that the catalogue declares are answered for. Where usage() knows what a new one asks for: one line here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from jobgauge.catalogue import FAMILIES
from jobgauge.catalogue.job import JOB
from jobgauge_demo import nodes
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job
from jobgauge_demo.node_series import COUNTED, Count, Counts, node_truth
from jobgauge_demo.placing import GPU_MODEL, Node
from jobgauge_demo.processes import Process, processes
from jobgauge_demo.usage import CORE_WATTS, DISK, EVENTS, PRESSURES, Usage, usage

Series = tuple[str, tuple[str, ...]]  # a family's name, and the values of its labels in their order
Value = int | float

_NAMED = 100  # ticks from which a program is told apart
_OTHER = "other"
_STATES = {"R": "running", "S": "sleeping", "D": "uninterruptible", "T": "stopped", "Z": "zombie"}


@dataclass
class Moment:
    """A job on a node at a time."""

    cluster: Cluster
    node: Node
    job: Job
    t: float
    alone: bool  # no other job is on the node

    @cached_property
    def used(self) -> Usage:
        """What the job has used by now."""
        return usage(self.job, self.node.name, self.t)

    @cached_property
    def threads(self) -> Counter[str]:
        """The threads of the user's processes, by the letter of their state."""
        stopped = self.job.state(self.t) == "SUSPENDED"
        own = _own_processes(self.cluster, self.node, self.job)
        return Counter("".join(process.states(stopped=stopped) for process in own))

    @cached_property
    def ticks(self) -> Counter[str]:
        """The CPU ticks of the user's processes, by program; what is little stands under _OTHER."""
        ticks: Counter[str] = Counter()
        for process in _own_processes(self.cluster, self.node, self.job):
            ticks[process.exe] += sum(process.ticks(self.used))
        little = sum(count for count in ticks.values() if count < _NAMED)
        return Counter({exe: count for exe, count in ticks.items() if count >= _NAMED} | {_OTHER: little})

    @cached_property
    def now(self) -> nodes.Counters:
        """The node's own counters."""
        return nodes.counters(self.cluster, self.node, self.t)

    @cached_property
    def before(self) -> nodes.Counters:
        """The node's own counters when the job started."""
        return nodes.counters(self.cluster, self.node, self.job.start)


def _own_processes(cluster: Cluster, node: Node, job: Job) -> list[Process]:
    """Return a job's processes without the scheduler's own."""
    return [process for process in processes(cluster, job, node.name) if process.uid]


Read = Callable[[Moment], Value | None]  # None where there is no series at that moment
Reads = Mapping[tuple[str, ...], Read]  # by the values of the labels beyond the job's


@dataclass(frozen=True)
class Answer:
    """How a family is answered for: its labels beyond the job's, and what to read for each series of a job on a node."""

    labels: tuple[str, ...]
    reads: Callable[[Cluster, Node, Job], Reads]


def _always(labels: tuple[str, ...], reads: Reads) -> Answer:
    """Answer with the same series for each job."""
    return Answer(labels, lambda *_: reads)


def _plain(read: Read) -> Answer:
    return _always((), {(): read})


def _each_gpu(read: Callable[[Moment, int], Value]) -> Answer:
    """Read something of each of the job's GPUs, by their position among them."""

    def reads(_: Cluster, node: Node, job: Job) -> Reads:
        held = job.place(node.name).gpus
        return {(str(gpu),): partial(_positioned, read, position) for position, gpu in enumerate(held)}

    return Answer(("gpu",), reads)


def _positioned(read: Callable[[Moment, int], Value], position: int, moment: Moment) -> Value:
    return read(moment, position)


def _gpu_info(_: Cluster, node: Node, job: Job) -> Reads:
    held = job.place(node.name).gpus
    return {(str(gpu), nodes.gpu_uuid(node.name, gpu), GPU_MODEL, ""): lambda _: 1 for gpu in held}


def _programs(cluster: Cluster, node: Node, job: Job) -> Reads:
    programs = dict.fromkeys(process.exe for process in _own_processes(cluster, node, job))

    def read(name: str, moment: Moment) -> Value | None:
        return moment.ticks[name] / 100 if name in moment.ticks else None

    return {(name,): partial(read, name) for name in (*programs, _OTHER)}


def _of_node(labels: tuple[str, ...], counts: Counts) -> Answer:
    """Read what the node counted since the job's start: for jobs that have the node for themselves."""

    def since_start(read: Count, moment: Moment) -> Value:
        return read(moment.now) - read(moment.before)

    own = {extra: partial(since_start, read) for extra, read in counts.items()}
    return Answer(labels, lambda _, __, job: own if job.template.exclusive else {})


ANSWERS: dict[str, Answer] = {
    "hpc_job_cpu_seconds_total": _always(
        ("mode",), {("user",): lambda m: m.used.user / 1e6, ("system",): lambda m: m.used.system / 1e6}
    ),
    "hpc_job_cpus": _plain(lambda m: None if m.job.session else m.job.template.cpus),
    "hpc_job_cpu_throttled_seconds_total": _plain(lambda _: 0),
    "hpc_job_memory_usage_bytes": _plain(lambda m: m.used.memory.current),
    "hpc_job_memory_rss_bytes": _plain(lambda m: m.used.memory.anonymous),
    "hpc_job_memory_cache_bytes": _plain(lambda m: m.used.memory.file),
    "hpc_job_memory_shmem_bytes": _plain(lambda m: m.used.memory.shared),
    "hpc_job_memory_mapped_bytes": _plain(lambda m: m.used.memory.mapped),
    "hpc_job_memory_kernel_bytes": _plain(lambda m: m.used.memory.kernel),
    "hpc_job_memory_swap_bytes": _plain(lambda _: 0),
    "hpc_job_memory_peak_bytes": _plain(lambda m: m.used.memory.peak),
    "hpc_job_memory_limit_bytes": _plain(lambda m: None if m.job.session else m.used.memory.limit),
    "hpc_job_memory_events_total": _always(
        ("event",), {(event,): partial(lambda e, m: m.used.events[e], event) for event in EVENTS}
    ),
    "hpc_job_pressure_seconds_total": _always(
        ("resource", "kind"), {key: partial(lambda k, m: m.used.pressure[k] / 1e6, key) for key in PRESSURES}
    ),
    "hpc_job_io_bytes_total": _always(
        ("device", "direction"),
        {
            (DISK, "read"): lambda m: m.used.disk.read_bytes,
            (DISK, "write"): lambda m: m.used.disk.written_bytes,
        },
    ),
    "hpc_job_io_operations_total": _always(
        ("device", "direction"),
        {(DISK, "read"): lambda m: m.used.disk.reads, (DISK, "write"): lambda m: m.used.disk.writes},
    ),
    "hpc_job_start_time_seconds": _plain(lambda m: m.job.start),
    "hpc_job_processes": _plain(lambda m: len(_own_processes(m.cluster, m.node, m.job))),
    "hpc_job_threads": _always(
        ("state",), {(word,): partial(lambda s, m: m.threads[s], letter) for letter, word in _STATES.items()}
    ),
    "hpc_job_process_cpu_seconds_total": Answer(("exe",), _programs),
    "hpc_job_gpu_info": Answer(("gpu", "uuid", "model", "mig"), _gpu_info),
    "hpc_job_gpu_utilization_ratio": _each_gpu(lambda m, i: m.used.gpus[i].utilization / 100),
    "hpc_job_gpu_memory_used_bytes": _each_gpu(lambda m, i: m.used.gpus[i].memory_used),
    "hpc_job_gpu_memory_total_bytes": _each_gpu(lambda m, i: m.used.gpus[i].memory_total),
    "hpc_job_gpu_power_watts": _each_gpu(lambda m, i: m.used.gpus[i].power / 1000),
    "hpc_job_gpu_energy_joules_total": _each_gpu(lambda m, i: m.now.gpu_energy[m.used.gpus[i].index]),
    "hpc_job_gpu_temperature_celsius": _each_gpu(lambda m, i: m.used.gpus[i].temperature),
    "hpc_job_gpu_sm_clock_hertz": _each_gpu(lambda m, i: m.used.gpus[i].sm_clock * 1_000_000),
    **{f"hpc_job_{name}": _of_node(labels, counts) for name, (labels, counts) in COUNTED.items()},
    "hpc_job_energy_joules_total": _always(
        ("domain",),
        {
            (domain,): partial(lambda w, m: w * m.used.cpu / 1e6, watts)
            for domain, watts in CORE_WATTS.items()
        },
    ),
    "hpc_job_node_exclusive": _plain(lambda m: int(m.alone)),
}

_ANSWERED = {name: answer for name, answer in ANSWERS.items() if name in FAMILIES}


def reads(cluster: Cluster, node: Node, job: Job) -> Iterator[tuple[Series, Read]]:
    """Yield every series of a job on a node, and how to read it."""
    labels = (job.shown_id, job.user.name, job.template.account)
    for name, answer in _ANSWERED.items():
        for extra, read in answer.reads(cluster, node, job).items():
            yield (name, labels + extra), read


def truth(cluster: Cluster, node: Node, t: float) -> dict[Series, Value]:
    """Return every series of a node and the jobs on it at t."""
    running = cluster.running(t, node.name)
    found: dict[Series, Value] = {**node_truth(cluster, node, t)}
    for job in running:
        moment = Moment(cluster, node, job, t, alone=len(running) == 1)
        for series, read in reads(cluster, node, job):
            if (value := read(moment)) is not None:
                found[series] = value
    return found


def job_labels(name: str) -> tuple[str, ...]:
    """Return the labels that answers for a family carry."""
    return JOB + ANSWERS[name].labels
