"""Account, for those who lead one: who uses our share?"""

from __future__ import annotations

from jobgauge_dashboards import shared, style, whose
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import job_of_row
from jobgauge_dashboards.panels import About, Panel, Query, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import ACCOUNT, Variable

_MEMBER = "cluster, user, account"
_JOB = "cluster, jobid, user, account"


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="account",
        title="Account",
        question="Who uses our share?",
        role=Role.PIS,
        variables=(Variable.CLUSTERS, Variable.ACCOUNT),
        time="now-7d",
        refresh="5m",
        rows=(
            whose.now(settings, ACCOUNT, "the account's jobs"),
            Row(
                "Members",
                [
                    [_members(settings)],
                    [
                        _by_member("CPUs held by member", "held", "hold"),
                        _by_member("CPUs left idle by member", "wasted", "leave idle"),
                    ],
                ],
            ),
            Row("Running jobs", [[_running(settings)]]),
            Row("Share and limits", [[_shares(), _limits()]]),
            whose.over_time(ACCOUNT),
        ),
    )


def _members(settings: Settings) -> Panel:
    held = shared.cpu_hours("held", ACCOUNT, _MEMBER)
    used = shared.cpu_hours("used", ACCOUNT, _MEMBER)
    return table(
        "Members",
        About(
            "What each member's jobs held, used and left idle in the time range.",
            "CPUs and GPUs held and used, added up over the time range; the idle ones cut at zero job by job.",
            shared.WHOLE_HOURS + " Members without jobs are not listed.",
        ),
        {
            "held": held,
            "used": f"({used}) / ({held})",
            "lost": shared.cpu_hours("wasted", ACCOUNT, _MEMBER),
            "gpus": shared.gpu_hours("wasted", ACCOUNT, _MEMBER),
        },
        (
            Column("user", "User"),
            Column("account", "Account", hidden=True),
            Column("cluster", "Cluster"),
            Column("held", "CPU hours", Unit.WHOLE, bar=True),
            Column("used", "Used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("lost", "CPU hours lost", Unit.WHOLE),
            Column("gpus", "GPU hours lost", Unit.WHOLE),
        ),
        sort="CPU hours",
        height=9,
    )


def _by_member(title: str, what: str, verb: str) -> Panel:
    return timeseries(
        title,
        About(
            f"CPUs that each member's jobs {verb}.",
            "Recorded sums over each member's jobs in this account.",
            "Long time ranges are drawn in coarse steps; short jobs may fall between them.",
        ),
        Query(f"sum by (user) ({whose.LEVEL}:hpc_job_cpus_{what}:sum{ACCOUNT})", "{{user}}"),
        unit=Unit.COUNT,
        stack=True,
    )


def _running(settings: Settings) -> Panel:
    return table(
        "Running jobs",
        About(
            "The account's jobs on the machine now. Click a job to see what it did.",
            "CPU used by CPU held and GPUs at work at this moment, and the highest memory so far by the limit.",
            "A job appears with its second scrape; the first minutes of a job say little.",
        ),
        {
            "started": f"job:hpc_job_start_time_seconds:min{ACCOUNT} * 1000 and job:hpc_job_cpus_held:sum{ACCOUNT}",
            "cpus": f"max by ({_JOB}) (job:hpc_job_cpus_held:sum{ACCOUNT})",
            "cpu": f"job:hpc_job_cpus_used:sum{ACCOUNT} / job:hpc_job_cpus_held:sum{ACCOUNT}",
            "peak": f"job:hpc_job_memory_peak_bytes:sum{ACCOUNT} / job:hpc_job_memory_held_bytes:sum{ACCOUNT}",
            "gpu": f"job:hpc_job_gpus_used:sum{ACCOUNT} / job:hpc_job_gpus_held:sum{ACCOUNT}",
        },
        (
            *shared.job_columns(job_of_row(start="Started"), user=True),
            Column("started", "Started", Unit.AGO),
            Column("cpus", "CPUs", Unit.WHOLE),
            Column("cpu", "CPU used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("peak", "Peak", Unit.RATIO, scale=style.PLAIN),
            Column("gpu", "GPU used", Unit.RATIO, scale=shared.efficiency(settings)),
        ),
        sort="Started",
    )


def _shares() -> Panel:
    return timeseries(
        "Fair share",
        About(
            "How far the account and its members are from their shares: above 1 less used than due, below 1 more.",
            "The scheduler's own level of fair share; `whole account` is the account's own.",
            "It is one of several parts of a job's priority; older use fades.",
        ),
        Query(
            f'label_replace(max by (user) (hpc_sched_level_fairshare{ACCOUNT}), "user", "whole account", "user", "")',
            "{{user}}",
        ),
        unit=Unit.COUNT,
        no_value="The scheduler keeps no shares",
    )


def _limits() -> Panel:
    labels = "cluster, level, resource, account, user, qos"
    return table(
        "Limits",
        About(
            "What the account and its members may hold, and how much of it they do.",
            "The scheduler's own limits and counts.",
            "Limits of partitions and of single jobs are not in it.",
        ),
        {
            "limit": f"max by ({labels}) (hpc_sched_limit{ACCOUNT})",
            "share": f"max by ({labels}) (hpc_sched_limit_usage{ACCOUNT}) / max by ({labels}) (hpc_sched_limit{ACCOUNT} > 0)",
        },
        (
            Column("resource", "Resource"),
            Column("level", "Of"),
            Column("account", "Account", hidden=True),
            Column("user", "User"),
            Column("qos", "QOS"),
            Column("cluster", "Cluster", hidden=True),
            Column("limit", "Limit", Unit.WHOLE),
            Column("share", "In use", Unit.RATIO, scale=style.high_is_bad(0.75, 0.95), bar=True),
        ),
        sort="In use",
        no_rows="No limits",
        height=8,
    )
