"""Families of the scheduler exporter: the scheduler's own health, and how it is read."""

from jobgauge.family import Audience, Family, Kind

CYCLE = Family(
    "hpc_sched_cycle_seconds", Kind.GAUGE, "How long the scheduler's last cycle took.", ("type",), "seconds"
)
CYCLE_MEAN = Family(
    "hpc_sched_cycle_mean_seconds",
    Kind.GAUGE,
    "How long the scheduler's cycles took on average since its counters began.",
    ("type",),
    "seconds",
)
CYCLES = Family(
    "hpc_sched_cycles_total", Kind.COUNTER, "Cycles of the scheduler since its counters began.", ("type",)
)
CYCLE_DEPTH = Family(
    "hpc_sched_cycle_depth_jobs",
    Kind.GAUGE,
    "Jobs that a cycle of the scheduler looked at.",
    ("type",),
    "jobs",
)
CYCLE_TIME = Family(
    "hpc_sched_last_cycle_time_seconds",
    Kind.GAUGE,
    "When the last cycle was (Unix time): the age of the plan that estimated starts come from.",
    ("type",),
    "seconds",
)
QUEUE_LENGTHS = Family(
    "hpc_sched_queue_lengths",
    Kind.GAUGE,
    "Entries in the scheduler's queues: jobs before its cycles, messages to nodes (agent) and to the database (dbd_agent).",
    ("type",),
)
SERVER_THREADS = Family(
    "hpc_sched_server_threads",
    Kind.GAUGE,
    "Threads with which the controller answers requests; Slurm refuses more than 256.",
)
CONTROLLER_JOBS = Family(
    "hpc_sched_controller_jobs",
    Kind.GAUGE,
    "Jobs by the controller's own count, which may be a minute old: more than hpc_sched_jobs where some are hidden.",
    ("state",),
    audience=Audience.PUBLIC,
)
JOB_EVENTS = Family(
    "hpc_sched_job_events_total",
    Kind.COUNTER,
    "Events of jobs since the controller's counters began.",
    ("type",),
)
RPC = Family("hpc_sched_rpc_total", Kind.COUNTER, "Requests that the controller answered.", ("type",))
RPC_SECONDS = Family(
    "hpc_sched_rpc_seconds_total",
    Kind.COUNTER,
    "Time that the controller spent on requests.",
    ("type",),
    "seconds",
)
USER_RPC = Family(
    "hpc_sched_user_rpc_total",
    Kind.COUNTER,
    "Requests that the controller answered, of the users that cost it most.",
    ("user",),
    audience=Audience.OWNER,
)
USER_RPC_SECONDS = Family(
    "hpc_sched_user_rpc_seconds_total",
    Kind.COUNTER,
    "Time that the controller spent on requests of the users that cost it most.",
    ("user",),
    "seconds",
    Audience.OWNER,
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
