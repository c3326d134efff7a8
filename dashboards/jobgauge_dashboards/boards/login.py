"""Login nodes, for staff: who blocks the login node?"""

from __future__ import annotations

from jobgauge_dashboards import links, shared
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Link, Panel, Query, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

# The job exporter with --layout=user-slices shows what each user does as if it were a job of this name.
_SLICES = having(CLUSTERS, 'jobid=~"user-[0-9]+[.]slice"')
_WHO = "cluster, node, user"
_CPU = f"cluster_instance_user:hpc_login_cpus_used:rate{CLUSTERS}"
_MEMORY = f"cluster_instance_user:hpc_login_memory_used_bytes:last{CLUSTERS}"
_PRESSURE = having(_SLICES, 'kind="some"')
_ALL_THEIRS = "Everything below a user's slice counts: editors and terminals, but also what was left behind."


def build(_: Settings) -> Board:
    """Build the board."""
    return Board(
        name="login",
        title="Login nodes",
        question="Who blocks the login node?",
        role=Role.STAFF,
        variables=(Variable.CLUSTERS,),
        rows=(
            Row("Now", [_now(), [_users()]]),
            Row("Over time", [[_cpus(), _memory()], [_waiting(), _programs()]]),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Users",
            About(
                "Users with anything running on a login node.",
                "Users' slices, by node.",
                "What a user left running counts without the user.",
            ),
            Query(f"count by (node) ({shared.of_node(f'hpc_job_processes{_SLICES}')})", "{{node}}"),
            unit=Unit.WHOLE,
            no_value="No login node",
        ),
        stat(
            "CPUs at work",
            About("CPUs that users keep busy.", "CPU seconds per second, by node.", _ALL_THEIRS),
            Query(f"sum by (node) ({shared.of_node(_CPU)})", "{{node}}"),
            unit=Unit.TENTHS,
            no_value="No login node",
        ),
        stat(
            "Memory in use",
            About(
                "Memory that users' programs fill.",
                "Anonymous and shared memory, by node.",
                "Page cache is not counted.",
            ),
            Query(f"sum by (node) ({shared.of_node(_MEMORY)})", "{{node}}"),
            unit=Unit.BYTES,
            no_value="No login node",
        ),
        stat(
            "Threads",
            About("Threads of all users.", "The kernel's count, by node.", "Sleeping ones cost nothing."),
            Query(f"sum by (node) ({shared.of_node(f'hpc_job_threads{_SLICES}')})", "{{node}}"),
            unit=Unit.WHOLE,
            no_value="No login node",
        ),
    ]


def _by_user(expr: str) -> str:
    return f"sum by ({_WHO}) ({shared.of_node(expr)})"


def _users() -> Panel:
    return table(
        "Users",
        About(
            "What each user does on each login node, the busiest first.",
            "The kernel's account of the user's slice, CPU per second.",
            _ALL_THEIRS,
        ),
        {
            "cpus": _by_user(_CPU),
            "memory": _by_user(_MEMORY),
            "processes": _by_user(f"hpc_job_processes{_SLICES}"),
            "since": f"min by ({_WHO}) ({shared.of_node(f'hpc_job_start_time_seconds{_SLICES}')}) * 1000",
        },
        (
            Column(
                "user",
                "User",
                links=(Link("This user's jobs", links.board("my-jobs", {"user": links.cell("User")})),),
            ),
            Column("node", "Node"),
            Column("cluster", "Cluster"),
            Column("since", "Since", Unit.AGO),
            Column("processes", "Processes", Unit.WHOLE),
            Column("memory", "Memory", Unit.BYTES, bar=True),
            Column("cpus", "CPUs at work", Unit.TENTHS, bar=True),
        ),
        sort="CPUs at work",
        no_rows="Nobody, or no exporter with --layout=user-slices",
        height=9,
    )


def _cpus() -> Panel:
    most = f"topk(10, sum by (user) (avg_over_time({_CPU}[$__range])))"
    return timeseries(
        "CPUs by user",
        About(
            "CPUs that the ten busiest users of the time range keep busy.",
            "CPU seconds per second, summed over the login nodes.",
            "Others are not shown.",
        ),
        Query(f"sum by (user) ({_CPU}) and on (user) {most}", "{{user}}"),
        unit=Unit.COUNT,
        stack=True,
        no_value="No login node",
    )


def _memory() -> Panel:
    most = f"topk(10, sum by (user) (max_over_time({_MEMORY}[$__range])))"
    return timeseries(
        "Memory by user",
        About(
            "Memory that the programs of the ten users with most of it fill.",
            "Anonymous and shared memory, summed over the login nodes.",
            "Others are not shown. Page cache is not counted.",
        ),
        Query(f"sum by (user) ({_MEMORY}) and on (user) {most}", "{{user}}"),
        unit=Unit.BYTES,
        stack=True,
        no_value="No login node",
    )


def _waiting() -> Panel:
    return timeseries(
        "Time spent waiting",
        About(
            "The share of time in which somebody's processes waited for CPU, memory or files: what others feel.",
            "The kernel's pressure figures (`some`) of the user who waits most.",
            "Only kernels with pressure figures have it.",
        ),
        Query(
            f"max by (resource) (rate(hpc_job_pressure_seconds_total{_PRESSURE}[$__rate_interval]))",
            "{{resource}}",
        ),
        unit=Unit.RATIO,
        no_value="The kernel does not tell",
    )


def _programs() -> Panel:
    return timeseries(
        "CPU by program",
        About(
            "The ten programs that use most CPU on the login nodes.",
            "CPU seconds per second of the busiest programs of each user.",
            "Programs that live shorter than a scrape are missing.",
        ),
        Query(
            f"topk(10, sum by (exe) (rate(hpc_job_process_cpu_seconds_total{_SLICES}[$__rate_interval])))",
            "{{exe}}",
        ),
        unit=Unit.COUNT,
        no_value="No login node",
    )
