"""Families of the job exporter: parts of a job, its steps and its cores, where a site asks for them."""

from jobgauge.catalogue.job import JOB
from jobgauge.family import Audience, Family, Kind

STEP_CPU_SECONDS = Family(
    "hpc_job_step_cpu_seconds_total",
    Kind.COUNTER,
    "CPU time that a step of the job has used on this node so far; no series once the step has ended.",
    (*JOB, "step"),
    "seconds",
    Audience.OWNER,
)
STEP_MEMORY_USAGE = Family(
    "hpc_job_step_memory_usage_bytes",
    Kind.GAUGE,
    "Memory charged to a step of the job on this node, page cache included.",
    (*JOB, "step"),
    "bytes",
    Audience.OWNER,
)
STEP_MEMORY_PEAK = Family(
    "hpc_job_step_memory_peak_bytes",
    Kind.GAUGE,
    "Highest memory use of a step of the job on this node so far, as the kernel kept it (cgroup v1, Linux 5.19 and later).",
    (*JOB, "step"),
    "bytes",
    Audience.OWNER,
)
CPU_CORE_SECONDS = Family(
    "hpc_job_cpu_core_seconds_total",
    Kind.COUNTER,
    "CPU time that the job used on each core of this node that it holds or has used; cgroup v1 only.",
    (*JOB, "core"),
    "seconds",
    Audience.OWNER,
)
