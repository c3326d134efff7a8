"""My jobs, for users: what runs, and what do I waste?"""

from __future__ import annotations

from jobgauge_dashboards import marks, shared, style, whose
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import board, job_of_row
from jobgauge_dashboards.panels import About, Link, Panel
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, USER, Variable, having

_WAITING = having(USER, 'state="pending"')
_JOB = "cluster, jobid, user, account"
_RUNS = f"and on (cluster, jobid) job:hpc_job_cpus_held:sum{USER}"
_OF_JOBS = having(USER, 'jobid!~"user-.*"')  # not what a login node says of the user
_ENDED = f"unless on (cluster, jobid) job:hpc_job_cpus_held:sum{USER}"


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="my-jobs",
        title="My jobs",
        question="What runs, and what do I waste?",
        role=Role.USERS,
        variables=(Variable.CLUSTERS, Variable.USER),
        time="now-24h",
        annotations=(marks.reservations(CLUSTERS),),
        rows=(
            whose.now(settings, USER, "your jobs"),
            Row("On the machine and waiting", [[_running(settings)], [_pending()]]),
            Row("Ended in the time range", [[_ended(settings)]]),
            whose.over_time(USER),
        ),
    )


def _running(settings: Settings) -> Panel:
    held = f"avg_over_time(job:hpc_job_cpus_held:sum{USER}[$__range])"
    return table(
        "Running jobs",
        About(
            "Your jobs on the machine now. Click a job to see what it did.",
            "CPU and GPU are averages since the start of the time range, memory the highest so far, against what the job holds.",
            "A job appears with its second scrape; the first minutes of a job say little.",
        ),
        {
            "started": f"job:hpc_job_start_time_seconds:min{USER} * 1000 {_RUNS}",
            "cpus": f"max by ({_JOB}) (job:hpc_job_cpus_held:sum{USER})",
            "cpu": f"avg_over_time(job:hpc_job_cpus_used:sum{USER}[$__range]) / {held} {_RUNS}",
            "memory": f"max by ({_JOB}) (job:hpc_job_memory_held_bytes:sum{USER} {_RUNS})",
            "peak": f"job:hpc_job_memory_peak_bytes:sum{USER} / job:hpc_job_memory_held_bytes:sum{USER} {_RUNS}",
            "gpu": f"avg_over_time(job:hpc_job_gpus_used:sum{USER}[$__range])"
            f" / avg_over_time(job:hpc_job_gpus_held:sum{USER}[$__range]) {_RUNS}",
        },
        (
            *shared.job_columns(job_of_row(start="Started"), user=False),
            Column("started", "Started", Unit.AGO),
            Column("cpus", "CPUs", Unit.WHOLE),
            Column("cpu", "CPU used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("memory", "Memory", Unit.BYTES),
            Column("peak", "Peak", Unit.RATIO, scale=style.PLAIN),
            Column("gpu", "GPU used", Unit.RATIO, scale=shared.efficiency(settings)),
        ),
        sort="Started",
        height=9,
    )


def _pending() -> Panel:
    waits = f"and on (cluster, jobid) hpc_job_info{_WAITING}"
    why = Link("Why it waits", board("pending", {"user": "${user:percentencode}"}))
    return table(
        "Waiting jobs",
        About(
            "Your jobs that wait for a place. Click one to see why.",
            "What the scheduler says of each: since when it waits, and what it asks for.",
            "The scheduler's estimate of the start moves whenever jobs end early or others come first.",
        ),
        {
            "submitted": f"max by ({_JOB}) (hpc_job_submit_time_seconds{USER} * 1000 {waits})",
            "cpus": f"max by ({_JOB}) (hpc_job_requested_cpus{USER} {waits})",
            "start": f"max by ({_JOB}) (hpc_job_estimated_start_time_seconds{USER} * 1000)",
        },
        (
            Column("jobid", "Job", links=(why,), width=110),
            Column("user", "User", hidden=True),
            Column("account", "Account", width=120),
            Column("cluster", "Cluster", width=100),
            Column("submitted", "Submitted", Unit.AGO),
            Column("cpus", "CPUs", Unit.WHOLE, width=90),
            Column("start", "Expected start", Unit.DATE),
        ),
        sort="Submitted",
        height=6,
    )


def _ended(settings: Settings) -> Panel:
    return table(
        "Ended jobs",
        About(
            "Your jobs that ended in the time range. Click a job to see what it did.",
            "CPU time used by CPU time held, and the memory peak against what was asked, over the job's time in the range.",
            "Jobs shorter than two scrapes are missing. Choose a longer time range to see older jobs.",
        ),
        {
            "started": f"max by ({_JOB}) (last_over_time(job:hpc_job_start_time_seconds:min{_OF_JOBS}[$__range]) * 1000 {_ENDED})",
            "ended": f"max by ({_JOB}) (max_over_time(timestamp(job:hpc_job_start_time_seconds:min{_OF_JOBS})[$__range:1m]) * 1000 {_ENDED})",
            "cpu": f"{shared.used_of_held('cpus', USER)} {_ENDED}",
            "peak": f"{shared.peak_of_held(USER)} {_ENDED}",
        },
        (
            *shared.job_columns(job_of_row(start="Started", end="Ended"), user=False),
            Column("started", "Started", Unit.DATE),
            Column("ended", "Ended", Unit.DATE),
            Column("cpu", "CPU used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("peak", "Memory peak", Unit.RATIO),
        ),
        sort="Ended",
        height=9,
    )
