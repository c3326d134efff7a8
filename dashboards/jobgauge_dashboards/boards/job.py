"""Job, for users: was this job well sized, and what held it up?"""

from __future__ import annotations

from jobgauge_dashboards import shared, style
from jobgauge_dashboards.board import Annotation, Board, Role, Row
from jobgauge_dashboards.panels import About, Panel, Query, bars, stat, timeseries, verdict
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.variables import JOB, Variable, having

_BY_PROGRAMS, _BY_KERNEL = having(JOB, 'mode="user"'), having(JOB, 'mode="system"')

# Shares of what the job asked for, over its life in the time range.
_CPU = f"sum_over_time(job:hpc_job_cpus_used:sum{JOB}[$__range]) / sum_over_time(job:hpc_job_cpus_held:sum{JOB}[$__range])"
_PEAK = f"(max_over_time(job:hpc_job_memory_peak_bytes:sum{JOB}[$__range]) or max_over_time(job:hpc_job_memory_used_bytes:sum{JOB}[$__range]))"
_MEMORY = f"{_PEAK} / max_over_time(job:hpc_job_memory_held_bytes:sum{JOB}[$__range])"


def _resources(shares: dict[str, str]) -> Query:
    """Return one query with a series for each resource."""
    named = (f'label_replace({expr}, "resource", "{name}", "", "")' for name, expr in shares.items())
    return Query("max by (resource) (" + " or ".join(named) + ")", "{{resource}}")


_SHARES = _resources({"CPUs": _CPU, "Memory": _MEMORY})


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="job",
        title="Job",
        question="Was this job well sized, and what held it up?",
        role=Role.USERS,
        variables=(Variable.CLUSTER, Variable.USER, Variable.JOBID, Variable.ACCOUNT),
        time="now-24h",
        annotations=_annotations(),
        rows=(
            Row("Verdict", [_verdict(settings)]),
            Row("CPU and memory", [[_cpu(), _memory()]]),
            Row("Nodes", [_nodes()], closed=True),
        ),
    )


def _annotations() -> tuple[Annotation, ...]:
    start = f"job:hpc_job_start_time_seconds:min{JOB} * 1000"
    alerts = having(JOB, 'alertstate="firing"')
    return (
        Annotation("Start", start, "Job starts", "", style.GOOD, at_value=True),
        Annotation("Alerts", f"ALERTS{alerts}", "{{alertname}}", "{{severity}}", style.POOR),
    )


def _verdict(settings: Settings) -> list[Panel]:
    return [
        verdict(
            "Verdict",
            About(
                "What the job made of what it asked for, in words.",
                "CPU time used by CPU time held, and the memory peak against the limit, over the job's time in the range.",
                "It judges the time range only: follow a link from My jobs to have all of the job in it.",
            ),
            _SHARES,
            {"CPUs": shared.cpu_words(settings), "Memory": shared.memory_words(settings)},
            no_value="No such job in this time range, or it is not yours",
            width=9,
            height=5,
        ),
        bars(
            "Used of asked",
            About(
                "The shares behind the verdict.",
                "CPU time used by CPU time held; the memory peak by the limit.",
                "The kernel's peak counts page cache, which a job may not need.",
            ),
            _SHARES,
            unit=Unit.RATIO,
            scale=shared.efficiency(settings),
            width=6,
            height=5,
        ),
        stat(
            "Memory to ask for, a node",
            About(
                "What to ask for next time on each node.",
                f"The highest peak of a node and {settings.memory_headroom:.0%} more, in whole GiB.",
                "Another input may need more. A job that was killed for memory needed more than its peak.",
            ),
            Query(
                f"ceil(max(max_over_time(job:hpc_job_memory_peak_bytes:max{JOB}[$__range])) * {1 + settings.memory_headroom:g} / 2^30) * 2^30"
            ),
            unit=Unit.BYTES,
            height=5,
        ),
        stat(
            "CPUs to ask for",
            About(
                "How many CPUs the job kept busy.",
                "The number of CPUs that it did not pass in 95 % of the time range, rounded up.",
                "A program that scales takes what it gets; fewer CPUs make it run longer.",
            ),
            Query(
                f"ceil(max(quantile_over_time(0.95, job:hpc_job_cpus_used:sum{JOB}[$__range])) - 0.1)",
            ),
            unit=Unit.WHOLE,
            height=5,
        ),
    ]


def _cpu() -> Panel:
    return timeseries(
        "CPU",
        About(
            "CPU time that the job used, by the programs themselves and by the kernel for them, against the CPUs held.",
            "CPU seconds per second, summed over the job's nodes.",
            "Much kernel time means many small reads or writes, or memory being moved about.",
        ),
        Query(f"sum(rate(hpc_job_cpu_seconds_total{_BY_PROGRAMS}[$__rate_interval]))", "programs"),
        Query(f"sum(rate(hpc_job_cpu_seconds_total{_BY_KERNEL}[$__rate_interval]))", "kernel"),
        Query(f"sum(hpc_job_cpus{JOB})", "held"),
        unit=Unit.COUNT,
        stack=True,
        limits=("held",),
        height=9,
    )


def _memory() -> Panel:
    return timeseries(
        "Memory",
        About(
            "What the job's memory is made of, its highest use so far, and its limit.",
            "The kernel's own account of the job, summed over its nodes.",
            "Cache is given back when programs need the memory: a full bar with much cache is no danger.",
        ),
        Query(f"sum(hpc_job_memory_rss_bytes{JOB})", "programs"),
        Query(f"sum(hpc_job_memory_cache_bytes{JOB})", "cache"),
        Query(f"sum(hpc_job_memory_peak_bytes{JOB})", "peak"),
        Query(f"sum(hpc_job_memory_limit_bytes{JOB})", "limit"),
        unit=Unit.BYTES,
        stack=True,
        limits=("peak", "limit"),
        height=9,
    )


def _nodes() -> list[Panel]:
    used = f"job_node:hpc_job_cpus_used:rate{JOB}"
    share = f"{used} / job_node:hpc_job_cpus_held:last{JOB}"
    return [
        timeseries(
            "CPU used of held, spread over the nodes",
            About(
                "The busiest node, the middle one and the idlest.",
                "CPUs used by CPUs held on each node.",
                "With one node the three lines are one.",
            ),
            Query(f"max({share})", "busiest"),
            Query(f"quantile(0.5, {share})", "middle"),
            Query(f"min({share})", "idlest"),
            unit=Unit.RATIO,
            unbounded=True,
        ),
        bars(
            "The ten idlest nodes",
            About(
                "The nodes that used least of their CPUs over the time range.",
                "CPU time used by CPU time held on each node.",
                "The node of the first process often does more, or less, than the others by design.",
            ),
            Query(
                f"bottomk(10, sum by (instance) (sum_over_time({used}[$__range]))"
                f" / sum by (instance) (sum_over_time(job_node:hpc_job_cpus_held:last{JOB}[$__range])))",
                "{{instance}}",
            ),
            unit=Unit.RATIO,
        ),
    ]
