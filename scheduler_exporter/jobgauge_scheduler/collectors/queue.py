"""The queue, summed up: what runs and waits, and what for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import queue as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Snapshot, Source
from jobgauge_scheduler.reasons import explain
from jobgauge_scheduler.view import SchedulerCollector

Key = tuple[str, ...]


class QueueCollector(SchedulerCollector):
    """Jobs, CPUs, GPUs, memory and nodes by state, partition, user, account and QOS; pending jobs by reason."""

    name = "queue"
    about = "jobs in the queue and what they hold or ask for, summed up; reasons of pending ones"
    sources = (Source.JOBS,)
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.JOBS,
        catalogue.JOB_CPUS,
        catalogue.JOB_GPUS,
        catalogue.JOB_MEMORY,
        catalogue.JOB_NODES,
        catalogue.PENDING_JOBS,
        catalogue.REASON_INFO,
    )

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Sum up; a record that stands for many tasks of an array counts as many times."""
        jobs: Counter[Key] = Counter()
        cpus: Counter[Key] = Counter()
        gpus: Counter[Key] = Counter()
        memory: Counter[Key] = Counter()
        nodes: Counter[Key] = Counter()
        pending: Counter[Key] = Counter()
        for job in snapshot.jobs or ():
            key = (job.state, job.partition, job.user, job.account, job.qos)
            jobs[key] += job.tasks
            cpus[key] += job.tasks * job.cpus
            nodes[key] += job.tasks * job.nodes
            if job.gpus:
                gpus[key] += job.tasks * job.gpus
            if job.memory is not None:
                memory[key] += job.tasks * job.memory
            if job.pending:
                pending[job.reason, job.partition, job.account, job.user] += job.tasks
        for family, sums in zip(self.families, (jobs, cpus, gpus, memory, nodes, pending), strict=False):
            yield Samples.of(family, sums, cluster)
        told = {reason: explain(reason) for reason, *_ in pending}
        info = {(reason, *words): 1 for reason, words in told.items() if words is not None}
        yield Samples.of(catalogue.REASON_INFO, info, cluster)
