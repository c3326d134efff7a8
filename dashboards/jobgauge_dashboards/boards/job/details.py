"""The rows of the board Job below the verdict: what the job did over time, and on which nodes."""

from __future__ import annotations

from jobgauge_dashboards import shared, style
from jobgauge_dashboards.panels import About, Panel, Query, bars, timeseries
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.variables import JOB, having

_NODE_SHARE = f"job_node:hpc_job_cpus_used:rate{JOB} / job_node:hpc_job_cpus_held:last{JOB}"
_NODE_MEMORY = f"job_node:hpc_job_memory_used_bytes:last{JOB}"


def cpu() -> Panel:
    """Show CPU by mode against CPUs held."""
    return timeseries(
        "CPU",
        About(
            "CPU time that the job used, by its programs (user) and by the kernel for them (system), against the CPUs held.",
            "CPU seconds per second, summed over the job's nodes.",
            "Much system time means many small reads or writes, or memory being moved about.",
        ),
        Query(f"sum by (mode) (rate(hpc_job_cpu_seconds_total{JOB}[$__rate_interval]))", "{{mode}}"),
        Query(f"sum(hpc_job_cpus{JOB})", "held"),
        unit=Unit.COUNT,
        stack=True,
        colours={"user": style.SERIES[0], "system": style.SERIES[1]},
        limits=("held",),
        height=9,
    )


def memory() -> Panel:
    """Show memory by kind, its peak and its limit."""
    return timeseries(
        "Memory",
        About(
            "What the job's memory is made of, its highest use so far, and its limit.",
            "The kernel's own account of the job, summed over its nodes.",
            "Cache is given back when programs need the memory: much cache close to the limit is no danger.",
        ),
        Query(f"sum(hpc_job_memory_rss_bytes{JOB})", "programs"),
        Query(f"sum(hpc_job_memory_cache_bytes{JOB})", "cache"),
        Query(f"sum(hpc_job_memory_peak_bytes{JOB})", "peak"),
        Query(f"sum(hpc_job_memory_limit_bytes{JOB})", "limit"),
        unit=Unit.BYTES,
        stack=True,
        lines=("peak",),
        limits=("limit",),
        height=9,
    )


def slowed() -> list[list[Panel]]:
    """Show what the job did with its CPUs, and what it waited for."""
    return [[_threads(), _programs(), _waiting()], [_throttled(), _limit_reached()]]


def _threads() -> Panel:
    return timeseries(
        "Threads",
        About(
            "What the job's threads do, against the CPUs that it holds.",
            "Threads by the kernel's state at the moment of the scrape, summed over the job's nodes.",
            "Many more running threads than CPUs take turns and lose time; sleeping ones cost nothing.",
        ),
        Query(f"sum by (state) (hpc_job_threads{JOB})", "{{state}}"),
        Query(f"sum(hpc_job_cpus{JOB})", "CPUs held"),
        unit=Unit.COUNT,
        stack=True,
        colours={"running": style.SERIES[0], "sleeping": style.SERIES[6], "uninterruptible": style.SERIES[1]},
        limits=("CPUs held",),
    )


def _programs() -> Panel:
    return timeseries(
        "CPU by program",
        About(
            "Which programs of the job use the CPUs.",
            "CPU seconds per second of the busiest programs on each node; all others as `other`.",
            "Programs that live shorter than a scrape are missing.",
        ),
        Query(f"sum by (exe) (rate(hpc_job_process_cpu_seconds_total{JOB}[$__rate_interval]))", "{{exe}}"),
        unit=Unit.COUNT,
        stack=True,
    )


def _waiting() -> Panel:
    some = having(JOB, 'kind="some"')
    return timeseries(
        "Time spent waiting",
        About(
            "The share of time in which a process of the job waited for CPU, for memory or for files.",
            "The kernel's pressure figures (`some`), the highest of the job's nodes.",
            "Only kernels with cgroup v2 and pressure figures have it; waiting for other ranks is not in it.",
        ),
        Query(
            f"max by (resource) (rate(hpc_job_pressure_seconds_total{some}[$__rate_interval]))",
            "{{resource}}",
        ),
        unit=Unit.RATIO,
        colours={"cpu": style.SERIES[0], "memory": style.SERIES[1], "io": style.SERIES[2]},
        no_value="The kernel does not tell",
    )


def _throttled() -> Panel:
    return timeseries(
        "Held back by the CPU quota",
        About(
            "CPUs that the job could have used more, had its quota let it.",
            "Time that its processes were held back, per second, summed over its nodes.",
            "Only where the scheduler limits CPUs by quota; by cpuset there is nothing to hold back.",
        ),
        Query(f"sum(rate(hpc_job_cpu_throttled_seconds_total{JOB}[$__rate_interval]))", "held back"),
        unit=Unit.COUNT,
        no_value="No quota",
    )


def _limit_reached() -> Panel:
    return timeseries(
        "Memory limit reached",
        About(
            "How often the kernel had to take memory back at the limit, and how often it killed.",
            "The kernel's count of events at the job's limit, over its nodes.",
            "`max` alone is no harm where most of the memory is cache; `oom_kill` ends a process.",
        ),
        Query(f"sum by (event) (increase(hpc_job_memory_events_total{JOB}[$__rate_interval]))", "{{event}}"),
        unit=Unit.WHOLE,
        colours={"oom_kill": style.POOR, "oom": style.FAIR, "max": style.SERIES[0], "high": style.SERIES[3]},
    )


def nodes() -> list[list[Panel]]:
    """Show how evenly the job's nodes work: a spread and the extremes, for one node or a thousand."""
    used, held = f"job_node:hpc_job_cpus_used:rate{JOB}", f"job_node:hpc_job_cpus_held:last{JOB}"
    by_time = f"sum_over_time({used}[$__range]) / sum_over_time({held}[$__range])"
    cpus = [
        timeseries(
            "CPUs at work, by node",
            About(
                "The busiest node, the middle one and the idlest.",
                "CPUs used by CPUs held on each node.",
                "With one node the three lines are one.",
            ),
            Query(f"max({_NODE_SHARE})", "busiest"),
            Query(f"quantile(0.5, {_NODE_SHARE})", "middle"),
            Query(f"min({_NODE_SHARE})", "idlest"),
            unit=Unit.RATIO,
        ),
        bars(
            "The idlest nodes",
            About(
                "The eight nodes that used least of their CPUs over the time range.",
                "CPU time used by CPU time held on each node.",
                "The node of the first process often does more, or less, than the others by design.",
            ),
            Query(f"bottomk(8, {shared.of_node(by_time)})", "{{node}}"),
            unit=Unit.RATIO,
        ),
    ]
    memory = [
        timeseries(
            "Memory used, by node",
            About(
                "The node with most memory in use, the middle one and the one with least.",
                "Memory that the job's programs allocated and touched on each node.",
                "With one node the three lines are one.",
            ),
            Query(f"max({_NODE_MEMORY})", "most"),
            Query(f"quantile(0.5, {_NODE_MEMORY})", "middle"),
            Query(f"min({_NODE_MEMORY})", "least"),
            unit=Unit.BYTES,
        ),
        bars(
            "The fullest nodes",
            About(
                "The eight nodes on which the job used most memory in the time range.",
                "The highest use of each node that a scrape saw.",
                "A peak between two scrapes is not seen here; the kernel's own peak is in the panel Memory.",
            ),
            Query(f"topk(8, {shared.of_node(f'max_over_time({_NODE_MEMORY}[$__range])')})", "{{node}}"),
            unit=Unit.BYTES,
        ),
    ]
    return [cpus, memory]
