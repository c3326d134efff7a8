"""Job array, for users: which task misbehaves, and what to ask next time?"""

from __future__ import annotations

from jobgauge_dashboards import shared
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.links import job_of_row
from jobgauge_dashboards.panels import About, Panel, Query, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import Variable

_MINE = '{cluster="$cluster",user="$user"}'
# The tasks of the array that ran at some time in the range. While an array waits, its own id stands for many tasks, and later
# for the last one.
_TASKS = (
    "on (cluster, jobid) group_left (array_task_id) max by (cluster, jobid, array_task_id) (last_over_time("
    'hpc_job_info{cluster="$cluster",user="$user",array_job_id="$array",nodes!=""}[$__range]))'
)


def _of_tasks(expr: str) -> str:
    """Return what an expression has for the tasks of the array, each by its number."""
    return f"({expr}) * {_TASKS}"


_CPU = _of_tasks(shared.used_of_held("cpus", _MINE))
_PEAK = _of_tasks(f"max_over_time(job:hpc_job_memory_peak_bytes:sum{_MINE}[$__range])")
_SHARE = _of_tasks(shared.peak_of_held(_MINE))
_TIME = _of_tasks(f"count_over_time(job:hpc_job_cpus_held:sum{_MINE}[$__range:1m]) * 60")
_START = _of_tasks(f"last_over_time(job:hpc_job_start_time_seconds:min{_MINE}[$__range]) * 1000")


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="array",
        title="Job array",
        question="Which task misbehaves, and what to ask next time?",
        role=Role.USERS,
        variables=(Variable.CLUSTER, Variable.USER, Variable.ARRAY),
        time="now-24h",
        rows=(
            Row("Tasks together", [_together(settings)]),
            Row("Task by task", [[_tasks(settings)]]),
            Row("Over time", [[_cpus(), _memory()]], closed=True),
        ),
    )


def _together(settings: Settings) -> list[Panel]:
    return [
        stat(
            "Tasks measured",
            About(
                "Tasks of the array that ran in the time range.",
                "Tasks with figures from the job exporter.",
                "Tasks shorter than two scrapes are missing.",
            ),
            Query(f"count({_CPU}) or vector(0)"),
            unit=Unit.WHOLE,
        ),
        stat(
            "CPU, middle",
            About(
                "The share of its CPUs that the middle task used.",
                "The median over the tasks of CPU time used by CPU time held.",
                "Tasks that still run count with what they did so far.",
            ),
            Query(f"quantile(0.5, {_CPU})"),
            unit=Unit.RATIO,
            scale=shared.efficiency(settings),
        ),
        stat(
            "Longest",
            About(
                "How long the longest task ran in the time range.",
                "Counted by the minute.",
                "A task that began before the time range counts from its begin.",
            ),
            Query(f"max({_TIME})"),
            width=4,
            unit=Unit.DURATION,
        ),
        stat(
            "Highest peak",
            About(
                "The memory peak of the task that needed most.",
                "The kernel's own peak, summed over the task's nodes.",
                "Page cache counts, which a task may not need.",
            ),
            Query(f"max({_PEAK})"),
            unit=Unit.BYTES,
        ),
        stat(
            "Memory to ask",
            About(
                "Memory to ask for each task next time.",
                f"The highest peak and {settings.memory_headroom:.0%} more, in whole GiB.",
                "One large task sets it for all: such a task may be better run by itself.",
            ),
            Query(f"ceil(max({_PEAK}) * {1 + settings.memory_headroom:g} / 2^30) * 2^30"),
            unit=Unit.BYTES,
        ),
    ]


def _tasks(settings: Settings) -> Panel:
    return table(
        "Tasks",
        About(
            "Each task's time, CPU and memory: sort by a column to find what stands out.",
            "CPU time used by CPU time held, and the memory peak by the limit, over the task's time in the range.",
            "Tasks shorter than two scrapes are missing.",
        ),
        {"started": _START, "time": _TIME, "cpu": _CPU, "peak": _PEAK, "share": _SHARE},
        (
            Column("array_task_id", "Task", width=90),
            *shared.job_columns(job_of_row(start="Started"), user=False),
            Column("started", "Started", Unit.DATE),
            Column("time", "Ran for", Unit.DURATION, bar=True),
            Column("cpu", "CPU used", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("peak", "Memory peak", Unit.BYTES, bar=True),
            Column("share", "Peak of asked", Unit.RATIO),
        ),
        sort="Ran for",
        height=12,
    )


def _cpus() -> Panel:
    return _spread("CPUs used by a task", "CPUs", "job:hpc_job_cpus_used:sum", Unit.COUNT)


def _memory() -> Panel:
    return _spread("Memory used by a task", "memory", "job:hpc_job_memory_used_bytes:sum", Unit.BYTES)


def _spread(title: str, what: str, series: str, unit: Unit) -> Panel:
    tasks = _of_tasks(series + _MINE)
    return timeseries(
        title,
        About(
            f"The task that uses most {what}, the middle one and the one that uses least.",
            "Over the tasks that run at the moment.",
            "The lines change tasks: the one with most now may be another later.",
        ),
        Query(f"max({tasks})", "most"),
        Query(f"quantile(0.5, {tasks})", "middle"),
        Query(f"min({tasks})", "least"),
        unit=unit,
    )
