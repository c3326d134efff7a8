"""Families of the scheduler exporter: what jobs did."""

from jobgauge.family import Audience, Family, Kind

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# Upper bounds of the histograms: of those of times in seconds, and of the expansion.
TIME_BOUNDS = (
    10,
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    _HOUR,
    4 * _HOUR,
    12 * _HOUR,
    _DAY,
    2 * _DAY,
    4 * _DAY,
    7 * _DAY,
    14 * _DAY,
)
EXPANSION_BOUNDS = (1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)
LEAST_RUN = 10  # seconds: of a run that was shorter, any wait would be an absurd multiple

WAIT = Family(
    "hpc_sched_wait_seconds",
    Kind.HISTOGRAM,
    "How long jobs that started had been eligible.",
    ("partition", "account"),
    "seconds",
    Audience.ACCOUNT,
)
RUN = Family(
    "hpc_sched_run_seconds",
    Kind.HISTOGRAM,
    "How long jobs that ended had run.",
    ("partition", "account"),
    "seconds",
    Audience.ACCOUNT,
)
ENDED = Family(
    "hpc_sched_jobs_ended_total",
    Kind.COUNTER,
    "Jobs that ended, by how.",
    ("state", "partition", "account", "user"),
    audience=Audience.OWNER,
)
EXPANSION = Family(
    "hpc_sched_expansion_ratio",
    Kind.HISTOGRAM,
    "Waiting and running time together over running time, of jobs that ended; runs below ten seconds count as ten.",
    ("partition", "account"),
    audience=Audience.ACCOUNT,
)
