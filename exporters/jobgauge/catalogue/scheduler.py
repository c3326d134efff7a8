"""Families of the scheduler exporter: the queue and the scheduler's health."""

from jobgauge.family import Audience, Family, Kind

_QUEUE = ("state", "partition", "user", "account", "qos")

JOBS = Family(
    "hpc_sched_jobs",
    Kind.GAUGE,
    "Jobs in the queue; each task of a job array counts.",
    _QUEUE,
    audience=Audience.OWNER,
)
JOB_CPUS = Family(
    "hpc_sched_job_cpus",
    Kind.GAUGE,
    "CPUs that the jobs in the queue hold or ask for.",
    _QUEUE,
    audience=Audience.OWNER,
)
JOB_GPUS = Family(
    "hpc_sched_job_gpus",
    Kind.GAUGE,
    "GPUs that the jobs in the queue hold or ask for; no series where they ask for none.",
    _QUEUE,
    audience=Audience.OWNER,
)
JOB_MEMORY = Family(
    "hpc_sched_job_memory_bytes",
    Kind.GAUGE,
    "Memory that the jobs in the queue hold or ask for, on all their nodes.",
    _QUEUE,
    "bytes",
    Audience.OWNER,
)
JOB_NODES = Family(
    "hpc_sched_job_nodes",
    Kind.GAUGE,
    "Nodes that the jobs in the queue hold or ask for; a shared node counts for each job.",
    _QUEUE,
    audience=Audience.OWNER,
)
PENDING_JOBS = Family(
    "hpc_sched_pending_jobs",
    Kind.GAUGE,
    "Pending jobs by the reason that the scheduler gives, in its own word.",
    ("reason", "partition", "account", "user"),
    audience=Audience.OWNER,
)
UP = Family(
    "hpc_sched_up",
    Kind.GAUGE,
    "1 where the last read of this source succeeded.",
    ("source",),
    audience=Audience.PUBLIC,
)
SNAPSHOT_AGE = Family(
    "hpc_sched_snapshot_age_seconds",
    Kind.GAUGE,
    "Age of the figures that this source gave last.",
    ("source",),
    "seconds",
    audience=Audience.PUBLIC,
)
SOURCE_DURATION = Family(
    "hpc_sched_source_duration_seconds",
    Kind.GAUGE,
    "How long the last read of this source took, failed or not.",
    ("source",),
    "seconds",
)
UNREADABLE = Family(
    "hpc_sched_unreadable_records_total",
    Kind.COUNTER,
    "Records of this source that made no sense and were left out.",
    ("source",),
)
