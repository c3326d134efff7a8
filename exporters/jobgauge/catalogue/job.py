"""Families of the job exporter: what each job does on this node."""

from jobgauge.family import Audience, Family, Kind

JOB = ("jobid", "user", "account")


def _family(name: str, kind: Kind, text: str, *labels: str, unit: str = "") -> Family:
    """Declare a family of a job: its owner may see it."""
    return Family(name, kind, text, JOB + labels, unit, Audience.OWNER)


def _of_node(name: str, kind: Kind, text: str, *labels: str, unit: str = "") -> Family:
    """Declare a family of the node as a whole, whoever's jobs are there."""
    return Family(name, kind, text, labels, unit, Audience.STAFF)


CPU_SECONDS = _family(
    "hpc_job_cpu_seconds_total",
    Kind.COUNTER,
    "CPU time that the job's processes used on this node, ended processes included.",
    "mode",
    unit="seconds",
)
CPUS = _family(
    "hpc_job_cpus",
    Kind.GAUGE,
    "CPUs that the job holds on this node: its cpuset, or its quota where that is smaller.",
)
CPU_THROTTLED = _family(
    "hpc_job_cpu_throttled_seconds_total",
    Kind.COUNTER,
    "Time that the job's processes on this node were held back by its CPU quota.",
    unit="seconds",
)
MEMORY_USAGE = _family(
    "hpc_job_memory_usage_bytes",
    Kind.GAUGE,
    "Memory charged to the job on this node, page cache included.",
    unit="bytes",
)
MEMORY_RSS = _family(
    "hpc_job_memory_rss_bytes",
    Kind.GAUGE,
    "Anonymous memory of the job on this node: what its programs allocated and touched.",
    unit="bytes",
)
MEMORY_CACHE = _family(
    "hpc_job_memory_cache_bytes",
    Kind.GAUGE,
    "Page cache charged to the job on this node, shared memory included.",
    unit="bytes",
)
MEMORY_SHMEM = _family(
    "hpc_job_memory_shmem_bytes",
    Kind.GAUGE,
    "Shared memory of the job on this node: tmpfs files (/dev/shm) and System V segments; part of its page cache.",
    unit="bytes",
)
MEMORY_MAPPED = _family(
    "hpc_job_memory_mapped_bytes",
    Kind.GAUGE,
    "Page cache that the job's programs have mapped on this node.",
    unit="bytes",
)
MEMORY_KERNEL = _family(
    "hpc_job_memory_kernel_bytes",
    Kind.GAUGE,
    "Memory that the kernel holds on behalf of the job on this node (Linux 5.18 and later).",
    unit="bytes",
)
MEMORY_SWAP = _family(
    "hpc_job_memory_swap_bytes",
    Kind.GAUGE,
    "Swap space that the job uses on this node.",
    unit="bytes",
)
MEMORY_PEAK = _family(
    "hpc_job_memory_peak_bytes",
    Kind.GAUGE,
    "Highest memory use of the job on this node so far, as the kernel kept it (Linux 5.19 and later).",
    unit="bytes",
)
MEMORY_LIMIT = _family(
    "hpc_job_memory_limit_bytes",
    Kind.GAUGE,
    "Memory that the job may use on this node; no series where there is no limit.",
    unit="bytes",
)
MEMORY_EVENTS = _family(
    "hpc_job_memory_events_total",
    Kind.COUNTER,
    "How often the job met its memory limit on this node (max), was slowed down at memory.high (high), found no memory (oom),"
    " and had a process killed for it (oom_kill).",
    "event",
)
PRESSURE = _family(
    "hpc_job_pressure_seconds_total",
    Kind.COUNTER,
    "Time that some or all (full) of the job's tasks on this node waited for the resource (pressure stall information).",
    "resource",
    "kind",
    unit="seconds",
)
IO_BYTES = _family(
    "hpc_job_io_bytes_total",
    Kind.COUNTER,
    "Bytes that the job read from and wrote to the node's block devices; network file systems are not among them.",
    "device",
    "direction",
)
IO_OPERATIONS = _family(
    "hpc_job_io_operations_total",
    Kind.COUNTER,
    "Reads and writes of the job on the node's block devices.",
    "device",
    "direction",
)
PROCESSES = _family(
    "hpc_job_processes",
    Kind.GAUGE,
    "Processes of the job on this node, without the scheduler's own.",
)
THREADS = _family(
    "hpc_job_threads",
    Kind.GAUGE,
    "Threads of the job's processes on this node by what they do; uninterruptible ones wait for a disk or a file system.",
    "state",
)
PROCESS_CPU_SECONDS = _family(
    "hpc_job_process_cpu_seconds_total",
    Kind.COUNTER,
    "CPU time by program: those of the job that use most on this node, and the rest as `other`. Programs that live shorter"
    " than a scrape interval are not seen here.",
    "exe",
    unit="seconds",
)
START_TIME = _family(
    "hpc_job_start_time_seconds",
    Kind.GAUGE,
    "When the job started (Unix time): on this node from a job exporter, in its record from the scheduler exporter.",
    unit="seconds",
)
END_TIME = _family(
    "hpc_job_end_time_seconds",
    Kind.GAUGE,
    "When the job was gone from this node (Unix time); its last values stay for a minute. No series while it lives.",
    unit="seconds",
)
NODE_EXCLUSIVE = _family(
    "hpc_job_node_exclusive",
    Kind.GAUGE,
    "1 while no other job is on the node, else 0. What the kernel counts for the node only is shown as a job's (network,"
    " InfiniBand, Lustre) as far as it rose while the job was alone there.",
)
NETWORK_BYTES = _family(
    "hpc_job_network_bytes_total",
    Kind.COUNTER,
    "Bytes through the node's Ethernet devices while the job was alone on it; see hpc_job_node_exclusive.",
    "device",
    "direction",
)
INFINIBAND_BYTES = _family(
    "hpc_job_infiniband_bytes_total",
    Kind.COUNTER,
    "Bytes through the node's InfiniBand or Omni-Path ports while the job was alone on it; see hpc_job_node_exclusive.",
    "device",
    "port",
    "direction",
)
INFINIBAND_PACKETS = _family(
    "hpc_job_infiniband_packets_total",
    Kind.COUNTER,
    "Packets through the node's InfiniBand or Omni-Path ports while the job was alone on it; see hpc_job_node_exclusive.",
    "device",
    "port",
    "direction",
)
LUSTRE_BYTES = _family(
    "hpc_job_lustre_bytes_total",
    Kind.COUNTER,
    "Bytes that the node read from and wrote to Lustre while the job was alone on it; see hpc_job_node_exclusive.",
    "fs",
    "direction",
)
LUSTRE_OPERATIONS = _family(
    "hpc_job_lustre_operations_total",
    Kind.COUNTER,
    "Operations of the node on Lustre while the job was alone on it; see hpc_job_node_exclusive.",
    "fs",
    "operation",
)
NODE_INFINIBAND_BYTES = _of_node(
    "hpc_node_infiniband_bytes_total",
    Kind.COUNTER,
    "Bytes through the node's InfiniBand or Omni-Path ports.",
    "device",
    "port",
    "direction",
)
NODE_INFINIBAND_PACKETS = _of_node(
    "hpc_node_infiniband_packets_total",
    Kind.COUNTER,
    "Packets through the node's InfiniBand or Omni-Path ports.",
    "device",
    "port",
    "direction",
)
NODE_LUSTRE_BYTES = _of_node(
    "hpc_node_lustre_bytes_total",
    Kind.COUNTER,
    "Bytes that the node read from and wrote to Lustre.",
    "fs",
    "direction",
)
NODE_LUSTRE_OPERATIONS = _of_node(
    "hpc_node_lustre_operations_total",
    Kind.COUNTER,
    "Operations of the node on Lustre.",
    "fs",
    "operation",
)
ENERGY = _family(
    "hpc_job_energy_joules_total",
    Kind.COUNTER,
    "Energy of the node's CPUs (cpu) and memory (dram), shared out by CPU time: the job's part of all CPU time that the node"
    " used. What idle CPUs draw is shared in with it, so a job that leaves most of the node idle is charged for that too.",
    "domain",
)
NODE_ENERGY = _of_node(
    "hpc_node_energy_joules_total",
    Kind.COUNTER,
    "Energy of the node's CPUs (cpu) and memory (dram) since the exporter's start.",
    "domain",
)
GPU_INFO = _family(
    "hpc_job_gpu_info",
    Kind.GAUGE,
    "1 for each GPU, or MIG instance of one, that the job holds on this node, used or not.",
    "gpu",
    "uuid",
    "model",
    "mig",
)
GPU_UTILIZATION = _family(
    "hpc_job_gpu_utilization_ratio",
    Kind.GAUGE,
    "Part of the last moments in which the GPU was at work.",
    "gpu",
    unit="ratio",
)
GPU_MEMORY_USED = _family(
    "hpc_job_gpu_memory_used_bytes", Kind.GAUGE, "GPU memory in use.", "gpu", unit="bytes"
)
GPU_MEMORY_TOTAL = _family(
    "hpc_job_gpu_memory_total_bytes", Kind.GAUGE, "GPU memory that there is.", "gpu", unit="bytes"
)
GPU_POWER = _family("hpc_job_gpu_power_watts", Kind.GAUGE, "Power that the GPU draws.", "gpu", unit="watts")
GPU_ENERGY = _family(
    "hpc_job_gpu_energy_joules_total",
    Kind.COUNTER,
    "Energy that the GPU has used since its driver was loaded, before the job included.",
    "gpu",
)
GPU_TEMPERATURE = _family(
    "hpc_job_gpu_temperature_celsius", Kind.GAUGE, "Temperature of the GPU.", "gpu", unit="celsius"
)
GPU_SM_CLOCK = _family(
    "hpc_job_gpu_sm_clock_hertz", Kind.GAUGE, "Clock of the GPU's processors.", "gpu", unit="hertz"
)
GPU_PCIE_BYTES = _family(
    "hpc_job_gpu_pcie_bytes_total",
    Kind.COUNTER,
    "Bytes between the GPU and the node since the driver was loaded, before the job included.",
    "gpu",
    "direction",
)
GPU_ECC_ERRORS = _family(
    "hpc_job_gpu_ecc_errors_total",
    Kind.COUNTER,
    "Memory errors of the GPU since its driver was loaded: corrected and uncorrected ones.",
    "gpu",
    "type",
)
GPU_THROTTLED = _family(
    "hpc_job_gpu_throttled_seconds_total",
    Kind.COUNTER,
    "Time that the GPU ran slower than it could, for its power or its temperature, since the driver was loaded.",
    "gpu",
    "reason",
)
GPU_NVLINK_BYTES = _family(
    "hpc_job_gpu_nvlink_bytes_total",
    Kind.COUNTER,
    "Bytes of data over all NVLinks of the GPU since its driver was loaded, before the job included.",
    "gpu",
    "direction",
)
GPU_XID_ERRORS = _family(
    "hpc_job_gpu_xid_errors_total",
    Kind.COUNTER,
    "Errors (XID) that the driver reported of the GPU while the job held it; no series before the first one.",
    "gpu",
    "xid",
)
NODE_GPU_INFO = _of_node(
    "hpc_node_gpu_info",
    Kind.GAUGE,
    "1 for each GPU of the node and each MIG instance of one (its number has a dot), whoever holds it.",
    "gpu",
    "uuid",
    "model",
    "mig",
)
NODE_GPU_UTILIZATION = _of_node(
    "hpc_node_gpu_utilization_ratio",
    Kind.GAUGE,
    "Part of the last moments in which the GPU was at work.",
    "gpu",
    unit="ratio",
)
NODE_GPU_MEMORY_USED = _of_node(
    "hpc_node_gpu_memory_used_bytes", Kind.GAUGE, "GPU memory in use.", "gpu", unit="bytes"
)
NODE_GPU_MEMORY_TOTAL = _of_node(
    "hpc_node_gpu_memory_total_bytes",
    Kind.GAUGE,
    "GPU memory that there is; of a divided GPU, that of its instances only.",
    "gpu",
    unit="bytes",
)
NODE_GPU_POWER = _of_node(
    "hpc_node_gpu_power_watts", Kind.GAUGE, "Power that the GPU draws.", "gpu", unit="watts"
)
NODE_GPU_ENERGY = _of_node(
    "hpc_node_gpu_energy_joules_total",
    Kind.COUNTER,
    "Energy that the GPU has used since its driver was loaded.",
    "gpu",
)
NODE_GPU_TEMPERATURE = _of_node(
    "hpc_node_gpu_temperature_celsius", Kind.GAUGE, "Temperature of the GPU.", "gpu", unit="celsius"
)
NODE_GPU_ECC_ERRORS = _of_node(
    "hpc_node_gpu_ecc_errors_total",
    Kind.COUNTER,
    "Memory errors of the GPU since its driver was loaded: corrected and uncorrected ones.",
    "gpu",
    "type",
)
NODE_GPU_XID_ERRORS = _of_node(
    "hpc_node_gpu_xid_errors_total",
    Kind.COUNTER,
    "Errors (XID) that the driver has reported of the GPU since the exporter's start; no series before the first one.",
    "gpu",
    "xid",
)
