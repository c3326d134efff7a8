"""Cluster overview, for operators: is the machine full, and is it busy?"""

from __future__ import annotations

from jobgauge_dashboards import marks, shared, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import board, cell
from jobgauge_dashboards.panels import About, Link, Panel, Query, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

_RUNNING, _PENDING = having(CLUSTERS, 'state="running"'), having(CLUSTERS, 'state="pending"')
_TOTAL, _ALLOCATED = having(CLUSTERS, 'kind="total"'), having(CLUSTERS, 'kind="allocated"')
_CLOSED = "hpc_sched_node_state" + having(CLUSTERS, f'state=~"{shared.CLOSED}|{shared.DOWN}"') + " == 1"
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
            Row("Now", [_now(settings), [_clusters()]]),
            Row("Over time", [_over_time(), _queue()]),
            Row("Who", [[_most_idle(settings)]]),
            Row("Who holds, and who waits", _holders(), closed=True),
            Row("GPUs", [[_gpus(), shared.gpus_over_time("cluster", CLUSTERS)]], closed=True),
        ),
    )


def _now(settings: Settings) -> list[Panel]:
    return [
        shared.in_use(settings, "cluster", CLUSTERS, "jobs", width=14),
        stat(
            "Queue last read",
            About(
                "How old the scheduler's figures on this page are.",
                "Time since the scheduler exporter last read the queue, the oldest of the chosen clusters.",
                "With the exporter down the figures vanish after five minutes rather than age.",
            ),
            Query(f"max(hpc_sched_snapshot_age_seconds{CLUSTERS})"),
            unit=Unit.SECONDS,
            scale=style.high_is_bad(120, 600),
        ),
    ]


def _clusters() -> Panel:
    free = (
        f"(hpc_sched_node_cpus{_TOTAL} - on (cluster, node) hpc_sched_node_cpus{_ALLOCATED})"
        f" unless on (cluster, node) {_CLOSED}"
    )
    return table(
        "Clusters",
        About(
            "Each cluster's CPUs, what is held of them, what is free for jobs, and the queue.",
            "The scheduler's figures of its nodes and jobs. Free are CPUs on nodes where a job can start.",
            "Free CPUs may be kept for a reservation, or lie on nodes without free memory.",
        ),
        {
            "cpus": f"sum by (cluster) (cluster_kind:hpc_sched_node_cpus:sum{_TOTAL})",
            "held": f"cluster_kind:hpc_sched_node_cpus:sum{_ALLOCATED} / on (cluster) cluster_kind:hpc_sched_node_cpus:sum{_TOTAL}",
            "free": f"sum by (cluster) ({free})",
            "closed": f"count by (cluster) (count by (cluster, node) ({_CLOSED}))",
            "running": f"sum by (cluster) (cluster_state:hpc_sched_jobs:sum{_RUNNING})",
            "pending": f"sum by (cluster) (cluster_state:hpc_sched_jobs:sum{_PENDING})",
            "demand": f"sum by (cluster) (cluster_state:hpc_sched_job_cpus:sum{_PENDING})",
        },
        (
            Column("cluster", "Cluster"),
            Column("cpus", "CPUs", Unit.WHOLE),
            Column("held", "Held", Unit.RATIO, bar=True),
            Column("free", "CPUs free", Unit.WHOLE),
            Column("closed", "Nodes out", Unit.WHOLE),
            Column("running", "Running", Unit.WHOLE),
            Column("pending", "Waiting", Unit.WHOLE),
            Column("demand", "Wanted", Unit.WHOLE),
        ),
        sort="CPUs",
        height=5,
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
            colours={"running": style.SERIES[0], "pending": style.SERIES[1], "completing": style.SERIES[2]},
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
            height=10,
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
