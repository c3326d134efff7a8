"""Families of the scheduler exporter: jobs that wait and run, together and one by one."""

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
JOB_GPUS_BY_TYPE = Family(
    "hpc_sched_job_gpus_by_type",
    Kind.GAUGE,
    "The same by type of GPU, as far as jobs name one, else an empty type; Slurm only. Types beyond the 32 most common "
    "are summed up as other.",
    ("state", "partition", "account", "user", "type"),
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
