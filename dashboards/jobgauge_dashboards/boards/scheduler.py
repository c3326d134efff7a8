"""Scheduler health, for operators: is the scheduler well?"""

from __future__ import annotations

from jobgauge_dashboards import style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Panel, Query, bars, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.variables import CLUSTERS, Variable

_SLURMCTLD_THREADS = 256  # beyond them the controller refuses requests


def build(_: Settings) -> Board:
    """Build the board."""
    return Board(
        name="scheduler",
        title="Scheduler health",
        question="Is the scheduler well?",
        role=Role.OPERATORS,
        variables=(Variable.CLUSTERS,),
        rows=(
            Row("Now", [_now()]),
            Row("Cycles and queues", [[_cycles(), _depth(), _queues()]]),
            Row("Requests", [[_rpcs()], [_rpc_time(), _users()]]),
            Row("Reading it", [[_reads(), _unreadable(), _events()]]),
        ),
    )


def _now() -> list[Panel]:
    return [
        stat(
            "Sources that fail",
            About(
                "Commands or services of the scheduler that could not be read.",
                "The scheduler exporter's last read of each source.",
                "A failed source's figures stay for a while and then vanish.",
            ),
            Query(f"count(hpc_sched_up{CLUSTERS} == 0) or vector(0)"),
            unit=Unit.WHOLE,
            scale=style.high_is_bad(1, 2),
        ),
        stat(
            "Last cycle ago",
            About(
                "How long ago the scheduler last looked for jobs to start, the slowest kind of cycle.",
                "The scheduler's own clock of its last cycle against Prometheus' time.",
                "Where the clocks of the machines differ, so does this.",
            ),
            Query(f"max(time() - hpc_sched_last_cycle_time_seconds{CLUSTERS})"),
            unit=Unit.DURATION,
            scale=style.high_is_bad(300, 900),
        ),
        stat(
            "Server threads",
            About(
                "Threads with which the controller answers requests now.",
                "The controller's own count.",
                f"Slurm refuses requests beyond {_SLURMCTLD_THREADS}; short peaks fall between two reads.",
            ),
            Query(f"max(hpc_sched_server_threads{CLUSTERS})"),
            unit=Unit.WHOLE,
            scale=style.high_is_bad(_SLURMCTLD_THREADS / 4, _SLURMCTLD_THREADS / 2),
        ),
        stat(
            "Unlisted jobs",
            About(
                "Jobs in the queue that have no series of their own.",
                "The queue less what the exporter's cap lets through.",
                "The boards on users' own jobs do not show them; the sums do.",
            ),
            Query(f"sum(hpc_sched_unlisted_jobs{CLUSTERS})"),
            unit=Unit.WHOLE,
            scale=style.high_is_bad(1, 1000),
        ),
    ]


def _cycles() -> Panel:
    return timeseries(
        "Time of a cycle",
        About(
            "How long the scheduler takes to go through the queue.",
            "The last cycle of each kind, as the scheduler reports it.",
            "While a cycle runs, users' commands wait.",
        ),
        Query(f"max by (type) (hpc_sched_cycle_seconds{CLUSTERS})", "{{type}}"),
        unit=Unit.SECONDS,
    )


def _depth() -> Panel:
    return timeseries(
        "Jobs that a cycle looks at",
        About(
            "How deep into the queue the scheduler looks.",
            "The last cycle of each kind, as the scheduler reports it.",
            "Jobs beyond that depth do not start however well they would fit.",
        ),
        Query(f"max by (type) (hpc_sched_cycle_depth_jobs{CLUSTERS})", "{{type}}"),
        unit=Unit.COUNT,
    )


def _queues() -> Panel:
    return timeseries(
        "Queues within the scheduler",
        About(
            "Work that waits inside the scheduler: messages to nodes and to the accounting database.",
            "The scheduler's own count.",
            "A queue to the database that grows means that the database is down or slow; accounting may be lost.",
        ),
        Query(f"max by (type) (hpc_sched_queue_lengths{CLUSTERS})", "{{type}}"),
        unit=Unit.COUNT,
    )


def _rpcs() -> Panel:
    rate = f"rate(hpc_sched_rpc_total{CLUSTERS}[$__rate_interval])"
    chosen = f"topk(8, sum by (type) (increase(hpc_sched_rpc_total{CLUSTERS}[$__range])))"
    return timeseries(
        "Requests by type",
        About(
            "Requests that the controller answers: the eight most frequent types.",
            "The controller's counters.",
            "The counters begin anew when the controller does, or each night.",
        ),
        Query(f"sum by (type) ({rate}) and on (type) {chosen}", "{{type}}"),
        unit=Unit.PER_SECOND,
    )


def _rpc_time() -> Panel:
    return bars(
        "Time spent by type",
        About(
            "What costs the controller its time: the eight costliest types of request in the time range.",
            "The controller's counters of time spent.",
            "Time spent waiting for a lock counts as well.",
        ),
        Query(
            # Nearly all names begin with one of two words, and bars have little room.
            f"topk(8, sum by (type) (label_replace(increase(hpc_sched_rpc_seconds_total{CLUSTERS}[$__range]),"
            ' "type", "$1", "type", "(?:REQUEST|MESSAGE)_(.*)")))',
            "{{type}}",
        ),
        unit=Unit.SECONDS,
    )


def _users() -> Panel:
    return bars(
        "Time spent by user",
        About(
            "Whose requests cost the controller most in the time range: a loop around squeue shows here.",
            "The controller's counters of the users that cost it most.",
            "Requests of the nodes and of services count for the users that they run as.",
        ),
        Query(
            f"topk(8, sum by (user) (increase(hpc_sched_user_rpc_seconds_total{CLUSTERS}[$__range])))",
            "{{user}}",
        ),
        unit=Unit.SECONDS,
    )


def _reads() -> Panel:
    return timeseries(
        "Time to read it",
        About(
            "How long the scheduler takes to answer the exporter.",
            "The last read of each source, failed or not.",
            "A slow answer can be the scheduler's load or the network.",
        ),
        Query(f"max by (source) (hpc_sched_source_duration_seconds{CLUSTERS})", "{{source}}"),
        unit=Unit.SECONDS,
    )


def _unreadable() -> Panel:
    return timeseries(
        "Records that made no sense",
        About(
            "Records of the scheduler that the exporter left out.",
            "The exporter's own count.",
            "What was left out is missing from the boards: the exporter's log has the records.",
        ),
        Query(
            f"sum by (source) (increase(hpc_sched_unreadable_records_total{CLUSTERS}[$__rate_interval]))",
            "{{source}}",
        ),
        unit=Unit.WHOLE,
    )


def _events() -> Panel:
    return timeseries(
        "Jobs through the scheduler",
        About(
            "How many jobs are submitted, start and end.",
            "The controller's counters.",
            "Each task of a job array counts once it starts.",
        ),
        Query(
            f"sum by (type) (rate(hpc_sched_job_events_total{CLUSTERS}[$__rate_interval])) * 60", "{{type}}"
        ),
        unit=Unit.PER_MINUTE,
    )
