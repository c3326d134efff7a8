"""Inefficient jobs now, for staff: whom to write to?"""

from __future__ import annotations

from jobgauge_dashboards import shared, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import job_of_row
from jobgauge_dashboards.panels import About, Panel, Query, bars, stat
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

_FIRING = having(CLUSTERS, 'alertstate="firing"', 'jobid!=""')
_JOB = "cluster, jobid, user, account"


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="inefficient",
        title="Inefficient jobs now",
        question="Whom to write to?",
        role=Role.STAFF,
        variables=(Variable.CLUSTERS,),
        rows=(
            Row("Now", [_now(settings)]),
            Row(
                "Jobs, the worst first",
                [[_idle_cpus(settings)], [_idle_gpus(settings)], [_unused_memory(settings)]],
            ),
            Row("Alerts", [[_alerts()], [_by_alert()]]),
        ),
    )


def _now(settings: Settings) -> list[Panel]:
    share = "job:hpc_job_cpus_used:sum{sel} / job:hpc_job_cpus_held:sum{sel}".replace("{sel}", CLUSTERS)
    return [
        stat(
            "Idle CPUs",
            About(
                "CPUs that jobs hold and leave idle at this moment.",
                "CPUs held less CPUs used, cut at zero job by job.",
                "Some idle time is normal: jobs read, write and wait for each other.",
            ),
            Query(f"sum(cluster:hpc_job_cpus_wasted:sum{CLUSTERS})"),
            unit=Unit.WHOLE,
        ),
        stat(
            "Unused memory",
            About(
                "Memory that jobs asked for and do not use at this moment.",
                "Limits less what the programs allocated, cut at zero node by node.",
                "A job may need it later, and may need the page cache, which is not counted.",
            ),
            Query(f"sum(cluster:hpc_job_memory_wasted_bytes:sum{CLUSTERS})"),
            unit=Unit.BYTES,
        ),
        stat(
            "Jobs mostly idle",
            About(
                "Jobs that use little of the CPUs that they hold at this moment.",
                f"Jobs that use less than {settings.efficiency_poor:.0%} of their CPUs.",
                "A job that just began counts as well.",
            ),
            Query(f"count({share} < {settings.efficiency_poor:g}) or vector(0)"),
            unit=Unit.WHOLE,
        ),
        stat(
            "Jobs with an alert",
            About(
                "Jobs for which an alert fires now.",
                "Each job counts once, however many alerts it has.",
                "Users and accounts that the rules exempt raise none.",
            ),
            Query(f"count(count by (cluster, jobid) (ALERTS{_FIRING})) or vector(0)"),
            unit=Unit.WHOLE,
        ),
    ]


def _idle_cpus(settings: Settings) -> Panel:
    used, held = f"job:hpc_job_cpus_used:sum{CLUSTERS}", f"job:hpc_job_cpus_held:sum{CLUSTERS}"
    return _worst(
        "Most idle CPUs",
        About(
            "The twenty jobs that left most CPUs idle in the last half hour.",
            "CPUs held less CPUs used, on average over the last half hour or the job's life where that is shorter.",
            "One large job at its start outranks many small bad ones; look at the share and the age too.",
        ),
        wasted=f"avg_over_time(job:hpc_job_cpus_wasted:sum{CLUSTERS}[30m]) and {held}",
        held=held,
        ratio=f"avg_over_time({used}[30m]) / avg_over_time({held}[30m])",
        columns=(
            Column("wasted", "Idle CPUs", Unit.TENTHS, bar=True),
            Column("held", "CPUs held", Unit.WHOLE),
            Column("ratio", "CPU used", Unit.RATIO, scale=shared.efficiency(settings)),
        ),
    )


def _idle_gpus(settings: Settings) -> Panel:
    used, held = f"job:hpc_job_gpus_used:sum{CLUSTERS}", f"job:hpc_job_gpus_held:sum{CLUSTERS}"
    return _worst(
        "Most idle GPUs",
        About(
            "The twenty jobs that left most GPUs idle in the last half hour.",
            "GPUs held less GPUs at work, on average over the last half hour or the job's life where that is shorter.",
            "A job that prepares its data has not used its GPUs yet.",
        ),
        wasted=f"avg_over_time(job:hpc_job_gpus_wasted:sum{CLUSTERS}[30m]) and {held}",
        held=held,
        ratio=f"avg_over_time({used}[30m]) / avg_over_time({held}[30m])",
        columns=(
            Column("wasted", "Idle GPUs", Unit.TENTHS, bar=True),
            Column("held", "GPUs held", Unit.WHOLE),
            Column("ratio", "At work", Unit.RATIO, scale=shared.efficiency(settings)),
        ),
        no_rows="No GPU is held",
    )


def _unused_memory(settings: Settings) -> Panel:
    peak, held = (
        f"job:hpc_job_memory_peak_bytes:sum{CLUSTERS}",
        f"job:hpc_job_memory_held_bytes:sum{CLUSTERS}",
    )
    # What comes with the CPUs anyway is not wasted: nobody else could have had it.
    asked = f"({held} > job:hpc_job_cpus_held:sum{CLUSTERS} * {settings.memory_per_core})"
    return _worst(
        "Most unused memory",
        About(
            "The twenty jobs whose peak is furthest below what they asked for.",
            "Limit less peak, of jobs that asked for more than"
            f" {settings.memory_per_core / 2**30:g} GiB a CPU, which comes with the CPUs.",
            "A young job has not reached its peak yet.",
        ),
        wasted=f"{asked} - {peak}",
        held=held,
        ratio=f"{peak} / {held}",
        columns=(
            Column("wasted", "Never used", Unit.BYTES, bar=True),
            Column("held", "Memory asked", Unit.BYTES),
            Column("ratio", "Peak of asked", Unit.RATIO, scale=shared.efficiency(settings)),
        ),
    )


def _worst(
    title: str,
    about: About,
    *,
    wasted: str,
    held: str,
    ratio: str,
    columns: tuple[Column, Column, Column],
    no_rows: str = style.NO_VALUE,
) -> Panel:
    """List the twenty jobs that waste most, with what they hold and the share of it that they use."""
    top = f"topk(20, {wasted})"
    return table(
        title,
        about,
        {
            "wasted": f"max by ({_JOB}) ({top})",
            "held": f"max by ({_JOB}) ({held} and {top})",
            "ratio": f"max by ({_JOB}) ({ratio} and {top})",
            "started": f"job:hpc_job_start_time_seconds:min{CLUSTERS} * 1000 and {top}",
        },
        (
            *shared.job_columns(job_of_row(start="Started"), user=True),
            Column("started", "Started", Unit.AGO),
            *columns,
        ),
        sort=columns[0].title,
        no_rows=no_rows,
        height=9,
    )


def _alerts() -> Panel:
    return table(
        "Jobs with an alert",
        About(
            "Which alerts fire for which jobs.",
            "Prometheus' own list of firing alerts that name a job.",
            "Whether the owner was told is Alertmanager's affair: silences and quiet times do not show here.",
        ),
        {"alert": f"max by (cluster, jobid, user, account, alertname, severity) (ALERTS{_FIRING})"},
        (
            Column("alertname", "Alert", width=190),
            Column("severity", "Severity", width=100),
            Column("jobid", "Job", width=110),
            Column("user", "User", width=110),
            Column("account", "Account", width=120),
            Column("cluster", "Cluster", width=100),
            Column("alert", "Firing", Unit.WHOLE, hidden=True),
        ),
        no_rows="No alert fires for a job",
        height=8,
    )


def _by_alert() -> Panel:
    return bars(
        "Alerts by kind",
        About(
            "How many jobs each alert fires for.",
            "Prometheus' own list of firing alerts that name a job.",
            "A job with two alerts counts in both.",
        ),
        Query(f"count by (alertname) (ALERTS{_FIRING})", "{{alertname}}"),
        unit=Unit.WHOLE,
        no_value="None",
    )
