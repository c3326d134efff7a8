"""Families of the scheduler exporter: the queue and the scheduler's health."""

from jobgauge.catalogue import job
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


def _of_job(name: str, text: str, *labels: str, unit: str = "") -> Family:
    """Declare a family of single jobs: its owner may see it."""
    return Family(name, Kind.GAUGE, text, (*job.JOB, *labels), unit, Audience.OWNER)


JOB_INFO = _of_job(
    "hpc_job_info",
    "Always 1; the labels describe a job that waits or runs, as the scheduler tells it.",
    *("partition", "qos", "name", "state", "array_job_id", "array_task_id", "nodes"),
)
REQUESTED_CPUS = _of_job(
    "hpc_job_requested_cpus", "CPUs that the job holds or asks for; of a waiting array: each task."
)
REQUESTED_GPUS = _of_job(
    "hpc_job_requested_gpus", "GPUs that the job holds or asks for; no series where it asks for none."
)
REQUESTED_MEMORY = _of_job(
    "hpc_job_requested_memory_bytes", "Memory that the job holds or asks for, on all its nodes.", unit="bytes"
)
REQUESTED_NODES = _of_job("hpc_job_requested_nodes", "Nodes that the job holds or asks for.")
TIME_LIMIT = _of_job(
    "hpc_job_time_limit_seconds",
    "How long the job may run; no series where it is not limited.",
    unit="seconds",
)
PRIORITY = _of_job(
    "hpc_job_priority", "The job's priority, in the scheduler's own scale; 0 while it is held."
)
QUEUE_RANK = _of_job(
    "hpc_job_queue_rank", "The waiting job's place in its partition by priority; no series while it is held."
)
SUBMIT_TIME = _of_job(
    "hpc_job_submit_time_seconds", "When the job was submitted (Unix time).", unit="seconds"
)
ELIGIBLE_TIME = _of_job(
    "hpc_job_eligible_time_seconds",
    "When the job could start as far as its owner's wishes go: dependencies met, begin time come (Unix time).",
    unit="seconds",
)
ESTIMATED_START_TIME = _of_job(
    "hpc_job_estimated_start_time_seconds",
    "When the scheduler plans to start the waiting job (Unix time); no series where it has no plan.",
    unit="seconds",
)
UNLISTED_JOBS = Family(
    "hpc_sched_unlisted_jobs",
    Kind.GAUGE,
    "Jobs in the queue without series of their own, for there are more than the exporter shows one by one.",
    audience=Audience.PUBLIC,
)
REASON_INFO = Family(
    "hpc_sched_reason_info",
    Kind.GAUGE,
    "Always 1; what a reason of pending jobs means and what can be done about it, in plain words.",
    ("reason", "meaning", "advice"),
    audience=Audience.PUBLIC,
)

NODE_STATE = Family(
    "hpc_sched_node_state",
    Kind.GAUGE,
    "1 for each state that the node is in; flags such as drain are states of their own.",
    ("node", "state"),
    audience=Audience.PUBLIC,
)
NODE_CPUS = Family(
    "hpc_sched_node_cpus",
    Kind.GAUGE,
    "CPUs of the node that jobs may have.",
    ("node", "kind"),
    audience=Audience.PUBLIC,
)
NODE_MEMORY = Family(
    "hpc_sched_node_memory_bytes",
    Kind.GAUGE,
    "Memory of the node that jobs may have.",
    ("node", "kind"),
    "bytes",
    Audience.PUBLIC,
)
NODE_GPUS = Family(
    "hpc_sched_node_gpus",
    Kind.GAUGE,
    "GPUs of the node that jobs may have.",
    ("node", "kind"),
    audience=Audience.PUBLIC,
)
NODE_DRAIN_INFO = Family(
    "hpc_sched_node_drain_info",
    Kind.GAUGE,
    "Always 1; why the node is drained or down, and who said so.",
    ("node", "reason", "drained_by"),
)
PARTITION_INFO = Family(
    "hpc_sched_partition_info",
    Kind.GAUGE,
    "Always 1; whether the partition takes and starts jobs.",
    ("partition", "state", "default"),
    audience=Audience.PUBLIC,
)
PARTITION_TIME_LIMIT = Family(
    "hpc_sched_partition_time_limit_seconds",
    Kind.GAUGE,
    "How long a job may run in the partition; no series where that is not limited.",
    ("partition",),
    "seconds",
    Audience.PUBLIC,
)
PARTITION_NODES = Family(
    "hpc_sched_partition_nodes",
    Kind.GAUGE,
    "Nodes of the partition, each in the one state that says most about it; one in several partitions counts in each.",
    ("partition", "state"),
    audience=Audience.PUBLIC,
)
PARTITION_CPUS = Family(
    "hpc_sched_partition_cpus",
    Kind.GAUGE,
    "CPUs of the partition: allocated, idle, or on nodes where no job can start (unusable).",
    ("partition", "state"),
    audience=Audience.PUBLIC,
)
PARTITION_GPUS = Family(
    "hpc_sched_partition_gpus",
    Kind.GAUGE,
    "GPUs of the partition: allocated, idle, or on nodes where no job can start (unusable).",
    ("partition", "state"),
    audience=Audience.PUBLIC,
)
BACKFILL_WINDOW = Family(
    "hpc_sched_backfill_window_seconds",
    Kind.GAUGE,
    "The longest job that fits now on at least so many nodes with at least so many free CPUs each.",
    ("partition", "cpus", "nodes"),
    "seconds",
    Audience.PUBLIC,
)
BACKFILL_GPU_WINDOW = Family(
    "hpc_sched_backfill_gpu_window_seconds",
    Kind.GAUGE,
    "The longest job that fits now on at least so many nodes with at least so many free GPUs each.",
    ("partition", "gpus", "nodes"),
    "seconds",
    Audience.PUBLIC,
)

_LIMIT = ("level", "resource", "account", "user", "qos")
LIMIT = Family(
    "hpc_sched_limit",
    Kind.GAUGE,
    "The most of a resource that an account, a user or a QOS may hold.",
    _LIMIT,
    audience=Audience.ACCOUNT,
)
LIMIT_USAGE = Family(
    "hpc_sched_limit_usage",
    Kind.GAUGE,
    "What is used of the limit with the same labels.",
    _LIMIT,
    audience=Audience.ACCOUNT,
)
FAIRSHARE = Family(
    "hpc_sched_fairshare_ratio",
    Kind.GAUGE,
    "The fairshare factor of priority: 1 is most deserving.",
    ("account", "user"),
    audience=Audience.ACCOUNT,
)
LEVEL_FAIRSHARE = Family(
    "hpc_sched_level_fairshare",
    Kind.GAUGE,
    "Share over use among the siblings of the account or user: below 1 it used more than its share.",
    ("account", "user"),
    audience=Audience.ACCOUNT,
)
SHARES = Family(
    "hpc_sched_shares_ratio",
    Kind.GAUGE,
    "The part of its level that the account or user is entitled to.",
    ("account", "user"),
    audience=Audience.ACCOUNT,
)
USAGE = Family(
    "hpc_sched_usage_ratio",
    Kind.GAUGE,
    "The part of its level that the account or user has used of late, older use fading.",
    ("account", "user"),
    audience=Audience.ACCOUNT,
)

RESERVATION_INFO = Family(
    "hpc_sched_reservation_info",
    Kind.GAUGE,
    "Always 1; a time for which nodes are kept free, such as a maintenance.",
    ("reservation", "state", "flags", "nodes"),
    audience=Audience.PUBLIC,
)
RESERVATION_START = Family(
    "hpc_sched_reservation_start_time_seconds",
    Kind.GAUGE,
    "When the reservation begins (Unix time).",
    ("reservation",),
    "seconds",
    Audience.PUBLIC,
)
RESERVATION_END = Family(
    "hpc_sched_reservation_end_time_seconds",
    Kind.GAUGE,
    "When the reservation ends (Unix time).",
    ("reservation",),
    "seconds",
    Audience.PUBLIC,
)
RESERVATION_NODES = Family(
    "hpc_sched_reservation_nodes",
    Kind.GAUGE,
    "Nodes of the reservation.",
    ("reservation",),
    audience=Audience.PUBLIC,
)
LICENSES = Family(
    "hpc_sched_licenses",
    Kind.GAUGE,
    "Licences that the scheduler counts: total, used, and reserved.",
    ("license", "kind"),
    audience=Audience.PUBLIC,
)

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
