"""Families of the job exporter: the file systems that jobs use, local scratch and NFS."""

from jobgauge.catalogue.job import JOB
from jobgauge.family import Audience, Family, Kind

SCRATCH_USED = Family(
    "hpc_job_scratch_used_bytes",
    Kind.GAUGE,
    "What is used of the job's own scratch on this node; `path` is the name that the site gave it.",
    (*JOB, "path"),
    "bytes",
    Audience.OWNER,
)
SCRATCH_SIZE = Family(
    "hpc_job_scratch_size_bytes",
    Kind.GAUGE,
    "How large the job's own scratch on this node is: a file system of its own, or a project quota.",
    (*JOB, "path"),
    "bytes",
    Audience.OWNER,
)
NFS_BYTES = Family(
    "hpc_job_nfs_bytes_total",
    Kind.COUNTER,
    "Bytes that the node read from and wrote to NFS servers while the job was alone on it; see hpc_job_node_exclusive.",
    (*JOB, "fs", "direction"),
    audience=Audience.OWNER,
)
NFS_OPERATIONS = Family(
    "hpc_job_nfs_operations_total",
    Kind.COUNTER,
    "What the node asked NFS servers for while the job was alone on it, by kind; see hpc_job_node_exclusive.",
    (*JOB, "fs", "operation"),
    audience=Audience.OWNER,
)
NODE_NFS_BYTES = Family(
    "hpc_node_nfs_bytes_total",
    Kind.COUNTER,
    "Bytes that the node read from and wrote to NFS servers since the file system was mounted.",
    ("fs", "direction"),
)
NODE_NFS_OPERATIONS = Family(
    "hpc_node_nfs_operations_total",
    Kind.COUNTER,
    "What the node asked NFS servers for since the file system was mounted, by kind.",
    ("fs", "operation"),
)
