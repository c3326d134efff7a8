"""Top users and accounts, for staff: who matters most this week?"""

from __future__ import annotations

from jobgauge_dashboards import shared
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import board, cell
from jobgauge_dashboards.panels import About, Link, Panel, Query, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable

_TO_USER = Link("This user's jobs", board("my-jobs", {"user": cell("User")}))
_TO_ACCOUNT = Link("This account", board("account", {"account": cell("Account")}))


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="top",
        title="Top users and accounts",
        question="Who matters most this week?",
        role=Role.STAFF,
        variables=(Variable.CLUSTERS,),
        time="now-7d",
        refresh="",
        rows=(
            Row("In the time range", [[_users(settings)], [_accounts(settings)]]),
            Row(
                "Over time",
                [
                    [
                        _trend("CPUs held by account", "held", "hold"),
                        _trend("CPUs left idle by account", "wasted", "leave idle"),
                    ]
                ],
            ),
        ),
    )


def _users(settings: Settings) -> Panel:
    who = (
        Column("user", "User", links=(_TO_USER,)),
        Column("account", "Account", links=(_TO_ACCOUNT,)),
        Column("cluster", "Cluster"),
    )
    return _ranking(settings, "Users", "cluster, user, account", who)


def _accounts(settings: Settings) -> Panel:
    who = (Column("account", "Account", links=(_TO_ACCOUNT,)), Column("cluster", "Cluster"))
    return _ranking(settings, "Accounts", "cluster, account", who)


def _ranking(settings: Settings, title: str, labels: str, who: tuple[Column, ...]) -> Panel:
    held = shared.cpu_hours("held", CLUSTERS, labels)
    top = f"topk(25, {held})"
    return table(
        title,
        About(
            f"The 25 {title.lower()} whose jobs held most CPU hours in the time range.",
            "CPUs and GPUs held, used and left idle, added up over the time range.",
            shared.WHOLE_HOURS,
        ),
        {
            "held": top,
            "used": f"({shared.cpu_hours('used', CLUSTERS, labels)}) / ({held}) and {top}",
            "lost": f"{shared.cpu_hours('wasted', CLUSTERS, labels)} and {top}",
            "gpus": f"{shared.gpu_hours('held', CLUSTERS, labels)} and {top}",
            "gpus_lost": f"{shared.gpu_hours('wasted', CLUSTERS, labels)} and {top}",
        },
        (
            *who,
            Column("held", "CPU hours", Unit.WHOLE, bar=True),
            Column("used", "Used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("lost", "CPU h lost", Unit.WHOLE),
            Column("gpus", "GPU hours", Unit.WHOLE),
            Column("gpus_lost", "GPU h lost", Unit.WHOLE),
        ),
        sort="CPU hours",
    )


def _trend(title: str, what: str, verb: str) -> Panel:
    series = f"cluster_account:hpc_job_cpus_{what}:sum{CLUSTERS}"
    top = f"topk(8, sum by (account) (sum_over_time({series}[$__range:1h])))"
    return timeseries(
        title,
        About(
            f"CPUs that the jobs of an account {verb}, for the eight largest accounts of the time range.",
            "Recorded sums, the accounts chosen by the whole time range.",
            "Other accounts are not shown; the stack is not the whole machine.",
        ),
        Query(f"sum by (account) ({series}) and on (account) {top}", "{{account}}"),
        unit=Unit.COUNT,
        stack=True,
    )
