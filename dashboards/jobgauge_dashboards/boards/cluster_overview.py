"""Cluster overview, for operators: is the machine full, and is it busy?"""

from __future__ import annotations

from jobgauge_dashboards import shared, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import board, cell
from jobgauge_dashboards.panels import About, Column, Link, Panel, Query, bars, stat, table, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

_LIVING = having(CLUSTERS, 'state=~"running|pending"')
_PENDING = having(CLUSTERS, 'state="pending"')
_WASTED = f"topk(15, cluster_user_account:hpc_job_cpus_wasted:sum{CLUSTERS})"


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="cluster-overview",
        title="Cluster overview",
        question="Is the machine full, and is it busy?",
        role=Role.OPERATORS,
        variables=(Variable.CLUSTERS,),
        rows=(
            Row("Now", [_now(settings)]),
            Row("Over time", [_over_time()]),
            Row("Who", [_top_users_and_accounts(), [_most_idle(settings)]]),
        ),
    )


def _now(settings: Settings) -> list[Panel]:
    return [
        stat(
            "Jobs",
            About(
                "Jobs that run and jobs that wait.",
                "The scheduler's own count; each task of a job array counts.",
                "Jobs on hold wait too; the panel on reasons tells them apart.",
            ),
            Query(f"sum by (state) (cluster_state:hpc_sched_jobs:sum{_LIVING})", "{{state}}"),
            unit=Unit.WHOLE,
            width=6,
        ),
        stat(
            "CPUs",
            About(
                "CPUs that running jobs hold and pending jobs ask for.",
                "The scheduler's own figures, summed over the queue.",
                "Where hyper-threads are scheduled, a CPU is one thread.",
            ),
            Query(f"sum by (state) (cluster_state:hpc_sched_job_cpus:sum{_LIVING})", "{{state}}"),
            unit=Unit.WHOLE,
            width=6,
        ),
        stat(
            "CPUs at work",
            About(
                "How much of the CPU time that jobs hold they use.",
                "CPU time used per second, as the kernel counts it, by CPUs held, over all jobs on nodes with the job exporter.",
                "A machine waiting for data or for GPUs looks idle here.",
            ),
            Query(shared.ratio("cluster", "hpc_job_cpus_used", "hpc_job_cpus_held", CLUSTERS)),
            unit=Unit.RATIO,
            scale=shared.efficiency(settings),
            width=4,
        ),
        stat(
            "Memory in use",
            About(
                "How much of the memory that jobs may use they fill.",
                "Memory that the jobs' programs allocated, by the jobs' limits, where a job has one.",
                "Page cache is not counted: a job that reads large files may need more than shown.",
            ),
            Query(
                shared.ratio("cluster", "hpc_job_memory_used_bytes", "hpc_job_memory_held_bytes", CLUSTERS)
            ),
            unit=Unit.RATIO,
            width=4,
        ),
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
            width=4,
        ),
    ]


def _over_time() -> list[Panel]:
    return [
        shared.cpus_over_time("cluster", CLUSTERS),
        shared.memory_over_time("cluster", CLUSTERS),
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
        ),
    ]


def _top_users_and_accounts() -> list[Panel]:
    return [
        _top("CPUs held by account", f"cluster_account:hpc_job_cpus_held:sum{CLUSTERS}", "account", "hold"),
        _top("CPUs held by user", f"cluster_user_account:hpc_job_cpus_held:sum{CLUSTERS}", "user", "hold"),
        _top(
            "CPUs waited for by account",
            f"cluster_account_state:hpc_sched_job_cpus:sum{_PENDING}",
            "account",
            "wait for",
        ),
        _top(
            "CPUs waited for by user",
            f"cluster_user_account_state:hpc_sched_job_cpus:sum{_PENDING}",
            "user",
            "wait for",
        ),
    ]


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


def _top(title: str, series: str, label: str, verb: str) -> Panel:
    about = About(
        f"The ten {label}s whose jobs {verb} most CPUs now.",
        f"Summed by {label} over the chosen clusters.",
        "Others are not shown; the sum of the bars is not the whole machine.",
    )
    return bars(
        title, about, Query(f"topk(10, sum by ({label}) ({series}))", f"{{{{{label}}}}}"), unit=Unit.WHOLE
    )
