"""What the scheduler exporter would show beside jobs: nodes, partitions, limits, shares, and the scheduler's health."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from jobgauge_demo import queue_series
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.histograms import family_of
from jobgauge_demo.queue_series import queue_truth
from jobgauge_demo.series import Series, Value
from jobgauge_demo.slurm.associations import LIMITED_QOS, associations, shares, total, user_limits
from jobgauge_demo.slurm.health import health
from jobgauge_demo.slurm.nodes import (
    DRAINED_BY,
    LICENCE,
    LICENCES,
    PARTITIONS,
    NodeState,
    licences_used,
    maintenance,
    node_states,
)
from jobgauge_demo.slurm.text import host_list
from jobgauge_demo.slurm.view import View
from jobgauge_demo.story import GPU_TYPE

Rows = Iterator[tuple[Series, Value]]

_SOURCES = (
    "jobs", "nodes", "partitions", "diagnostics", "limits", "shares", "reservations", "licenses", "history",
)  # fmt: skip
# How the reading of each source does: it works, at once, and figures are some seconds old.
READING: Mapping[str, Value] = {
    "hpc_sched_up": 1,
    "hpc_sched_snapshot_age_seconds": 17,
    "hpc_sched_source_duration_seconds": 0.08,
    "hpc_sched_unreadable_records_total": 0,
}
_LIMIT = ("level", "resource", "account", "user", "qos")
_RESOURCES = {"cpu": "cpus", "gres/gpu": "gpus"}
LABELS: Mapping[str, tuple[str, ...]] = {
    **queue_series.LABELS,
    **dict.fromkeys(READING, ("source",)),
    "hpc_sched_node_state": ("node", "state"),
    "hpc_sched_node_cpus": ("node", "kind"),
    "hpc_sched_node_memory_bytes": ("node", "kind"),
    "hpc_sched_node_gpus": ("node", "kind"),
    "hpc_sched_node_gpus_by_type": ("node", "type", "kind"),
    "hpc_sched_node_drain_info": ("node", "reason", "drained_by"),
    "hpc_sched_partition_info": ("partition", "state", "default"),
    "hpc_sched_partition_time_limit_seconds": ("partition",),
    "hpc_sched_partition_nodes": ("partition", "state"),
    "hpc_sched_partition_cpus": ("partition", "state"),
    "hpc_sched_partition_gpus": ("partition", "state"),
    "hpc_sched_limit": _LIMIT,
    "hpc_sched_limit_usage": _LIMIT,
    "hpc_sched_fairshare_ratio": ("account", "user"),
    "hpc_sched_level_fairshare": ("account", "user"),
    "hpc_sched_shares_ratio": ("account", "user"),
    "hpc_sched_usage_ratio": ("account", "user"),
    "hpc_sched_reservation_info": ("reservation", "state", "flags", "nodes"),
    "hpc_sched_reservation_start_time_seconds": ("reservation",),
    "hpc_sched_reservation_end_time_seconds": ("reservation",),
    "hpc_sched_reservation_nodes": ("reservation",),
    "hpc_sched_licenses": ("license", "kind"),
    "hpc_sched_cycle_seconds": ("type",),
    "hpc_sched_cycle_mean_seconds": ("type",),
    "hpc_sched_cycles_total": ("type",),
    "hpc_sched_cycle_depth_jobs": ("type",),
    "hpc_sched_last_cycle_time_seconds": ("type",),
    "hpc_sched_queue_lengths": ("type",),
    "hpc_sched_server_threads": (),
    "hpc_sched_controller_jobs": ("state",),
    "hpc_sched_job_events_total": ("type",),
    "hpc_sched_rpc_total": ("type",),
    "hpc_sched_rpc_seconds_total": ("type",),
    "hpc_sched_user_rpc_total": ("user",),
    "hpc_sched_user_rpc_seconds_total": ("user",),
}


def scheduler_truth(cluster: Cluster, t: float) -> dict[Series, Value]:
    """Return every series of the scheduler exporter at t, of the families that the catalogue declares."""
    view = View(cluster, t)
    found = queue_truth(view)
    for part in _PARTS:
        found.update(part(view))
    return {series: value for series, value in found.items() if family_of(series[0])}


def _reading(_: View) -> Rows:
    for name, value in READING.items():
        yield from (((name, (source,)), value) for source in _SOURCES)


def _nodes(view: View) -> Rows:
    for state in node_states(view):
        node = state.node
        for word in state.state.lower().split("+"):
            yield ("hpc_sched_node_state", (node.name, word)), 1
        figures = {
            "hpc_sched_node_cpus": (node.cpus, state.cpus),
            "hpc_sched_node_memory_bytes": (node.memory, state.memory),
            "hpc_sched_node_gpus": (node.gpus, state.gpus),
        }
        for name, (every, allocated) in figures.items():
            if every:
                yield (name, (node.name, "total")), every
                yield (name, (node.name, "allocated")), allocated
        if node.gpus:
            yield ("hpc_sched_node_gpus_by_type", (node.name, GPU_TYPE, "total")), node.gpus
            yield ("hpc_sched_node_gpus_by_type", (node.name, GPU_TYPE, "allocated")), state.gpus
        if node.drained:
            yield ("hpc_sched_node_drain_info", (node.name, node.drained, DRAINED_BY)), 1


def _partitions(view: View) -> Rows:
    default = next(iter(PARTITIONS))
    for name, limit in PARTITIONS.items():
        yield ("hpc_sched_partition_info", (name, "up", "true" if name == default else "false")), 1
        yield ("hpc_sched_partition_time_limit_seconds", (name,)), limit
        members = [state for state in node_states(view) if name in state.node.partitions]
        counts = Counter(_one_state(state) for state in members)
        yield from ((("hpc_sched_partition_nodes", (name, word)), count) for word, count in counts.items())
        yield from _capacity("hpc_sched_partition_cpus", name, [(s, s.node.cpus, s.cpus) for s in members])
        yield from _capacity(
            "hpc_sched_partition_gpus", name, [(s, s.node.gpus, s.gpus) for s in members if s.node.gpus]
        )


def _one_state(state: NodeState) -> str:
    if state.node.drained:
        return "draining" if state.cpus else "drained"
    return state.base.lower()


def _capacity(family: str, partition: str, figures: list[tuple[NodeState, int, int]]) -> Rows:
    sums: Counter[str] = Counter()
    for state, every, allocated in figures:
        sums["allocated"] += allocated
        sums["unusable" if state.node.drained else "idle"] += every - allocated
    yield from (((family, (partition, word)), count) for word, count in sums.items())


def _limits(view: View) -> Rows:
    for each in associations(view.cluster):
        used = total(job.template for job in view.running if each.has(job)) if each.limits else {}
        for name, limit in each.limits.items():
            labels = ("account", _RESOURCES[name], each.account, "", "")
            yield ("hpc_sched_limit", labels), limit
            yield ("hpc_sched_limit_usage", labels), used.get(name, 0)
    own = [job for job in (*view.running, *view.pending) if job.template.qos == LIMITED_QOS]
    for user in dict.fromkeys(job.user.name for job in own):
        used = total(job.template for job in own if job.user.name == user and job.start <= view.now)
        for name, limit in user_limits(view.cluster).items():
            labels = ("qos", _RESOURCES[name], "", user, LIMITED_QOS)
            yield ("hpc_sched_limit", labels), limit
            yield ("hpc_sched_limit_usage", labels), used.get(name, 0)


def _shares(view: View) -> Rows:
    for number, share in enumerate(shares(view.cluster, view.now)):
        each = share.association
        labels = (each.account, each.user.name if each.user else "")
        yield ("hpc_sched_usage_ratio", labels), round(share.usage, 6)
        if each.user:
            yield ("hpc_sched_fairshare_ratio", labels), round(share.factor, 6)
        if number:  # the first is the root
            yield ("hpc_sched_shares_ratio", labels), round(share.shares, 6)
            yield ("hpc_sched_level_fairshare", labels), round(share.level, 6)


def _reservations(view: View) -> Rows:
    found = maintenance(view)
    if found is not None:
        start, end, nodes = found
        state = "ACTIVE" if start <= view.now else "INACTIVE"
        names = host_list(node.name for node in nodes)
        yield ("hpc_sched_reservation_info", ("maintenance", state.lower(), "MAINT,SPEC_NODES", names)), 1
        yield ("hpc_sched_reservation_start_time_seconds", ("maintenance",)), start
        yield ("hpc_sched_reservation_end_time_seconds", ("maintenance",)), end
        yield ("hpc_sched_reservation_nodes", ("maintenance",)), len(nodes)


def _licences(view: View) -> Rows:
    for kind, count in (("total", LICENCES), ("used", licences_used(view)), ("reserved", 0)):
        yield ("hpc_sched_licenses", (LICENCE, kind)), count


def _health(view: View) -> Rows:
    now, waiting = health(view), len(view.pending)
    for word, cycles in (("main", now.main), ("backfill", now.backfill)):
        yield ("hpc_sched_cycle_seconds", (word,)), cycles.last / 1e6
        yield ("hpc_sched_cycle_mean_seconds", (word,)), cycles.mean / 1e6
        yield ("hpc_sched_cycles_total", (word,)), cycles.total
        yield ("hpc_sched_cycle_depth_jobs", (word,)), cycles.depth
        yield ("hpc_sched_queue_lengths", (word,)), waiting
    yield ("hpc_sched_last_cycle_time_seconds", ("backfill",)), now.backfill.when
    yield ("hpc_sched_queue_lengths", ("agent",)), now.agents
    yield ("hpc_sched_queue_lengths", ("dbd_agent",)), now.database
    yield ("hpc_sched_server_threads", ()), now.threads
    yield ("hpc_sched_controller_jobs", ("pending",)), waiting
    yield ("hpc_sched_controller_jobs", ("running",)), view.working
    for event, count in now.events.items():
        yield ("hpc_sched_job_events_total", (event,)), count
    for family, table in (("rpc", now.calls), ("user_rpc", now.callers)):
        for calls in table:
            yield (f"hpc_sched_{family}_total", (calls.name,)), calls.count
            yield (f"hpc_sched_{family}_seconds_total", (calls.name,)), calls.total / 1e6


_PARTS: tuple[Callable[[View], Rows], ...] = (
    _reading, _nodes, _partitions, _limits, _shares, _reservations, _licences, _health,
)  # fmt: skip
