"""sinfo, and what scontrol shows of nodes, partitions, reservations and licences."""

from __future__ import annotations

import getopt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from jobgauge_demo.chance import between
from jobgauge_demo.habits import MIB
from jobgauge_demo.nodes import SYSTEM_MEMORY, boot_time
from jobgauge_demo.placing import Node
from jobgauge_demo.slurm import text
from jobgauge_demo.slurm.layout import Column, Layout, short
from jobgauge_demo.slurm.text import UsageError, fields
from jobgauge_demo.slurm.view import View
from jobgauge_demo.story import GPU_TYPE
from jobgauge_demo.usage import cpus_at_work, usage

PARTITIONS = {
    "cpu": 2 * 86400,
    "long": 14 * 86400,
    "gpu": 86400,
}  # each one's longest time limit; the first is the default
LICENCE, LICENCES = "meshgen", 1

_WEEK = 7 * 86400
_WINDOW = 4 * 86400 + 6 * 3600, 8 * 3600  # when maintenance begins within a week, and how long it takes
DRAINED_BY = "root"
_DEFAULT = "%9P %.5a %.10l %.6D %.6t %N"
_COMPACT = {"allocated": "alloc", "mixed": "mix", "drained": "drain", "draining": "drng", "planned": "plnd"}


@dataclass(frozen=True)
class NodeState:
    """A node at a moment."""

    view: View
    node: Node

    @cached_property
    def cpus(self) -> int:
        """Return the CPUs that jobs hold."""
        return sum(len(place.cpus) for _, place in self.view.on[self.node.name])

    @property
    def memory(self) -> int:
        """Return the memory that jobs hold."""
        return sum(job.template.memory for job, _ in self.view.on[self.node.name])

    @property
    def gpus(self) -> int:
        """Return the GPUs that jobs hold."""
        return sum(len(place.gpus) for _, place in self.view.on[self.node.name])

    @property
    def load(self) -> float:
        """Return the load average."""
        name, now = self.node.name, self.view.now
        running = [job for job, _ in self.view.on[name] if job.state(now) == "RUNNING"]
        return sum(cpus_at_work(job, name) * job.template.habit.threads for job in running)

    @property
    def free_memory(self) -> int:
        """Return what is free in fact."""
        name, now = self.node.name, self.view.now
        used = sum(usage(job, name, now).memory.current for job, _ in self.view.on[name])
        return self.node.memory - SYSTEM_MEMORY - used

    @property
    def base(self) -> str:
        """Return its state by what jobs hold."""
        if not self.cpus:
            return "IDLE"
        return "ALLOCATED" if self.cpus == self.node.cpus else "MIXED"

    @property
    def state(self) -> str:
        """Return its state with all flags."""
        planned = self.node.name in self.view.planned_nodes
        flags = (
            "DRAIN" if self.node.drained else "",
            "PLANNED" if planned and self.base != "ALLOCATED" else "",
        )
        return "+".join([self.base, *filter(None, flags)])

    @property
    def shown_state(self) -> str:
        """Return its state as sinfo shows it."""
        if self.node.drained:
            return "drained" if self.base == "IDLE" else "draining"
        return "planned" if self.state == "IDLE+PLANNED" else self.base.lower()

    @property
    def gres(self) -> str:
        """Return its GPUs as configured."""
        return f"gpu:{GPU_TYPE}:{self.node.gpus}" if self.node.gpus else "(null)"

    @property
    def gres_used(self) -> str:
        """Return which of its GPUs jobs hold."""
        if not self.node.gpus:
            return "gpu:0"
        held = sorted(gpu for _, place in self.view.on[self.node.name] for gpu in place.gpus)
        return f"gpu:{GPU_TYPE}:{len(held)}(IDX:{text.spans(held) if held else 'N/A'})"


def node_states(view: View) -> list[NodeState]:
    """Return all nodes."""
    return [NodeState(view, node) for node in view.cluster.nodes]


def _tres(cpus: int, memory: int, gpus: int, *, billing: bool) -> str:
    parts = [
        ("cpu", cpus),
        ("mem", text.size(memory)),
        *([("billing", cpus)] if billing else []),
        ("gres/gpu", gpus),
    ]
    return ",".join(f"{name}={value}" for name, value in parts if value and value != "0M")


def show_nodes(view: View, *, details: bool = False) -> str:
    """Answer `scontrol show node -o`, with -d also which GPUs are held."""
    return "".join(_node_line(state, details=details) + "\n" for state in node_states(view))


def _node_line(state: NodeState, *, details: bool) -> str:
    view, node = state.view, state.node
    boot = boot_time(view.cluster, node.name)
    first = fields(
        (
            ("NodeName", node.name),
            ("Arch", "x86_64"),
            ("CoresPerSocket", f"{node.cpus // 2} "),
            ("CPUAlloc", state.cpus),
            ("CPUEfctv", node.cpus),
            ("CPUTot", node.cpus),
            ("CPULoad", f"{state.load:.2f}"),
            ("AvailableFeatures", "gpu" if node.gpus else "(null)"),
            ("ActiveFeatures", "gpu" if node.gpus else "(null)"),
            ("Gres", state.gres),
            *([("GresDrain", "N/A"), ("GresUsed", state.gres_used)] if details else []),
            ("NodeAddr", node.name),
            ("NodeHostName", node.name),
            ("Port", 6818),
            ("Version", text.VERSION),
            ("OS", "Linux 6.8.0-sim"),
            ("RealMemory", node.memory // MIB),
            ("AllocMem", state.memory // MIB),
            ("FreeMem", state.free_memory // MIB),
            ("Sockets", 2),
            ("Boards", 1),
            ("State", state.state),
            ("ThreadsPerCore", 1),
            ("TmpDisk", 0),
            ("Weight", 1),
            ("Owner", "N/A"),
            ("MCS_label", "N/A"),
            ("Partitions", f"{','.join(node.partitions)} "),
            ("BootTime", text.moment(boot, view.environment)),
            ("SlurmdStartTime", text.moment(boot + 60, view.environment)),
            ("LastBusyTime", text.moment(view.now, view.environment)),
            ("ResumeAfterTime", "None"),
            ("CfgTRES", _tres(node.cpus, node.memory, node.gpus, billing=True)),
            ("AllocTRES", _tres(state.cpus, state.memory, state.gpus, billing=False)),
            ("CurrentWatts", 0),
            ("AveWatts", 0),
        )
    )
    if not node.drained:
        return first + " "
    since = text.moment(_drained_at(view), view.environment)
    return f"{first}  Reason={node.drained} [{DRAINED_BY}@{since}]"


def _drained_at(view: View) -> int:
    """Return when the node was drained: some days ago."""
    return int(view.now) // _WEEK * _WEEK - between(3600, 86400, view.cluster.seed, "drained")


def show_partitions(view: View) -> str:
    """Answer `scontrol show partition -o`."""
    return "".join(_partition_line(view, name) + "\n" for name in PARTITIONS)


def _partition_line(view: View, name: str) -> str:
    nodes = [node for node in view.cluster.nodes if name in node.partitions]
    cpus, memory, gpus = (sum(getattr(node, what) for node in nodes) for what in ("cpus", "memory", "gpus"))
    days = PARTITIONS[name] // 86400
    tres = f"cpu={cpus},mem={text.size(memory)},node={len(nodes)},billing={cpus}"
    return fields(
        (
            ("PartitionName", name),
            ("AllowGroups", "ALL"),
            ("AllowAccounts", "ALL"),
            ("AllowQos", "ALL"),
            ("AllocNodes", "ALL"),
            ("Default", "YES" if name == next(iter(PARTITIONS)) else "NO"),
            ("QoS", "N/A"),
            ("DefaultTime", "01:00:00"),
            ("DisableRootJobs", "NO"),
            ("ExclusiveUser", "NO"),
            ("ExclusiveTopo", "NO"),
            ("GraceTime", 0),
            ("Hidden", "NO"),
            ("MaxNodes", "UNLIMITED"),
            ("MaxTime", f"{days}-00:00:00"),
            ("MinNodes", 0),
            ("LLN", "NO"),
            ("MaxCPUsPerNode", "UNLIMITED"),
            ("MaxCPUsPerSocket", "UNLIMITED"),
            ("Nodes", text.host_list(node.name for node in nodes)),
            ("PriorityJobFactor", 1),
            ("PriorityTier", 10),
            ("RootOnly", "NO"),
            ("ReqResv", "NO"),
            ("OverSubscribe", "NO"),
            ("OverTimeLimit", "NONE"),
            ("PreemptMode", "OFF"),
            ("State", "UP"),
            ("TotalCPUs", cpus),
            ("TotalNodes", len(nodes)),
            ("SelectTypeParameters", "NONE"),
            ("JobDefaults", "(null)"),
            ("DefMemPerCPU", 2048),
            ("MaxMemPerNode", "UNLIMITED"),
            ("TRES", tres + (f",gres/gpu={gpus}" if gpus else "")),
        )
    )


def maintenance(view: View) -> tuple[int, int, list[Node]] | None:
    """Return when the next maintenance begins and ends, and of which nodes: once a week, of what is drained anyway."""
    nodes = [node for node in view.cluster.nodes if node.drained]
    begins, lasts = _WINDOW
    start = (int(view.now) - begins - lasts) // _WEEK * _WEEK + _WEEK + begins
    return (start, start + lasts, nodes) if nodes else None


def show_reservations(view: View) -> str:
    """Answer `scontrol show reservation -o`."""
    found = maintenance(view)
    if found is None:
        return "No reservations in the system\n"
    start, end, nodes = found
    cpus = sum(node.cpus for node in nodes)
    line = fields(
        (
            ("ReservationName", "maintenance"),
            ("StartTime", text.moment(start, view.environment)),
            ("EndTime", text.moment(end, view.environment)),
            ("Duration", text.full_elapsed(end - start)),
            ("Nodes", text.host_list(node.name for node in nodes)),
            ("NodeCnt", len(nodes)),
            ("CoreCnt", cpus),
            ("Features", "(null)"),
            ("PartitionName", "(null)"),
            ("Flags", "MAINT,SPEC_NODES"),
            ("TRES", f"cpu={cpus}"),
            ("Users", "root"),
            ("Groups", "(null)"),
            ("Accounts", "(null)"),
            ("Licenses", "(null)"),
            ("State", "ACTIVE" if start <= view.now else "INACTIVE"),
            ("BurstBuffer", "(null)"),
            ("MaxStartDelay", "(null)"),
        )
    )
    return line + "\n"


def licences_used(view: View) -> int:
    """Return how many of the licences are taken."""
    return sum(job.template.reason == "Licenses" for job in view.running)


def show_licences(view: View) -> str:
    """Answer `scontrol show licenses -o`."""
    used = licences_used(view)
    return f"LicenseName={LICENCE} Total={LICENCES} Used={used} Free={LICENCES - used} Reserved=0 Remote=no\n"


@dataclass(frozen=True)
class _Row:
    """A line of sinfo: nodes of a partition in the same state."""

    partition: str
    nodes: tuple[NodeState, ...]

    @property
    def first(self) -> NodeState:
        return self.nodes[0]

    @property
    def name(self) -> str:
        return self.partition + ("*" if self.partition == next(iter(PARTITIONS)) else "")

    @property
    def cpus(self) -> str:
        """Return CPUs allocated/idle/other/total."""
        total = sum(state.node.cpus for state in self.nodes)
        held = sum(state.cpus for state in self.nodes)
        other = sum(state.node.cpus - state.cpus for state in self.nodes if state.node.drained)
        return f"{held}/{total - held - other}/{other}/{total}"


_COLUMNS: tuple[Column[_Row], ...] = (
    Column("P", "", "PARTITION", lambda row: row.name),
    Column("R", "", "PARTITION", lambda row: row.partition),
    Column("a", "", "AVAIL", lambda _: "up"),
    Column("l", "", "TIMELIMIT", lambda row: text.elapsed(PARTITIONS[row.partition])),
    Column("D", "", "NODES", lambda row: len(row.nodes)),
    Column("T", "", "STATE", lambda row: row.first.shown_state),
    Column("t", "", "STATE", lambda row: _COMPACT.get(row.first.shown_state, row.first.shown_state)),
    Column("N", "", "NODELIST", lambda row: text.host_list(state.node.name for state in row.nodes)),
    Column("C", "", "CPUS(A/I/O/T)", lambda row: row.cpus),
    Column("c", "", "CPUS", lambda row: row.first.node.cpus),
    Column("m", "", "MEMORY", lambda row: row.first.node.memory // MIB),
    Column("e", "", "FREE_MEM", lambda row: row.first.free_memory // MIB),
    Column("O", "", "CPU_LOAD", lambda row: f"{row.first.load:.2f}"),
    Column("G", "", "GRES", lambda row: row.first.gres),
    Column("E", "", "REASON", lambda row: row.first.node.drained or "none"),
)


def sinfo(view: View, arguments: Sequence[str]) -> str:
    """Answer sinfo."""
    try:
        given, rest = getopt.gnu_getopt(list(arguments), "ahNo:", ["all", "noheader", "Node", "format="])
    except getopt.GetoptError as error:
        raise UsageError(f"error: {error}") from error
    if rest:
        raise UsageError(f"error: Unrecognized option: {rest[0]}")
    options = dict(given)
    layout: Layout[_Row] = short(options.get("-o", options.get("--format", _DEFAULT)), _COLUMNS)
    lines = [] if options.keys() & {"-h", "--noheader"} else [layout.heading()]
    rows = _rows(view, each_node=bool(options.keys() & {"-N", "--Node"}))
    return "".join([*lines, *map(layout.line, rows)])


def _rows(view: View, *, each_node: bool) -> Iterator[_Row]:
    states = node_states(view)
    if each_node:
        yield from (
            _Row(name, (state,)) for state in states for name in PARTITIONS if name in state.node.partitions
        )
        return
    for name in PARTITIONS:
        groups: dict[str, list[NodeState]] = {}
        for state in states:
            if name in state.node.partitions:
                groups.setdefault(state.shown_state, []).append(state)
        yield from (_Row(name, tuple(group)) for group in groups.values())
