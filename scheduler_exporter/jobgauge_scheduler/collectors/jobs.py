"""Single jobs: what each asks for, since when it waits, when it starts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from operator import attrgetter
from typing import ClassVar

from jobgauge.catalogue import job as by_node
from jobgauge.catalogue.scheduler import queue as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Job, Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector

# What is told of each job; None leaves the series out.
_FIGURES: tuple[tuple[Family, Callable[[Job], int | None]], ...] = (
    (catalogue.REQUESTED_CPUS, lambda job: job.cpus),
    (catalogue.REQUESTED_GPUS, lambda job: job.gpus or None),
    (catalogue.REQUESTED_MEMORY, lambda job: job.memory),
    (catalogue.REQUESTED_NODES, lambda job: job.nodes),
    (catalogue.TIME_LIMIT, lambda job: job.time_limit),
    (catalogue.PRIORITY, lambda job: job.priority),
    (catalogue.SUBMIT_TIME, lambda job: job.submit_time),
    (catalogue.ELIGIBLE_TIME, lambda job: job.eligible_time),
    (by_node.START_TIME, lambda job: None if job.pending else job.start_time),
)


class JobsCollector(SchedulerCollector):
    """One set of series a job, for as many jobs as the site allows."""

    name = "jobs"
    about = "single jobs that wait or run: what they ask for, their times, their place in the queue"
    sources = (Source.JOBS,)
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.JOB_INFO,
        *(family for family, _ in _FIGURES),
        catalogue.ESTIMATED_START_TIME,
        catalogue.QUEUE_RANK,
        catalogue.UNLISTED_JOBS,
    )
    max_series = 1_000_000  # the cap on jobs is what bounds them

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """List the jobs that are kept."""
        jobs = snapshot.jobs or ()
        kept = keep(jobs, self.config.jobs_max)
        named = self.config.jobs_names
        yield Samples.of(catalogue.JOB_INFO, {_labels(job, named): 1 for job in kept}, cluster)
        for family, figure in _FIGURES:
            values = {_owner(job): value for job in kept if (value := figure(job)) is not None}
            yield Samples.of(family, values, cluster)
        # an estimate that has passed is an old plan, left over on a job that no plan includes any more
        plans = {
            _owner(job): job.start_time
            for job in kept
            if job.pending and job.start_time is not None and job.start_time > snapshot.time
        }
        yield Samples.of(catalogue.ESTIMATED_START_TIME, plans, cluster)
        listed = {job.id for job in kept}
        places = {_owner(job): place for job, place in ranks(jobs) if job.id in listed}
        yield Samples.of(catalogue.QUEUE_RANK, places, cluster)
        unlisted = sum(job.tasks for job in jobs) - sum(job.tasks for job in kept)
        yield Samples.of(catalogue.UNLISTED_JOBS, {(): unlisted}, cluster)


def keep(jobs: Sequence[Job], most: int) -> Sequence[Job]:
    """Choose the jobs that are listed where there are too many.

    Each user keeps those that run before those that wait, the largest before the smaller, the oldest before the newer;
    and users take turns, so that one who submits 100,000 jobs does not drive out the others.
    """
    if len(jobs) <= most:
        return jobs
    first = sorted(jobs, key=lambda job: job.submit_time or 0)
    first.sort(key=attrgetter("cpus"), reverse=True)  # one key after the other: no 100,000 tuples are made
    first.sort(key=attrgetter("pending"))
    by_user: dict[str, list[Job]] = defaultdict(list)
    for job in first:
        by_user[job.user].append(job)
    turns = zip_longest(*(by_user[user] for user in sorted(by_user)))
    return list(islice((job for turn in turns for job in turn if job is not None), most))


def ranks(jobs: Iterable[Job]) -> Iterator[tuple[Job, int]]:
    """Return each waiting job's place by priority: the best one where it may start in several partitions."""
    waiting = [job for job in jobs if job.pending and job.priority]
    waiting.sort(key=lambda job: (len(job.id), job.id))
    waiting.sort(key=lambda job: job.submit_time or 0)
    waiting.sort(key=attrgetter("priority"), reverse=True)
    so_far: Counter[str] = Counter()  # by partition
    for job in waiting:
        partitions = job.partition.split(",")
        for partition in partitions:
            so_far[partition] += 1
        yield job, min(map(so_far.__getitem__, partitions))


def _owner(job: Job) -> tuple[str, ...]:
    return (job.id, job.user, job.account)


def _labels(job: Job, named: bool) -> tuple[str, ...]:
    name = job.name if named else ""
    return (
        *_owner(job), job.partition, job.qos, name, job.state, job.array_job_id, job.array_task_id, job.node_list
    )  # fmt: skip
