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
_TYPES = 32  # of GPUs that are told apart: a site has few, but Slurm takes any word in a job that is held


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
        catalogue.JOB_GPUS_BY_TYPE,
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
        typed: Counter[Key] = Counter()
        for job in snapshot.jobs or ():
            key = (job.state, job.partition, job.user, job.account, job.qos)
            jobs[key] += job.tasks
            cpus[key] += job.tasks * job.cpus
            nodes[key] += job.tasks * job.nodes
            if job.gpus:
                gpus[key] += job.tasks * job.gpus
                for kind, count in job.gpus_by_type:
                    typed[job.state, job.partition, job.account, job.user, kind] += job.tasks * count
            if job.memory is not None:
                memory[key] += job.tasks * job.memory
            if job.pending:
                pending[job.reason, job.partition, job.account, job.user] += job.tasks
        for family, sums in zip(self.families, (jobs, cpus, gpus, memory, nodes, pending), strict=False):
            yield Samples.of(family, sums, cluster)
        yield Samples.of(catalogue.JOB_GPUS_BY_TYPE, fold(typed), cluster)
        told = {reason: explain(reason) for reason, *_ in pending}
        info = {(reason, *words): 1 for reason, words in told.items() if words is not None}
        yield Samples.of(catalogue.REASON_INFO, info, cluster)


def fold(typed: Counter[Key]) -> Counter[Key]:
    """Sum up types beyond the most common as `other`; those of running jobs, which nodes do have, go first."""
    sums: dict[str, tuple[int, int]] = {}
    for (state, *_, kind), count in typed.items():
        held, wanted = sums.get(kind, (0, 0))
        sums[kind] = (held, wanted + count) if state == "pending" else (held + count, wanted)
    kept = set(sorted(sums, key=sums.__getitem__, reverse=True)[:_TYPES])
    folded: Counter[Key] = Counter()
    for key, count in typed.items():
        folded[key if key[-1] in kept else (*key[:-1], "other")] += count
    return folded
