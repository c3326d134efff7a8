"""Families of the scheduler exporter: what jobs did."""

from jobgauge.family import Audience, Family, Kind

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
