"""Compare jobs, for users: which of them did better, and why?"""

from __future__ import annotations

from jobgauge_dashboards import shared
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import job_of_row
from jobgauge_dashboards.panels import About, Panel, Query, bars, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import Variable

_JOBS = '{cluster="$cluster",user="$user",jobid=~"$jobs"}'
_NONE = "Choose jobs above"
_ITS_TIME = "Over the part of the job's life that lies in the time range."


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="compare",
        title="Compare jobs",
        question="Which job did better, and why?",
        role=Role.USERS,
        variables=(Variable.CLUSTER, Variable.USER, Variable.JOBS),
        time="now-24h",
        rows=(
            Row("Side by side", [[_table(settings)], [_cpu(settings), _memory(), _gpu(settings)]]),
            Row("Over time", [[_cpus_used(), _memory_used()], [_gpus_used(), _lustre()]]),
        ),
    )


def _table(settings: Settings) -> Panel:
    return table(
        "Jobs",
        About(
            "What each chosen job asked for, and what it made of it.",
            "CPU time used by CPU time held, GPUs at work by GPUs held, and the memory peak by the limit.",
            _ITS_TIME + " Choose a time range that holds all of the jobs.",
        ),
        {
            "started": f"last_over_time(job:hpc_job_start_time_seconds:min{_JOBS}[$__range]) * 1000",
            "time": f"count_over_time(job:hpc_job_cpus_held:sum{_JOBS}[$__range:1m]) * 60",
            "cpus": f"max_over_time(job:hpc_job_cpus_held:sum{_JOBS}[$__range])",
            "cpu": shared.used_of_held("cpus", _JOBS),
            "peak": f"max_over_time(job:hpc_job_memory_peak_bytes:sum{_JOBS}[$__range])",
            "share": shared.peak_of_held(_JOBS),
            "gpu": shared.used_of_held("gpus", _JOBS),
        },
        (
            Column("jobid", "Job", links=(job_of_row(start="Started"),), width=105),
            *(Column(label, label.capitalize(), hidden=True) for label in ("user", "account", "cluster")),
            Column("started", "Started", Unit.DATE),
            Column("time", "Ran for", Unit.DURATION),
            Column("cpus", "CPUs", Unit.WHOLE),
            Column("cpu", "CPU used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("peak", "Peak", Unit.BYTES),
            Column("share", "Of asked", Unit.RATIO),
            Column("gpu", "GPU used", Unit.RATIO, scale=shared.efficiency(settings)),
        ),
        sort="Started",
        no_rows=_NONE,
        height=8,
    )


def _cpu(settings: Settings) -> Panel:
    return bars(
        "CPU used of held",
        About("The share of its CPUs that each job used.", "CPU time used by CPU time held.", _ITS_TIME),
        Query(shared.used_of_held("cpus", _JOBS), "{{jobid}}"),
        unit=Unit.RATIO,
        scale=shared.efficiency(settings),
        no_value=_NONE,
        height=6,
    )


def _memory() -> Panel:
    return bars(
        "Memory peak of asked",
        About(
            "The memory peak of each job by its limit.",
            "The kernel's own peak.",
            "Page cache is in the peak.",
        ),
        Query(shared.peak_of_held(_JOBS), "{{jobid}}"),
        unit=Unit.RATIO,
        no_value=_NONE,
        height=6,
    )


def _gpu(settings: Settings) -> Panel:
    return bars(
        "GPUs at work of held",
        About(
            "The share of its GPUs that each job kept at work.", "GPU time at work by time held.", _ITS_TIME
        ),
        Query(shared.used_of_held("gpus", _JOBS), "{{jobid}}"),
        unit=Unit.RATIO,
        scale=shared.efficiency(settings),
        no_value="None holds a GPU",
        height=6,
    )


def _cpus_used() -> Panel:
    return _each("CPUs used", "CPUs at work", f"job:hpc_job_cpus_used:sum{_JOBS}", Unit.COUNT)


def _memory_used() -> Panel:
    return _each("Memory used", "Memory in use", f"job:hpc_job_memory_used_bytes:sum{_JOBS}", Unit.BYTES)


def _gpus_used() -> Panel:
    return _each(
        "GPUs used", "GPUs at work", f"job:hpc_job_gpus_used:sum{_JOBS}", Unit.COUNT, "None holds a GPU"
    )


def _lustre() -> Panel:
    return _each(
        "Lustre, bytes",
        "Bytes read and written, while the job was alone on its nodes,",
        f"rate(hpc_job_lustre_bytes_total{_JOBS}[$__rate_interval])",
        Unit.BYTES_PER_SECOND,
        "Never alone on a node, or there is none",
    )


def _each(title: str, what: str, expr: str, unit: Unit, no_value: str = _NONE) -> Panel:
    own, every = f"sum by (jobid) ({expr})", f"sum by (jobid) (job:hpc_job_cpus_used:sum{_JOBS})"
    return timeseries(
        title,
        About(
            f"{what} of each chosen job, a line each.",
            "Summed over the job's nodes.",
            "Lines are drawn at the time when they were, so jobs that ran one after the other do not overlap.",
        ),
        # A job without such a figure keeps its place, so that each has the same colour in all panels.
        Query(f"{own} or {every} * NaN and on () {own}", "{{jobid}}"),
        unit=unit,
        no_value=no_value,
    )
