"""Why is my job pending, for users: when will it start?"""

from __future__ import annotations

from jobgauge_dashboards import shared
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Panel, Query, bars, stat
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, USER, Variable, having

_WAITING = having(USER, 'state="pending"')
_ACCOUNTS = having(CLUSTERS, 'user=""')  # not the shares of users within them
_LABELS = "cluster, jobid, user, account"
_REASONS = f"sum by (cluster, partition, reason) (hpc_sched_pending_jobs{USER})"
_MEANINGS = f"max by (cluster, reason, meaning, advice) (hpc_sched_reason_info{CLUSTERS})"


def build(_: Settings) -> Board:
    """Build the board."""
    return Board(
        name="pending",
        title="Why is my job pending",
        question="When will it start?",
        role=Role.USERS,
        variables=(Variable.CLUSTERS, Variable.USER),
        time="now-7d",
        rows=(
            Row("Now", [_now()]),
            Row("My jobs", [[_reasons()], [_jobs()]]),
            Row(
                "What would help",
                [
                    [shared.gaps("What would start now", CLUSTERS), _fairshare(), _usual_wait()],
                    [_partitions(), _free_gpus()],
                ],
            ),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Jobs that wait",
            About("Your jobs that wait.", "The scheduler's own count.", "Each task of a job array counts."),
            Query(f"sum(cluster_user_account_state:hpc_sched_jobs:sum{_WAITING})"),
            unit=Unit.WHOLE,
            no_value="None",
        ),
        stat(
            "CPUs waited for",
            About(
                "CPUs that they ask for.", "The scheduler's own figures.", "Each task of a job array counts."
            ),
            Query(f"sum(cluster_user_account_state:hpc_sched_job_cpus:sum{_WAITING})"),
            unit=Unit.WHOLE,
            no_value="None",
        ),
        stat(
            "Waiting longest",
            About(
                "For how long your oldest waiting job has waited.",
                "Now less the time when it was submitted.",
                "A job on hold, or one that waits for another, counts from its submission as well.",
            ),
            Query(
                f"time() - min(hpc_job_submit_time_seconds{USER} and on (cluster, jobid) hpc_job_info{_WAITING})"
            ),
            unit=Unit.DURATION,
            no_value="None",
        ),
    ]


def _reasons() -> Panel:
    return table(
        "Why they wait",
        About(
            "Why your jobs wait, and what can be done about it.",
            "The one reason that the scheduler gives for each job, with what the suite knows of it.",
            "The scheduler names the first reason that it met; others may hold the job too.",
        ),
        {
            # A reason that the suite has no words for is shown by itself.
            "jobs": f"{_REASONS} * on (cluster, reason) group_left (meaning, advice) {_MEANINGS}"
            f" or {_REASONS} unless on (cluster, reason) {_MEANINGS}"
        },
        (
            Column("jobs", "Jobs", Unit.WHOLE, width=90),
            Column("reason", "Reason", width=205),
            Column("meaning", "Meaning", wrap=True),
            Column("advice", "What to do", wrap=True),
            Column("partition", "Partition", width=110),
            Column("cluster", "Cluster", width=110),
        ),
        sort="Jobs",
        no_rows="None of your jobs waits",
        height=7,
    )


def _jobs() -> Panel:
    waits = f"and on (cluster, jobid) hpc_job_info{_WAITING}"
    return table(
        "Waiting jobs",
        About(
            "Your jobs that wait, their place in the partition's queue, and what they ask for.",
            "What the scheduler says of each; the place is by priority among the jobs that may start.",
            "A smaller job may start before those in front of it. The estimate moves whenever jobs end early.",
        ),
        {
            "submitted": f"max by ({_LABELS}) (hpc_job_submit_time_seconds{USER} * 1000 {waits})",
            "rank": f"max by ({_LABELS}) (hpc_job_queue_rank{USER})",
            "start": f"max by ({_LABELS}) (hpc_job_estimated_start_time_seconds{USER} * 1000)",
            "cpus": f"max by ({_LABELS}) (hpc_job_requested_cpus{USER} {waits})",
            "gpus": f"max by ({_LABELS}) (hpc_job_requested_gpus{USER} {waits})",
            "memory": f"max by ({_LABELS}) (hpc_job_requested_memory_bytes{USER} {waits})",
            "limit": f"max by ({_LABELS}) (hpc_job_time_limit_seconds{USER} {waits})",
        },
        (
            Column("jobid", "Job", width=95),
            Column("user", "User", hidden=True),
            Column("account", "Account", width=95),
            Column("cluster", "Cluster", width=85),
            Column("submitted", "Submitted", Unit.AGO),
            Column("rank", "Place", Unit.WHOLE),
            Column("start", "Expected start", Unit.DATE),
            Column("cpus", "CPUs", Unit.WHOLE),
            Column("gpus", "GPUs", Unit.WHOLE),
            Column("memory", "Memory", Unit.BYTES),
            Column("limit", "Limit", Unit.DURATION),
        ),
        sort="Submitted",
        no_rows="None of your jobs waits",
        height=8,
    )


def _fairshare() -> Panel:
    return bars(
        "Fair share",
        About(
            "How far an account is from its share: above 1 it has used less than its share, below 1 more.",
            "The scheduler's own level of fair share.",
            "It is one of several parts of a job's priority.",
        ),
        Query(f"max by (account) (hpc_sched_level_fairshare{_ACCOUNTS})", "{{account}}"),
        unit=Unit.COUNT,
    )


def _usual_wait() -> Panel:
    started = f"increase(hpc_sched_wait_seconds_bucket{CLUSTERS}[$__range])"
    return bars(
        "Usual wait",
        About(
            "Half of your accounts' jobs that started in the time range waited no longer than this.",
            "The median by partition, from when a job could start; the histogram's steps bound its precision.",
            "Large jobs wait longer than small ones; a partition with few starts says little.",
        ),
        Query(f"histogram_quantile(0.5, sum by (le, partition) ({started})) >= 0", "{{partition}}"),
        unit=Unit.DURATION,
        no_value="None started",
    )


def _partitions() -> Panel:
    def idle(what: str) -> str:
        return (
            f"sum by (cluster, partition) (hpc_sched_partition_{what}"
            + having(CLUSTERS, 'state="idle"')
            + ")"
        )

    limit = f"max by (cluster, partition) (hpc_sched_partition_time_limit_seconds{CLUSTERS})"
    return table(
        "Partitions",
        About(
            "What is free in each partition, and how long a job may run there.",
            "The scheduler's figures of nodes that take jobs.",
            "What is free may be kept for jobs in front of yours, or lie on nodes without free memory.",
        ),
        {"cpus": idle("cpus"), "gpus": idle("gpus"), "limit": limit},
        (
            Column("partition", "Partition"),
            Column("cpus", "CPUs free", Unit.WHOLE),
            Column("gpus", "GPUs free", Unit.WHOLE),
            Column("limit", "Longest job", Unit.DURATION),
            Column("cluster", "Cluster"),
        ),
        sort="CPUs free",
        width=14,
        height=7,
    )


def _free_gpus() -> Panel:
    free = shared.free("gpus_by_type", CLUSTERS, "type", "cluster, node, type")
    return bars(
        "GPUs free by type",
        About(
            "GPUs of each type that no job holds, on nodes that take jobs.",
            "The scheduler's figures of its nodes.",
            "Only Slurm tells types. A node with free GPUs may have no free CPU or memory.",
        ),
        Query(free, "{{type}}"),
        unit=Unit.WHOLE,
        no_value="None, or no types",
        height=7,
    )
