"""What the scheduler exporter would show: the truth that its pages are held against, and that history is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from jobgauge.catalogue import FAMILIES
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job
from jobgauge_demo.series import Series, Value
from jobgauge_demo.story import Template

_QUEUE = ("state", "partition", "user", "account", "qos")
_PENDING = ("reason", "partition", "account", "user")
_SOURCE = ("source",)
SOURCES = ("jobs",)  # what the exporter reads of the scheduler

# What each job adds to the sums over the queue, by family.
SUMS: Mapping[str, Callable[[Template], int]] = {
    "hpc_sched_jobs": lambda _: 1,
    "hpc_sched_job_cpus": lambda kind: kind.cpus * kind.nodes,
    "hpc_sched_job_gpus": lambda kind: kind.gpus * kind.nodes,
    "hpc_sched_job_memory_bytes": lambda kind: kind.memory * kind.nodes,
    "hpc_sched_job_nodes": lambda kind: kind.nodes,
}
PENDING = "hpc_sched_pending_jobs"
_AGE = 17  # seconds, about, by which the figures are old
_READING = 0.08  # seconds that a read takes
# How the reading itself does, by family.
READING: Mapping[str, Value] = {
    "hpc_sched_up": 1,
    "hpc_sched_snapshot_age_seconds": _AGE,
    "hpc_sched_source_duration_seconds": _READING,
    "hpc_sched_unreadable_records_total": 0,
}


def queue_labels() -> dict[str, tuple[str, ...]]:
    """Return the labels that answers carry, by family."""
    return dict.fromkeys(SUMS, _QUEUE) | {PENDING: _PENDING} | dict.fromkeys(READING, _SOURCE)


def queue_truth(cluster: Cluster, t: float) -> dict[Series, Value]:
    """Return every series of the queue at t, and of how it is read."""
    found: Counter[Series] = Counter()
    pending = cluster.pending(t)
    for job in [*pending, *cluster.running(t)]:
        kind = job.template
        labels = (job.state(t).lower(), kind.partition, kind.user, kind.account, kind.qos)
        for name, amount in SUMS.items():
            if held := amount(kind):
                found[name, labels] += held
    for job in pending:
        found[
            PENDING, (_reason(job, t), job.template.partition, job.template.account, job.template.user)
        ] += 1
    answered: dict[Series, Value] = {
        (name, (source,)): value for name, value in READING.items() for source in SOURCES
    }
    answered.update(found)
    return {series: value for series, value in answered.items() if series[0] in FAMILIES}


def _reason(job: Job, t: float) -> str:
    """Return the reason's own word; the one that is a sentence means that resources are missing."""
    word = job.reason(t).partition(",")[0]
    return "Resources" if word.startswith("Nodes required for job are DOWN") else word
