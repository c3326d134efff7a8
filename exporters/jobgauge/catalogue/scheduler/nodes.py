"""Families of the scheduler exporter: nodes, partitions, gaps, reservations and licences."""

from jobgauge.family import Audience, Family, Kind

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
NODE_GPUS_BY_TYPE = Family(
    "hpc_sched_node_gpus_by_type",
    Kind.GAUGE,
    "GPUs of the node that jobs may have, by type; Slurm only. What is allocated has no series where the scheduler does not "
    "tell which types are.",
    ("node", "type", "kind"),
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

BACKFILL_MEMORY_WINDOW = Family(
    "hpc_sched_backfill_memory_window_seconds",
    Kind.GAUGE,
    "The longest job that fits now on at least so many nodes with at least so many GiB of free memory each.",
    ("partition", "gibibytes", "nodes"),
    "seconds",
    Audience.PUBLIC,
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
