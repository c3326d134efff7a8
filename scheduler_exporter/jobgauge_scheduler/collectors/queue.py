"""The queue, summed up: what runs and waits, and what for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, ClassVar

from jobgauge.catalogue.scheduler import queue as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Snapshot, Source
from jobgauge_scheduler.reasons import explain
from jobgauge_scheduler.view import SchedulerCollector

Key = tuple[str, ...]
_SUMMED = attrgetter(
    *("state", "partition", "user", "account", "qos"),
    *("reason", "cpus", "nodes", "memory", "gpus", "gpus_by_type"),
)
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
        alike: Counter[tuple[Any, ...]] = Counter()  # most jobs are as others in all that is summed up
        for job in snapshot.jobs or ():
            alike[_SUMMED(job)] += job.tasks
        jobs: Counter[Key] = Counter()
        cpus: Counter[Key] = Counter()
        gpus: Counter[Key] = Counter()
        memory: Counter[Key] = Counter()
        nodes: Counter[Key] = Counter()
        pending: Counter[Key] = Counter()
        typed: Counter[Key] = Counter()
        for (*whose, reason, its_cpus, its_nodes, its_memory, its_gpus, types), tasks in alike.items():
            state, partition, user, account, _ = key = tuple(whose)
            jobs[key] += tasks
            cpus[key] += tasks * its_cpus
            nodes[key] += tasks * its_nodes
            if its_gpus:
                gpus[key] += tasks * its_gpus
                for kind, count in types:
                    typed[state, partition, account, user, kind] += tasks * count
            if its_memory is not None:
                memory[key] += tasks * its_memory
            if state == "pending":
                pending[reason, partition, account, user] += tasks
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
