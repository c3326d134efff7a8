"""Queue and waits, for operators: where are the bottlenecks?"""

from __future__ import annotations

from jobgauge_dashboards import marks, shared, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Panel, Query, bars, heatmap, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

_PENDING = having(CLUSTERS, 'state="pending"')
_STARTED = f"increase(hpc_sched_wait_seconds_bucket{CLUSTERS}[$__range])"


def build(_: Settings) -> Board:
    """Build the board."""
    return Board(
        name="queue",
        title="Queue and waits",
        question="Where are the bottlenecks?",
        role=Role.OPERATORS,
        variables=(Variable.CLUSTERS,),
        time="now-24h",
        annotations=(marks.reservations(CLUSTERS),),
        rows=(
            Row("Now", [_now()]),
            Row(
                "Demand",
                [
                    [_over_time("partition"), _reasons()],
                    shared.waiting(CLUSTERS),
                    [shared.gaps("Gaps for small jobs", CLUSTERS), _by_partition()],
                    [_reservations(), _licences()],
                ],
            ),
            Row(
                "Waits of jobs that started in the time range",
                [[_waits(), _expansion()], [_ended()]],
            ),
            Row(
                "GPUs and large memory",
                [
                    [shared.gaps("Gaps for GPU jobs", CLUSTERS, "gpus"), _gpu_demand()],
                    [shared.gaps("Gaps for large memory", CLUSTERS, "gibibytes"), _gpu_types()],
                ],
                closed=True,
            ),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Jobs that wait",
            About(
                "Jobs that wait for a place.",
                "The scheduler's own count; each task of a job array counts.",
                "Jobs on hold and jobs that wait for other jobs count as well.",
            ),
            Query(f"sum(cluster_state:hpc_sched_jobs:sum{_PENDING})"),
            unit=Unit.WHOLE,
        ),
        stat(
            "CPUs waited for",
            About(
                "CPUs that waiting jobs ask for.",
                "The scheduler's own figures, summed over the queue.",
                "Compare it with the CPUs of the cluster to see how many machines full wait.",
            ),
            Query(f"sum(cluster_state:hpc_sched_job_cpus:sum{_PENDING})"),
            unit=Unit.WHOLE,
        ),
        stat(
            "Usual wait",
            About(
                "Half of the jobs that started in the time range waited no longer than this.",
                "The median of the waits from the moment a job could start; the histogram's steps bound its precision.",
                "Jobs that still wait are not in it: in a queue that grows it is too low.",
            ),
            Query(f"histogram_quantile(0.5, sum by (le) ({_STARTED}))"),
            unit=Unit.DURATION,
            no_value="None started",
        ),
        stat(
            "Long wait",
            About(
                "One in twenty of the jobs that started in the time range waited longer than this.",
                "The 95th percentile of the waits; the histogram's steps bound its precision.",
                "Jobs that still wait are not in it.",
            ),
            Query(f"histogram_quantile(0.95, sum by (le) ({_STARTED}))"),
            unit=Unit.DURATION,
            no_value="None started",
        ),
    ]


def _over_time(label: str) -> Panel:
    return timeseries(
        f"CPUs waited for by {label}",
        About(
            f"CPUs that waiting jobs ask for, by {label}.",
            "The scheduler's own figures, summed over the queue.",
            "A job that may run in several partitions counts in one of them.",
        ),
        Query(
            f"sum by ({label}) (cluster_{label}_state:hpc_sched_job_cpus:sum{_PENDING})", f"{{{{{label}}}}}"
        ),
        unit=Unit.COUNT,
        stack=True,
    )


def _reasons() -> Panel:
    return timeseries(
        "Jobs that wait by reason",
        About(
            "Why jobs wait, in the scheduler's own words.",
            "The scheduler's count of pending jobs by the one reason that it gives for each.",
            "The scheduler names the first reason that it met; others may hold the job too.",
        ),
        Query(
            f"sum by (reason) (cluster_partition_reason:hpc_sched_pending_jobs:sum{CLUSTERS})", "{{reason}}"
        ),
        unit=Unit.COUNT,
        stack=True,
        height=13,
    )


def _reservations() -> Panel:
    labels = "cluster, reservation"
    return table(
        "Reservations",
        About(
            "Times for which nodes are kept free, such as a maintenance.",
            "The scheduler's own list.",
            "Long before a maintenance, long jobs stop to start: they would run into it.",
        ),
        {
            "start": f"max by ({labels}) (hpc_sched_reservation_start_time_seconds{CLUSTERS} * 1000)",
            "end": f"max by ({labels}) (hpc_sched_reservation_end_time_seconds{CLUSTERS} * 1000)",
            "nodes": f"max by ({labels}) (hpc_sched_reservation_nodes{CLUSTERS})",
        },
        (
            Column("reservation", "Reservation"),
            Column("cluster", "Cluster"),
            Column("start", "Begins", Unit.DATE),
            Column("end", "Ends", Unit.DATE),
            Column("nodes", "Nodes", Unit.WHOLE),
        ),
        sort="Begins",
        no_rows="None",
        width=14,
        height=5,
    )


def _licences() -> Panel:
    licences = {kind: "hpc_sched_licenses" + having(CLUSTERS, f'kind="{kind}"') for kind in ("used", "total")}
    return bars(
        "Licences in use",
        About(
            "How much of each licence that the scheduler counts is taken.",
            "Licences used by licences that there are, as the scheduler tells them.",
            "Programs that take a licence beside the scheduler are known to the licence server only.",
        ),
        Query(
            f"sum by (license) ({licences['used']}) / (sum by (license) ({licences['total']}) > 0)",
            "{{license}}",
        ),
        unit=Unit.RATIO,
        no_value="No licences",
        height=5,
    )


def _waits() -> Panel:
    return heatmap(
        "Waits",
        About(
            "How long jobs waited before they started, over time: the darker, the more jobs.",
            "The scheduler exporter's histogram of waits, at the moment of the start.",
            "Jobs that still wait are not in it.",
        ),
        f"sum by (le) (increase(hpc_sched_wait_seconds_bucket{CLUSTERS}[$__rate_interval]))",
        unit=Unit.SECONDS,
    )


def _by_partition() -> Panel:
    return bars(
        "Usual wait by partition",
        About(
            "Half of the jobs that started in the partition waited no longer than this.",
            "The median over the time range; the histogram's steps bound its precision.",
            "A partition with few starts says little.",
        ),
        Query(f"histogram_quantile(0.5, sum by (le, partition) ({_STARTED})) >= 0", "{{partition}}"),
        unit=Unit.DURATION,
        no_value="None started",
    )


def _ended() -> Panel:
    return timeseries(
        "Jobs that ended, by how",
        About(
            "How jobs end: a burst of failures is a fault of a user, of a node or of the machine.",
            "The scheduler exporter's count of ended jobs by final state.",
            "Jobs that begin and end between two reads of the scheduler may be missing.",
        ),
        Query(
            f"sum by (state) (increase(hpc_sched_jobs_ended_total{CLUSTERS}[$__rate_interval]))", "{{state}}"
        ),
        unit=Unit.WHOLE,
        stack=True,
        colours=style.ENDS,
    )


def _gpu_demand() -> Panel:
    return timeseries(
        "GPUs waited for by partition",
        About(
            "GPUs that waiting jobs ask for, by partition.",
            "The scheduler's own figures, summed over the queue.",
            "Jobs that ask for GPUs by a name that the scheduler does not count are missing.",
        ),
        Query(
            f"sum by (partition) (cluster_partition_state:hpc_sched_job_gpus:sum{_PENDING})", "{{partition}}"
        ),
        unit=Unit.COUNT,
        stack=True,
        no_value="None",
    )


def _gpu_types() -> Panel:
    return timeseries(
        "GPUs waited for by type",
        About(
            "GPUs that waiting jobs ask for, by the type that they name.",
            "The scheduler's own figures, summed over the queue.",
            "Only Slurm tells types. A job that may do with several types names one, or none.",
        ),
        Query(shared.gpus_by_type("job", _PENDING, "type"), "{{type}}"),
        unit=Unit.COUNT,
        stack=True,
        no_value="None",
    )


def _expansion() -> Panel:
    ended = f"increase(hpc_sched_expansion_ratio_bucket{CLUSTERS}[$__range])"
    return bars(
        "Times as long as alone",
        About(
            "How many times as long as they ran half of the jobs took from their submission to their end: 1 is no wait.",
            "The median of wait and run over run, by partition, of jobs that ended; the histogram's steps bound its precision.",
            "Runs below ten seconds count as ten. Short jobs feel the same wait more.",
        ),
        Query(f"histogram_quantile(0.5, sum by (le, partition) ({ended})) >= 0", "{{partition}}"),
        unit=Unit.TENTHS,
        no_value="None ended",
    )
