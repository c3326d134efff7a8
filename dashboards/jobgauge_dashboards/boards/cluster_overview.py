"""Cluster overview, for operators: is the machine full, and is it busy?"""

from __future__ import annotations

from jobgauge_dashboards import marks, shared, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import board, cell
from jobgauge_dashboards.panels import About, Link, Panel, Query, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

_RUNNING, _PENDING = having(CLUSTERS, 'state="running"'), having(CLUSTERS, 'state="pending"')
_TOTAL, _ALLOCATED = having(CLUSTERS, 'kind="total"'), having(CLUSTERS, 'kind="allocated"')
_CLOSED = shared.closed(CLUSTERS)
_WASTED = f"topk(15, cluster_user_account:hpc_job_cpus_wasted:sum{CLUSTERS})"


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="cluster-overview",
        title="Cluster overview",
        question="Is the machine full, and is it busy?",
        role=Role.OPERATORS,
        variables=(Variable.CLUSTERS,),
        annotations=(marks.reservations(CLUSTERS),),
        rows=(
            Row("Now", [[_clusters()], [shared.in_use(settings, "cluster", CLUSTERS, "jobs")]]),
            Row("Over time", [_over_time(), _queue()]),
            Row(
                "Who holds, who waits, and who leaves idle",
                [*_holders(), [_most_idle(settings)]],
                closed=True,
            ),
            Row("GPUs", [[_gpus(), shared.gpus_over_time("cluster", CLUSTERS)], [_types()]], closed=True),
        ),
    )


def _clusters() -> Panel:
    # A job on hold, or one that waits for another, has no place in the queue.
    waiting = f"hpc_job_eligible_time_seconds{CLUSTERS} and on (cluster, jobid) hpc_job_queue_rank{CLUSTERS}"
    to_queue = Link("Where its bottlenecks are", board("queue", {"cluster": cell("Cluster")}))
    return table(
        "Clusters",
        About(
            "Each cluster's queue, and what it has free for jobs.",
            "The scheduler's figures. Free are CPUs and GPUs on nodes where a job can start. Wanted are the CPUs that waiting"
            " jobs ask for; the longest wait is that of the job that could have started first.",
            "What is free may be kept for a reservation, or lie on nodes without free memory. With its exporter down a"
            " cluster vanishes after five minutes.",
        ),
        {
            "running": f"sum by (cluster) (cluster_state:hpc_sched_jobs:sum{_RUNNING})",
            "pending": f"sum by (cluster) (cluster_state:hpc_sched_jobs:sum{_PENDING})",
            "wait": f"time() - min by (cluster) ({waiting})",
            "demand": f"sum by (cluster) (cluster_state:hpc_sched_job_cpus:sum{_PENDING})",
            "free": shared.free("cpus", CLUSTERS, "cluster"),
            "held": f"cluster_kind:hpc_sched_node_cpus:sum{_ALLOCATED} / on (cluster) cluster_kind:hpc_sched_node_cpus:sum{_TOTAL}",
            "gpus": shared.free("gpus", CLUSTERS, "cluster"),
            "up": f"count by (cluster) (group by (cluster, node) (hpc_sched_node_state{CLUSTERS} == 1) unless on (cluster, node) {_CLOSED})",
            "out": f"count by (cluster) (group by (cluster, node) ({_CLOSED}))",
            "read": f"max by (cluster) (hpc_sched_snapshot_age_seconds{CLUSTERS})",
        },
        (
            Column("cluster", "Cluster", links=(to_queue,), width=130),
            Column("running", "Running", Unit.WHOLE),
            Column("pending", "Waiting", Unit.WHOLE),
            Column("wait", "Longest wait", Unit.DURATION, width=125),
            Column("demand", "Wanted", Unit.WHOLE),
            Column("free", "CPUs free", Unit.WHOLE),
            Column("held", "CPUs held", Unit.RATIO, bar=True, width=130),
            Column("gpus", "GPUs free", Unit.WHOLE),
            Column("up", "Nodes up", Unit.WHOLE),
            Column("out", "Nodes out", Unit.WHOLE),
            Column("read", "Read ago", Unit.SECONDS, scale=style.high_is_bad(120, 600)),
        ),
        sort="Waiting",
        height=6,
    )


def _gpus() -> Panel:
    kinds = "cluster_kind:hpc_sched_node_gpus:sum"
    return table(
        "GPUs of the clusters",
        About(
            "Each cluster's GPUs, what is held of them, what of that is at work, and what is waited for.",
            "The scheduler's figures; what is at work as the drivers tell it.",
            "Free GPUs may lie on nodes that take no jobs, or that have no free CPU.",
        ),
        {
            "gpus": f"sum by (cluster) ({kinds}{_TOTAL})",
            "held": f"sum by (cluster) ({kinds}{_ALLOCATED}) / sum by (cluster) ({kinds}{_TOTAL} > 0)",
            "used": f"sum by (cluster) (cluster:hpc_job_gpus_used:sum{CLUSTERS})"
            f" / sum by (cluster) (cluster:hpc_job_gpus_held:sum{CLUSTERS})",
            "demand": f"sum by (cluster) (cluster_state:hpc_sched_job_gpus:sum{_PENDING})",
        },
        (
            Column("cluster", "Cluster"),
            Column("gpus", "GPUs", Unit.WHOLE),
            Column("held", "Held", Unit.RATIO),
            Column("used", "At work", Unit.RATIO),
            Column("demand", "Wanted", Unit.WHOLE),
        ),
        sort="GPUs",
        no_rows="No GPUs",
        height=8,
    )


def _types() -> Panel:
    by = "cluster, type"
    return table(
        "GPUs by type",
        About(
            "Each cluster's GPUs by type, and the types that jobs ask for.",
            "The scheduler's figures of its nodes and jobs. Jobs that name no type take any.",
            "Only Slurm tells types. A job's type may be written otherwise than the nodes', and then has a line of its own.",
        ),
        {
            "gpus": shared.gpus_by_type("node", _TOTAL, by),
            "held": shared.gpus_by_type("node", _ALLOCATED, by),
            "running": shared.gpus_by_type("job", _RUNNING, by),
            "pending": shared.gpus_by_type("job", _PENDING, by),
        },
        (
            Column("type", "Type"),
            Column("cluster", "Cluster"),
            Column("gpus", "GPUs", Unit.WHOLE),
            Column("held", "Held", Unit.WHOLE),
            Column("running", "Asked by running jobs", Unit.WHOLE),
            Column("pending", "Asked by waiting jobs", Unit.WHOLE),
        ),
        sort="GPUs",
        no_rows="No GPU has a type",
        height=8,
    )


def _over_time() -> list[Panel]:
    return [
        shared.cpus_over_time("cluster", CLUSTERS),
        shared.memory_over_time("cluster", CLUSTERS),
    ]


def _queue() -> list[Panel]:
    return [
        timeseries(
            "Jobs by state",
            About(
                "Jobs in the queue by the scheduler's state.",
                "The scheduler's own count; each task of a job array counts.",
                "Ended jobs leave the queue, so failures show on the board Queue and waits.",
            ),
            Query(f"sum by (state) (cluster_state:hpc_sched_jobs:sum{CLUSTERS})", "{{state}}"),
            unit=Unit.WHOLE,
            stack=True,
            colours={
                "running": style.SERIES[0],
                "pending": style.SERIES[1],
                "completing": style.SERIES[2],
                "suspended": style.SERIES[6],
            },
        ),
        timeseries(
            "Pending jobs by reason",
            About(
                "Why jobs wait, in the scheduler's own words.",
                "The scheduler's count of pending jobs by the one reason that it gives for each.",
                "The scheduler names the first reason that it met; others may hold the job too.",
            ),
            Query(
                f"sum by (reason) (cluster_partition_reason:hpc_sched_pending_jobs:sum{CLUSTERS})",
                "{{reason}}",
            ),
            unit=Unit.WHOLE,
            stack=True,
            height=13,
        ),
    ]


def _holders() -> list[list[Panel]]:
    held = [
        shared.top("CPUs held", f"cluster_account:hpc_job_cpus_held:sum{CLUSTERS}", "account", "hold"),
        shared.top("CPUs held", f"cluster_user_account:hpc_job_cpus_held:sum{CLUSTERS}", "user", "hold"),
    ]
    return [held, shared.waiting(CLUSTERS)]


def _most_idle(settings: Settings) -> Panel:
    return table(
        "Most idle CPUs now",
        About(
            "The users whose jobs leave most CPUs idle at this moment.",
            "CPUs held less CPUs used, cut at zero job by job, summed over a user's jobs in an account.",
            "One moment says little: a job that just began or that writes its results looks idle.",
        ),
        {
            "wasted": f"sum by (cluster, user, account) ({_WASTED})",
            "held": f"sum by (cluster, user, account) (cluster_user_account:hpc_job_cpus_held:sum{CLUSTERS} and {_WASTED})",
            "ratio": f"cluster_user_account:hpc_job_cpus_used:sum{CLUSTERS}"
            f" / cluster_user_account:hpc_job_cpus_held:sum{CLUSTERS} and {_WASTED}",
        },
        (
            Column(
                "user", "User", links=(Link("This user's jobs", board("my-jobs", {"user": cell("User")})),)
            ),
            Column("account", "Account"),
            Column("cluster", "Cluster"),
            Column("wasted", "Idle CPUs", Unit.TENTHS, bar=True),
            Column("held", "CPUs held", Unit.WHOLE),
            Column("ratio", "Used of held", Unit.RATIO, scale=shared.efficiency(settings)),
        ),
        sort="Idle CPUs",
    )
