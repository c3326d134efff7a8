"""The first row of the board Job: what the job made of what it asked for, and what to ask for next time."""

from __future__ import annotations

from jobgauge_dashboards import shared
from jobgauge_dashboards.boards.job import traffic
from jobgauge_dashboards.panels import About, Panel, Query, bars, stat, verdict
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import JOB, having

# Shares of what the job asked for, over its life in the time range.
_CPU = shared.used_of_held("cpus", JOB)
_MEMORY = (
    f"(max_over_time(job:hpc_job_memory_peak_bytes:sum{JOB}[$__range])"
    f" or max_over_time(job:hpc_job_memory_used_bytes:sum{JOB}[$__range]))"
    f" / max_over_time(job:hpc_job_memory_held_bytes:sum{JOB}[$__range])"
)
_GPUS = shared.used_of_held("gpus", JOB)
# Only while the scheduler lists the job does it tell the limit.
_TIME = (
    f"max(max_over_time(timestamp(job:hpc_job_start_time_seconds:min{JOB})[$__range:1m])"
    f" - on (jobid) last_over_time(job:hpc_job_start_time_seconds:min{JOB}[$__range]))"
    f" / max(max_over_time(hpc_job_time_limit_seconds{JOB}[$__range]))"
)


_SHARES = shared.by_name("resource", {"CPUs": _CPU, "Memory": _MEMORY, "GPUs": _GPUS, "Time": _TIME})


def lines(settings: Settings) -> list[list[Panel]]:
    """Return the row's lines."""
    return [
        [_verdict(settings), _shares(), _memory_to_ask(settings), _cpus_to_ask()],
        [_facts(), traffic.whose("On its nodes")],
    ]


def _verdict(settings: Settings) -> Panel:
    return verdict(
        "Verdict",
        About(
            "What the job made of what it asked for, in words.",
            "CPU time used by CPU time held, the memory peak by its limit, the time run by its limit, over the job's"
            " time in the range.",
            "A job that still runs has not used its time yet. It judges the time range only: follow a link from My jobs to have all of the job in it.",
        ),
        _SHARES,
        {
            "CPUs": shared.cpu_words(settings),
            "Memory": shared.memory_words(settings),
            "GPUs": shared.gpu_words(),
            "Time": shared.time_words(),
        },
        no_value="No such job in this time range, or it is not yours",
        width=9,
        height=5,
    )


def _shares() -> Panel:
    return bars(
        "Used of asked",
        About(
            "The shares behind the verdict.",
            "CPU time used by CPU time held; GPUs at work by GPUs held; the memory peak and the time run by their limits.",
            "The kernel's peak counts page cache, which a job may not need.",
        ),
        _SHARES,
        unit=Unit.RATIO,
        width=5,
        height=5,
    )


def _memory_to_ask(settings: Settings) -> Panel:
    return stat(
        "Memory to ask",
        About(
            "Memory to ask for next time on each node.",
            f"The highest peak of a node and {settings.memory_headroom:.0%} more, in whole GiB.",
            "Another input may need more. A job that was killed for memory needed more than its peak.",
        ),
        Query(
            f"ceil(max(max_over_time(job:hpc_job_memory_peak_bytes:max{JOB}[$__range]))"
            f" * {1 + settings.memory_headroom:g} / 2^30) * 2^30"
        ),
        unit=Unit.BYTES,
    )


def _cpus_to_ask() -> Panel:
    return stat(
        "CPUs to ask",
        About(
            "How many CPUs the job kept busy: as many to ask for next time.",
            "The number of CPUs at work that it did not pass in 95 % of the time range, rounded up.",
            "A program that scales takes what it gets; with fewer CPUs it runs longer.",
        ),
        # A tenth of a CPU more than a whole number is the start script, not the program.
        Query(f"ceil(max(quantile_over_time(0.95, job:hpc_job_cpus_used:sum{JOB}[$__range])) - 0.1)"),
        unit=Unit.WHOLE,
    )


def _facts() -> Panel:
    placed = having(JOB, 'nodes!=""')
    labels = "cluster, name, user, account, partition, qos, nodes"
    return table(
        "What it is",
        About(
            "How the scheduler describes the job.",
            "The scheduler's own words, the last in the time range.",
            "Where the scheduler has more jobs than its exporter shows one by one, some have no description.",
        ),
        {"info": f"max by ({labels}) (last_over_time(hpc_job_info{placed}[$__range]))"},
        (
            Column("name", "Name"),
            Column("user", "User", width=85),
            Column("account", "Account", width=100),
            Column("partition", "Partition", width=100),
            Column("qos", "QOS", width=80),
            Column("nodes", "Nodes", width=130),
            Column("cluster", "Cluster", hidden=True),
            Column("info", "Is so", Unit.WHOLE, hidden=True),
        ),
        no_rows="The scheduler does not list it",
        width=16,
        height=3,
    )
