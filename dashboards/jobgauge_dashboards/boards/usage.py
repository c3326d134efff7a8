"""Usage, for management: what did we get for it?"""

from __future__ import annotations

from jobgauge_dashboards import shared, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Panel, Query, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable

_ACCOUNT = "cluster, account"
_ENERGY = f"cluster_user_account:hpc_job_energy_joules:sum1h{CLUSTERS}"
_BY_CPU_TIME = "Each node's energy, shared out to its jobs by CPU time, added up over the time range."
_NOT_ALL_ENERGY = (
    "Fans, disks, networks, GPUs, cooling and power supplies are not in it. " + shared.WHOLE_HOURS
)
_ENDED = f"cluster_user_account_state:hpc_sched_jobs_ended:increase1h{CLUSTERS}"


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="usage",
        title="Usage and energy",
        question="What did we get for it?",
        role=Role.MANAGEMENT,
        variables=(Variable.CLUSTERS,),
        time="now-30d",
        refresh="",
        rows=(
            Row("In the time range", [_totals(settings), [_accounts(settings)]]),
            Row("Over time", [[_hours(), _efficiency()], [_jobs(), _power()]]),
        ),
    )


def _totals(settings: Settings) -> list[Panel]:
    used, held = shared.cpu_hours("used", CLUSTERS), shared.cpu_hours("held", CLUSTERS)
    return [
        stat(
            "CPU hours",
            About(
                "CPU hours that jobs held, and used of them.",
                "CPUs held and CPU time used, added up over the time range.",
                shared.WHOLE_HOURS,
            ),
            shared.by_name("what", {"held": held, "used": used}),
            unit=Unit.COUNT,
            width=7,
        ),
        stat(
            "Used",
            About(
                "The share of the held CPU hours that was used.", "One by the other.", shared.CPUS_ARE_NOT_ALL
            ),
            Query(f"({used}) / ({held})"),
            unit=Unit.RATIO,
            width=4,
            scale=shared.efficiency(settings),
        ),
        stat(
            "GPU hours",
            About(
                "GPU hours that jobs held, and used of them.",
                "GPUs held and at work, added up over the time range.",
                "A GPU at work may still be far from its speed. " + shared.WHOLE_HOURS,
            ),
            shared.by_name(
                "what",
                {"held": shared.gpu_hours("held", CLUSTERS), "used": shared.gpu_hours("used", CLUSTERS)},
            ),
            unit=Unit.COUNT,
            width=5,
            no_value="None",
        ),
        stat(
            "Jobs",
            About(
                "Jobs that ended in the time range.",
                "The scheduler exporter's count.",
                "Jobs that begin and end between two reads of the scheduler may be missing.",
            ),
            Query(f"sum(sum_over_time({_ENDED}[$__range]))"),
            unit=Unit.WHOLE,
            width=4,
        ),
        *_energy(settings),
    ]


def _energy(settings: Settings) -> list[Panel]:
    joules = f"sum(sum_over_time({_ENERGY}[$__range]))"
    panels = [
        stat(
            "Energy",
            About("Energy that jobs drew by CPUs and memory.", _BY_CPU_TIME, _NOT_ALL_ENERGY),
            Query(f"{joules} / 3.6e6"),
            unit=Unit.KILOWATT_HOURS,
            no_value="Not told",
        )
    ]
    if settings.co2_per_kwh:
        panels.append(
            stat(
                "CO2",
                About(
                    "Carbon dioxide that this energy stands for.",
                    f"{settings.co2_per_kwh:g} grams a kWh, from the site's settings.",
                    _NOT_ALL_ENERGY,
                ),
                Query(f"{joules} / 3.6e6 * {settings.co2_per_kwh:g}"),
                unit=Unit.GRAMS,
                no_value="Not told",
            )
        )
    return panels


def _accounts(settings: Settings) -> Panel:
    used, held = shared.cpu_hours("used", CLUSTERS, _ACCOUNT), shared.cpu_hours("held", CLUSTERS, _ACCOUNT)
    memory = (
        f"sum by ({_ACCOUNT}) (sum_over_time("
        f"cluster_user_account:hpc_job_memory_used_byte_seconds:sum1h{CLUSTERS}[$__range])) / 3600 / 2^30"
    )
    return table(
        "Accounts",
        About(
            "What each account got and made of it.",
            "CPU, memory and GPUs held and used, added up over the time range.",
            shared.WHOLE_HOURS,
        ),
        {
            "held": held,
            "share": f"({used}) / ({held})",
            "memory": memory,
            "gpus": shared.gpu_hours("held", CLUSTERS, _ACCOUNT),
            "energy": f"sum by ({_ACCOUNT}) (sum_over_time({_ENERGY}[$__range])) / 3.6e6",
        },
        (
            Column("account", "Account"),
            Column("cluster", "Cluster"),
            Column("held", "CPU hours", Unit.WHOLE, bar=True),
            Column("share", "Used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("memory", "GiB hours used", Unit.WHOLE),
            Column("gpus", "GPU hours", Unit.WHOLE),
            Column("energy", "Energy", Unit.KILOWATT_HOURS),
        ),
        sort="CPU hours",
    )


def _hours() -> Panel:
    series = f"cluster_account:hpc_job_cpus_held:sum{CLUSTERS}"
    top = f"topk(8, sum by (account) (sum_over_time(cluster_user_account:hpc_job_cpu_held_seconds:sum1h{CLUSTERS}[$__range])))"
    return timeseries(
        "CPUs held by account",
        About(
            "CPUs that the eight largest accounts of the time range held.",
            "Recorded sums, the accounts chosen by the whole time range.",
            "Other accounts are not shown; the stack is not the whole machine.",
        ),
        Query(f"sum by (account) ({series}) and on (account) {top}", "{{account}}"),
        unit=Unit.COUNT,
        stack=True,
    )


def _efficiency() -> Panel:
    return timeseries(
        "Used of held, day by day",
        About(
            "Whether the machine is used better than it was.",
            "CPU time used by CPU time held over the day before each point.",
            shared.CPUS_ARE_NOT_ALL,
        ),
        Query(
            f"sum(sum_over_time(cluster_user_account:hpc_job_cpu_used_seconds:sum1h{CLUSTERS}[1d]))"
            f" / sum(sum_over_time(cluster_user_account:hpc_job_cpu_held_seconds:sum1h{CLUSTERS}[1d]))",
            "CPUs",
        ),
        Query(
            f"sum(sum_over_time(cluster_user_account:hpc_job_memory_used_byte_seconds:sum1h{CLUSTERS}[1d]))"
            f" / sum(sum_over_time(cluster_user_account:hpc_job_memory_held_byte_seconds:sum1h{CLUSTERS}[1d]))",
            "memory",
        ),
        unit=Unit.RATIO,
    )


def _jobs() -> Panel:
    return timeseries(
        "Jobs that ended each day, by how",
        About(
            "How many jobs succeed and how many fail.",
            "The scheduler exporter's count over the day before each point.",
            "A user who cancels jobs on purpose looks like failure.",
        ),
        Query(f"sum by (state) (sum_over_time({_ENDED}[1d]))", "{{state}}"),
        unit=Unit.COUNT,
        stack=True,
        colours=style.ENDS,
    )


def _power() -> Panel:
    return timeseries(
        "Power",
        About(
            "Power that CPUs and memory of the nodes draw, and the part of it that jobs do.",
            "The nodes' energy counters; jobs' part by CPU time.",
            "Fans, disks, networks, GPUs, cooling and power supplies are not in it.",
        ),
        Query(f"sum(cluster:hpc_node_power_watts:rate{CLUSTERS})", "nodes"),
        Query(f"sum(cluster_user_account:hpc_job_power_watts:rate{CLUSTERS})", "jobs"),
        unit=Unit.WATTS,
        no_value="The nodes do not tell",
    )
