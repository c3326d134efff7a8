"""Nodes, for staff: is this node sick, or its job?"""

from __future__ import annotations

from jobgauge_dashboards import links, marks, shared, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Link, Panel, Query, bars, states, tiles, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit, Word
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

_JOB = "cluster, jobid, user, account"
_OF_NODE = having(CLUSTERS, 'node="$node"')
# What the node's own exporter says: the name may have a domain and a port behind it.
_ON_NODE = having(CLUSTERS, 'instance=~"$node([.:].*)?"')
_TO_NODE = Link(
    "This node", links.board("nodes", {"cluster": links.label("cluster"), "node": links.label("node")})
)

_STATES = (
    Word(0, 0, "idle", style.MUTED),
    Word(1, 1, "partly used", style.SERIES[0]),
    Word(2, 2, "full", style.GOOD),
    Word(3, 3, "takes no jobs", style.FAIR),
    Word(4, 4, "down", style.POOR),
)
# The states of either scheduler, by how much they matter; a node that is in several shows the worst.
_FULL = "allocated|job-busy|job-exclusive|busy"
_PARTLY = "mixed|completing|job-sharing"


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="nodes",
        title="Nodes",
        question="Is this node sick, or its job?",
        role=Role.STAFF,
        variables=(Variable.CLUSTER, Variable.NODE),
        annotations=(marks.reservations(CLUSTERS),),
        rows=(
            Row("All nodes", [[_map(), _by_state()], [_drained()]]),
            Row("Node $node", [[_jobs(settings)], [_gantt()], [_cpu(), _memory()]]),
            Row("Traffic, power and GPUs of $node", [_traffic(), [_power(), _gpus()]], closed=True),
        ),
    )


def _map() -> Panel:
    matchers = [f'state=~"{pattern}"' for pattern in (_PARTLY, _FULL, shared.CLOSED, shared.DOWN)]
    ranked = [
        f"hpc_sched_node_state{having(CLUSTERS, matcher)} * {rank}"
        for rank, matcher in enumerate(matchers, start=1)
    ]
    idle = f"hpc_sched_node_state{CLUSTERS} * 0"
    return tiles(
        "Nodes by state",
        About(
            "Each node in the colour of its state: idle, partly used, full, closed for jobs, down. Click one to see it.",
            "The scheduler's states; a node that is in several at once shows the worst.",
            "The scheduler may take minutes to notice that a node is down.",
        ),
        Query(f"max by (cluster, node) ({' or '.join([*ranked, idle])})", "{{node}}"),
        _STATES,
        links=(_TO_NODE,),
        width=18,
        height=9,
    )


def _by_state() -> Panel:
    return bars(
        "Nodes in each state",
        About(
            "How many nodes are in each state, in the scheduler's own words.",
            "The scheduler's states and flags.",
            "A node with a flag such as drain counts in two states.",
        ),
        Query(f"sum by (state) (cluster_state:hpc_sched_node_state:count{CLUSTERS})", "{{state}}"),
        unit=Unit.WHOLE,
    )


def _drained() -> Panel:
    return table(
        "Nodes that take no jobs",
        About(
            "Why nodes are drained or down, and who said so.",
            "The reason that the scheduler keeps with the node.",
            "A reason may be older than the state that the node is in now.",
        ),
        {"since": f"max by (cluster, node, reason, drained_by) (hpc_sched_node_drain_info{CLUSTERS})"},
        (
            Column("node", "Node", width=160),
            Column("reason", "Reason"),
            Column("drained_by", "By", width=140),
            Column("cluster", "Cluster", width=140),
            Column("since", "Is so", Unit.WHOLE, hidden=True),
        ),
        no_rows="None",
        height=6,
    )


def _jobs(settings: Settings) -> Panel:
    held = f"job_node:hpc_job_cpus_held:last{_ON_NODE}"
    memory = f"job_node:hpc_job_memory_held_bytes:last{_ON_NODE}"
    return table(
        "Jobs on $node",
        About(
            "The jobs on this node now, with what they hold and use of it.",
            "The job exporter's figures of this node only.",
            "A job on several nodes may look different on the others: its own board shows all.",
        ),
        {
            "started": f"max by ({_JOB}) (hpc_job_start_time_seconds{_ON_NODE} * 1000 and on (cluster, instance, jobid) {held})",
            "cpus": f"max by ({_JOB}) ({held})",
            "cpu": f"max by ({_JOB}) (job_node:hpc_job_cpus_used:rate{_ON_NODE} / {held})",
            "memory": f"max by ({_JOB}) ({memory})",
            "share": f"max by ({_JOB}) (job_node:hpc_job_memory_used_bytes:last{_ON_NODE} / {memory})",
        },
        (
            *shared.job_columns(links.job_of_row(start="Started"), user=True),
            Column("started", "Started", Unit.AGO),
            Column("cpus", "CPUs", Unit.WHOLE),
            Column("cpu", "CPU used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("memory", "Memory", Unit.BYTES),
            Column("share", "Used", Unit.RATIO),
        ),
        sort="Started",
        no_rows="No job is on this node",
        height=8,
    )


def _gantt() -> Panel:
    return states(
        "Jobs of $node over time",
        About(
            "Which jobs were on the node, and when: one line a job.",
            "When the job exporter of the node had figures of the job.",
            "A gap in all lines at once is the exporter's, not the jobs'.",
        ),
        Query(f"max by (jobid, user) (job_node:hpc_job_cpus_held:last{_ON_NODE})", "{{jobid}} {{user}}"),
        # Grafana takes a missing value for 0.
        (Word(0, 0.001, "not there", "transparent"), Word(0.001, None, "on the node", style.GOOD)),
        height=9,
    )


def _cpu() -> Panel:
    total = having(_OF_NODE, 'kind="total"')
    return timeseries(
        "CPUs of $node by job",
        About(
            "CPUs that each job uses, against those of the node.",
            "The kernel's account of each job; the scheduler's word on the node.",
            "What runs on the node without a job is not in it.",
        ),
        Query(f"max by (jobid, user) (job_node:hpc_job_cpus_used:rate{_ON_NODE})", "{{jobid}} {{user}}"),
        Query(f"max(hpc_sched_node_cpus{total})", "node"),
        unit=Unit.COUNT,
        stack=True,
        limits=("node",),
        height=10,
    )


def _memory() -> Panel:
    total = having(_OF_NODE, 'kind="total"')
    return timeseries(
        "Memory of $node by job",
        About(
            "Memory that each job's programs fill, against that of the node.",
            "The kernel's account of each job; the scheduler's word on the node.",
            "Page cache is not counted, nor what runs on the node without a job.",
        ),
        Query(
            f"max by (jobid, user) (job_node:hpc_job_memory_used_bytes:last{_ON_NODE})", "{{jobid}} {{user}}"
        ),
        Query(f"max(hpc_sched_node_memory_bytes{total})", "node"),
        unit=Unit.BYTES,
        stack=True,
        limits=("node",),
        height=10,
    )


def _traffic() -> list[Panel]:
    counters = {
        "InfiniBand": ("infiniband_bytes", "direction", Unit.BYTES_PER_SECOND),
        "Lustre": ("lustre_bytes", "direction", Unit.BYTES_PER_SECOND),
        "Lustre operations": ("lustre_operations", "operation", Unit.PER_SECOND),
    }
    return [
        timeseries(
            title,
            About(
                f"{title} of the node, whoever caused it.",
                "The kernel's own counters, per second.",
                "It is of all jobs on the node and of the system itself.",
            ),
            Query(
                f"sum by ({label}) (rate(hpc_node_{name}_total{_ON_NODE}[$__rate_interval]))",
                f"{{{{{label}}}}}",
            ),
            unit=unit,
            colours=style.DIRECTIONS if label == "direction" else None,
            no_value="The node has none",
        )
        for title, (name, label, unit) in counters.items()
    ]


def _power() -> Panel:
    return timeseries(
        "Power",
        About(
            "Power that the node's CPUs (cpu) and memory (dram) draw.",
            "The CPUs' own energy counters, per second.",
            "Fans, disks, networks, GPUs and power supplies are not in it.",
        ),
        Query(
            f"sum by (domain) (rate(hpc_node_energy_joules_total{_ON_NODE}[$__rate_interval]))", "{{domain}}"
        ),
        unit=Unit.WATTS,
        stack=True,
        colours={"cpu": style.SERIES[0], "dram": style.SERIES[1]},
        no_value="The node does not tell",
    )


def _gpus() -> Panel:
    return timeseries(
        "GPUs at work",
        About(
            "How busy each held GPU of the node is, and whose it is.",
            "The part of the last moments in which any program ran on the GPU.",
            "GPUs that no job holds are not shown.",
        ),
        Query(f"max by (gpu, user) (job_gpu:hpc_job_gpus_used:last{_ON_NODE})", "{{gpu}} {{user}}"),
        unit=Unit.RATIO,
        no_value="No GPU is held",
    )
