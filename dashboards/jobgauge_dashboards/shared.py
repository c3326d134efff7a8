"""Panels and columns that several boards show, each for its own level: a job, a user, an account, a cluster.

`level` is the first part of a recorded series' name, such as `cluster_account`.
"""

from __future__ import annotations

from collections.abc import Mapping

from jobgauge_dashboards import style
from jobgauge_dashboards.panels import About, Link, Panel, Query, bars, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit, Word
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import having

# States of nodes, of either scheduler, in which no job can start.
DOWN = "down.*|fail.*|not_responding|unknown|error|future|offline|stale|state-unknown"
CLOSED = "drain.*|maint.*|reboot.*|power.*|reserved"

CPUS_ARE_NOT_ALL = "The gap is not all waste: jobs wait for files, for GPUs and for each other."


def ratio(level: str, over: str, under: str, selector: str) -> str:
    """Return the share of what is held that is used, over the whole selection."""
    return f"sum({level}:{over}:sum{selector}) / sum({level}:{under}:sum{selector})"


def closed(selector: str) -> str:
    """Return the states of nodes in which no job can start."""
    return "hpc_sched_node_state" + having(selector, f'state=~"{CLOSED}|{DOWN}"') + " == 1"


def free(what: str, selector: str, by: str, of: str = "cluster, node") -> str:
    """Return what nodes where a job can start have and no job holds; `of` are the labels of one figure of a node."""
    total, held = (
        f"hpc_sched_node_{what}" + having(selector, f'kind="{kind}"') for kind in ("total", "allocated")
    )
    return f"sum by ({by}) ({total} - on ({of}) {held} unless on (cluster, node) {closed(selector)})"


def gpus_by_type(of: str, selector: str, by: str) -> str:
    """Return the GPUs of a `node` or a `job` by type; those of which the scheduler tells none have a word for it."""
    named = f'label_replace(hpc_sched_{of}_gpus_by_type{selector}, "type", "no type", "type", "")'
    return f"sum by ({by}) ({named})"


def used_of_held(what: str, selector: str) -> str:
    """Return for each job the share of its `cpus` or `gpus` that it used, over its time in the range."""
    used, held = (
        f"sum_over_time(job:hpc_job_{what}_{verb}:sum{selector}[$__range])" for verb in ("used", "held")
    )
    return f"{used} / {held}"


def peak_of_held(selector: str) -> str:
    """Return for each job its memory peak by what it asked for, over its time in the range."""
    peak, held = (
        f"max_over_time(job:hpc_job_memory_{what}_bytes:sum{selector}[$__range])" for what in ("peak", "held")
    )
    return f"{peak} / {held}"


def by_name(label: str, values: Mapping[str, str]) -> Query:
    """Return one query with a series for each of several expressions, named by a label."""
    named = (f'label_replace({expr}, "{label}", "{name}", "", "")' for name, expr in values.items())
    return Query(f"max by ({label}) (" + " or ".join(named) + ")", f"{{{{{label}}}}}")


def in_use(settings: Settings, level: str, selector: str, jobs: str, width: int = 0) -> Panel:
    """Show how much of what jobs hold they use now."""
    return stat(
        "In use now",
        About(
            f"How much of the CPUs, memory and GPUs that {jobs} hold they use at this moment.",
            "CPU time used per second by CPUs held; memory that programs allocated by the jobs' limits; the part of the"
            " time in which GPUs are at work.",
            "A job that just began, or waits for files, looks idle. It may need its memory later.",
        ),
        by_name(
            "resource",
            {
                "CPUs": ratio(level, "hpc_job_cpus_used", "hpc_job_cpus_held", selector),
                "Memory": ratio(level, "hpc_job_memory_used_bytes", "hpc_job_memory_held_bytes", selector),
                "GPUs": ratio(level, "hpc_job_gpus_used", "hpc_job_gpus_held", selector),
            },
        ),
        unit=Unit.RATIO,
        scale=efficiency(settings),
        plain=("Memory",),
        no_value="No jobs",
        width=width,
    )


def cpus_over_time(level: str, selector: str) -> Panel:
    """Show CPUs held and used."""
    return timeseries(
        "CPUs held and used",
        About(
            "CPUs that jobs hold, and how many of them are at work.",
            "CPU time used per second, as the kernel counts it, against CPUs held, over nodes with the job exporter.",
            CPUS_ARE_NOT_ALL,
        ),
        Query(f"sum({level}:hpc_job_cpus_held:sum{selector})", "held"),
        Query(f"sum({level}:hpc_job_cpus_used:sum{selector})", "used"),
        unit=Unit.COUNT,
        limits=("held",),
    )


def memory_over_time(level: str, selector: str) -> Panel:
    """Show memory asked and used."""
    return timeseries(
        "Memory asked and used",
        About(
            "Memory that jobs may use, and what their programs fill.",
            "The jobs' limits, and the memory that their programs allocated and touched, summed over nodes.",
            "Jobs without a limit add to what is used and not to what is asked; page cache is in neither.",
        ),
        Query(f"sum({level}:hpc_job_memory_held_bytes:sum{selector})", "asked"),
        Query(f"sum({level}:hpc_job_memory_used_bytes:sum{selector})", "used"),
        unit=Unit.BYTES,
        limits=("asked",),
    )


def gpus_over_time(level: str, selector: str, *limits: Query) -> Panel:
    """Show GPUs held and at work, below what there is where a query tells."""
    return timeseries(
        "GPUs held and at work",
        About(
            "GPUs that jobs hold, and how many of them are at work.",
            "GPUs held, and the sum of the parts of time in which they are at work, over nodes with the job exporter.",
            "A GPU at work may still be far from its speed.",
        ),
        Query(f"sum({level}:hpc_job_gpus_held:sum{selector})", "held"),
        Query(f"sum({level}:hpc_job_gpus_used:sum{selector})", "at work"),
        *limits,
        unit=Unit.COUNT,
        lines=("held",) if limits else (),
        limits=[limit.legend for limit in limits] or ("held",),
        no_value="No GPU is held",
    )


def of_node(expr: str) -> str:
    """Return the expression with the exporter's `instance` as `node`, without its port."""
    return f'label_replace({expr}, "node", "$1", "instance", "(.*?)(:[0-9]+)?")'


def cpu_hours(what: str, selector: str, labels: str = "") -> str:
    """Return the CPU hours held, used or wasted in the time range, by these labels."""
    return _hours(f"cpu_{what}", selector, labels)


def gpu_hours(what: str, selector: str, labels: str = "") -> str:
    """Return the GPU hours held, used or wasted in the time range, by these labels."""
    return _hours(f"gpu_{what}", selector, labels)


def _hours(what: str, selector: str, labels: str) -> str:
    grouped = f"sum by ({labels})" if labels else "sum"
    return f"{grouped} (sum_over_time(cluster_user_account:hpc_job_{what}_seconds:sum1h{selector}[$__range])) / 3600"


WHOLE_HOURS = "Counted by whole hours: the hour that has just begun is missing."


def efficiency(settings: Settings) -> style.Scale:
    """Return the colours of a used share of what is held."""
    return style.low_is_bad(settings.efficiency_poor, settings.efficiency_fair)


def cpu_words(settings: Settings) -> tuple[Word, ...]:
    """Return what a used share of CPUs means."""
    poor, fair = settings.efficiency_poor, settings.efficiency_fair
    return (
        Word(None, poor / 2, "Mostly idle: ask for far fewer", style.POOR),
        Word(poor / 2, poor, "Half idle: ask for fewer", style.POOR),
        Word(poor, fair, "Fair: a few fewer would do", style.FAIR),
        Word(fair, None, "Well used", style.GOOD),
    )


def memory_words(settings: Settings) -> tuple[Word, ...]:
    """Return what a peak means against what was asked."""
    poor, fair = settings.efficiency_poor, settings.efficiency_fair
    return (
        Word(None, poor, "Asked for far too much", style.POOR),
        Word(poor, fair, "Could ask for less", style.FAIR),
        Word(fair, 0.95, "Well sized", style.GOOD),
        Word(0.95, None, "Close to its limit: ask for more", style.POOR),
    )


def gpu_words() -> tuple[Word, ...]:
    """Return what the part of the time in which GPUs were at work means."""
    return (
        Word(None, 0.1, "Idle: does the program use them?", style.POOR),
        Word(0.1, 0.5, "Waiting: feed them faster, or ask for fewer", style.FAIR),
        Word(0.5, None, "Well used", style.GOOD),
    )


def time_words() -> tuple[Word, ...]:
    """Return what the time used means against the time limit."""
    return (
        Word(None, 0.25, "Short of its limit: ask for less, start sooner", style.FAIR),
        Word(0.25, 0.95, "Within its limit", style.GOOD),
        Word(0.95, None, "Close to its limit: ask for more", style.POOR),
    )


def job_columns(link: Link, *, user: bool) -> tuple[Column, ...]:
    """Return the columns that say which job a row is, with the link to its board."""
    return (
        Column("jobid", "Job", links=(link,), width=105),
        Column("user", "User", width=95, hidden=not user),
        Column("account", "Account", width=110),
        Column("cluster", "Cluster", width=95),
    )


def top(what: str, series: str, label: str, verb: str) -> Panel:
    """Show the eight users or accounts with most of something now."""
    return bars(
        f"{what} by {label}",
        About(
            f"The eight {label}s whose jobs {verb} most CPUs now.",
            f"Summed by {label} over the chosen clusters.",
            "Others are not shown; the bars do not add up to the whole machine.",
        ),
        Query(f"topk(8, sum by ({label}) ({series}))", f"{{{{{label}}}}}"),
        unit=Unit.WHOLE,
        no_value="None",
    )


def waiting(selector: str) -> list[Panel]:
    """Show whose jobs wait for most CPUs."""
    pending = having(selector, 'state="pending"')
    return [
        top(
            "CPUs waited for", f"cluster_account_state:hpc_sched_job_cpus:sum{pending}", "account", "wait for"
        ),
        top(
            "CPUs waited for",
            f"cluster_user_account_state:hpc_sched_job_cpus:sum{pending}",
            "user",
            "wait for",
        ),
    ]


# What a gap is measured by: the metric, and what its sizes are.
_GAPS = {
    "cpus": ("hpc_sched_backfill_window_seconds", "CPUs"),
    "gpus": ("hpc_sched_backfill_gpu_window_seconds", "GPUs"),
    "gibibytes": ("hpc_sched_backfill_memory_window_seconds", "GiB"),
}


def gaps(title: str, selector: str, of: str = "cpus") -> Panel:
    """Show what would start at once, by the CPUs, the GPUs or the memory that a job asks for on each node."""
    metric, what = _GAPS[of]
    labels = f"cluster, partition, {of}, nodes"
    return table(
        title,
        About(
            "The longest job of a size that would start at once, by partition.",
            f"What the scheduler exporter finds free: nodes with that many {what}, and for how long nobody has reserved them.",
            "The limits of a user and an account still apply. Sizes that fit nowhere are not listed.",
        ),
        {"window": f"max by ({labels}) ({metric}{selector})"},
        (
            Column("partition", "Partition"),
            Column("nodes", "Nodes"),
            Column(of, f"{what} a node"),
            Column("window", "Longest", Unit.DURATION, mappings=(Word(1e9, None, "Any", style.NEUTRAL),)),
            Column("cluster", "Cluster"),
        ),
        sort="Longest",
        no_rows="Nothing would start at once",
        width=14,
        height=8,
    )
