"""What the scheduler exporter would show of jobs: the truth that its pages are held against, and that history is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from jobgauge.catalogue.job import JOB
from jobgauge.catalogue.scheduler.history import EXPANSION, RUN, WAIT
from jobgauge_demo import histograms
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.series import Series, Value
from jobgauge_demo.slurm.queue import Record, records
from jobgauge_demo.slurm.view import View
from jobgauge_demo.story import Template

_QUEUE = ("state", "partition", "user", "account", "qos")
_DAY, _MARK = 86400, 900  # seconds
PENDING, ENDED = "hpc_sched_pending_jobs", "hpc_sched_jobs_ended_total"
TYPED = "hpc_sched_job_gpus_by_type"
INFO, RANK, UNLISTED = "hpc_job_info", "hpc_job_queue_rank", "hpc_sched_unlisted_jobs"

# What each job adds to the sums over the queue, by family.
SUMS: Mapping[str, Callable[[Template], int]] = {
    "hpc_sched_jobs": lambda _: 1,
    "hpc_sched_job_cpus": lambda kind: kind.cpus * kind.nodes,
    "hpc_sched_job_gpus": lambda kind: kind.gpus * kind.nodes,
    "hpc_sched_job_memory_bytes": lambda kind: kind.memory * kind.nodes,
    "hpc_sched_job_nodes": lambda kind: kind.nodes,
}
# What is told of each job in the queue, by family; None leaves the series out.
FIGURES: Mapping[str, Callable[[Record], Value | None]] = {
    "hpc_job_requested_cpus": lambda r: r.job.template.cpus * r.job.template.nodes,
    "hpc_job_requested_gpus": lambda r: r.job.template.gpus * r.job.template.nodes or None,
    "hpc_job_requested_memory_bytes": lambda r: r.job.template.memory * r.job.template.nodes,
    "hpc_job_requested_nodes": lambda r: r.job.template.nodes,
    "hpc_job_time_limit_seconds": lambda r: r.job.template.time_limit,
    "hpc_job_priority": lambda r: r.view.priority(r.job),
    "hpc_job_submit_time_seconds": lambda r: r.job.submit,
    "hpc_job_eligible_time_seconds": lambda r: r.view.eligible(r.job),
    "hpc_job_start_time_seconds": lambda r: r.job.start if r.started else None,
    "hpc_job_estimated_start_time_seconds": lambda r: None if r.started else r.start,
}
LABELS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(SUMS, _QUEUE),
    **dict.fromkeys([*FIGURES, RANK], JOB),
    INFO: (*JOB, "partition", "qos", "name", "state", "array_job_id", "array_task_id", "nodes"),
    TYPED: ("state", "partition", "account", "user", "type"),
    PENDING: ("reason", "partition", "account", "user"),
    ENDED: ("state", "partition", "account", "user"),
    **dict.fromkeys((WAIT.name, RUN.name, EXPANSION.name), ("partition", "account")),
    UNLISTED: (),
}


def queue_truth(view: View) -> dict[Series, Value]:
    """Return every series of the queue, and of the jobs in it."""
    listed = list(records(view))
    found: dict[Series, Value] = {(UNLISTED, ()): 0}
    found.update(_sums(view))
    for record in listed:
        owner = _owner(record)
        found[INFO, (*owner, *_description(record))] = 1
        for name, figure in FIGURES.items():
            if (value := figure(record)) is not None:
                found[name, owner] = value
    found.update(_ranks(listed))
    return found | counted_today(view.cluster, view.now)


def _owner(record: Record) -> tuple[str, ...]:
    return str(record.id), record.job.user.name, record.job.template.account


def _description(record: Record) -> tuple[str, ...]:
    job, kind = record.job, record.job.template
    array = str(job.array_id) if job.array_id else ""
    task = str(job.task) if job.array_id and not record.tasks else ""
    return kind.partition, kind.qos, kind.name, job.state(record.view.now).lower(), array, task, record.nodes


def _sums(view: View) -> Counter[Series]:
    found: Counter[Series] = Counter()
    for job in (*view.pending, *view.running):
        kind = job.template
        labels = (job.state(view.now).lower(), kind.partition, kind.user, kind.account, kind.qos)
        for name, amount in SUMS.items():
            if held := amount(kind):
                found[name, labels] += held
        if kind.gpus:
            typed = (labels[0], kind.partition, kind.account, kind.user, kind.gpu_type)
            found[TYPED, typed] += kind.gpus * kind.nodes
    for job in view.pending:
        kind = job.template
        found[PENDING, (_word(job.reason(view.now)), kind.partition, kind.account, kind.user)] += 1
    return found


def _word(reason: str) -> str:
    """Return the reason's own word; the one that is a sentence means that resources are missing."""
    word = reason.partition(",")[0]
    return "Resources" if word.startswith("Nodes required for job are DOWN") else word


def _ranks(listed: Iterable[Record]) -> dict[Series, Value]:
    """Return the place of each waiting record in its partition, by priority."""
    queues: dict[str, list[Record]] = {}
    for record in listed:
        if not record.started and record.view.priority(record.job):
            queues.setdefault(record.job.template.partition, []).append(record)
    return {
        (RANK, _owner(record)): place
        for queue in queues.values()
        for place, record in enumerate(
            sorted(queue, key=lambda r: (-r.view.priority(r.job), r.job.submit)), start=1
        )
    }


def counted_today(cluster: Cluster, t: float) -> Counter[Series]:
    """Count the jobs that started and ended since midnight, as an exporter does that was started then."""
    mark = int(t) // _MARK * _MARK
    return _sum(_counted_by(cluster, mark), _counted(cluster, mark, t))


@lru_cache(_DAY // _MARK)
def _counted_by(cluster: Cluster, mark: int) -> Counter[Series]:
    if mark % _DAY == 0:
        return Counter()
    return _sum(_counted_by(cluster, mark - _MARK), _counted(cluster, mark - _MARK, mark))


def _sum(first: Counter[Series], second: Counter[Series]) -> Counter[Series]:
    """Add up, and keep what is 0, which + does not."""
    found = Counter(first)
    found.update(second)
    return found


def _counted(cluster: Cluster, since: float, until: float) -> Counter[Series]:
    found: Counter[Series] = Counter()
    for job in cluster.started(since, until):
        _add(found, histograms.started(job))
    for job in cluster.ended(since, until):
        kind = job.template
        found[ENDED, (job.state_at_end.lower(), kind.partition, kind.account, job.user.name)] += 1
        _add(found, histograms.ended(job))
    return found


def _add(found: Counter[Series], rows: Iterable[tuple[Series, Value]]) -> None:
    for series, value in rows:
        found[series] += value  # type: ignore[assignment]  # sums of ratios are no whole numbers
