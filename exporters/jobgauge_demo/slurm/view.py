"""The cluster at one moment, as the scheduler's commands ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job, Place

_QOS_PRIORITY = {"high": 10_000, "normal": 5_000, "long": 2_000}
_PLANNED = ("Resources", "Priority")
_UNKNOWN_START = ("JobHeldUser", "JobHeldAdmin", "Dependency", "DependencyNeverSatisfied")


@dataclass(frozen=True)
class View:
    """What is asked about, when, and in which environment."""

    cluster: Cluster
    now: float
    environment: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def running(self) -> list[Job]:
        """Return the jobs that hold nodes, suspended ones included."""
        return self.cluster.running(self.now)

    @cached_property
    def pending(self) -> list[Job]:
        """Return the jobs that wait; of an array, each task."""
        return self.cluster.pending(self.now)

    @cached_property
    def working(self) -> int:
        """Return how many jobs run, without suspended ones."""
        return sum(job.state(self.now) == "RUNNING" for job in self.running)

    @cached_property
    def on(self) -> Mapping[str, Sequence[tuple[Job, Place]]]:
        """Return, by node, the jobs that hold a part of it, and which part."""
        found: dict[str, list[tuple[Job, Place]]] = {node.name: [] for node in self.cluster.nodes}
        for job in self.running:
            for place in job.places:
                found[place.node].append((job, place))
        return found

    @cached_property
    def planned_nodes(self) -> frozenset[str]:
        """Return the nodes on which the scheduler has planned a waiting job."""
        waiting = (job for job in self.pending if job.reason(self.now) == "Resources")
        return frozenset(place.node for job in waiting for place in job.places)

    def priority(self, job: Job) -> int:
        """Return a job's priority: by its QOS, and growing with age; 0 for what is held."""
        if job.reason(self.now).startswith("JobHeld"):
            return 0
        return _QOS_PRIORITY[job.template.qos] + int(min(self.now, job.start) - job.submit) // 60 + job.lane

    def planned_start(self, job: Job) -> int | None:
        """Return when a waiting job will start, where the scheduler knows."""
        reason = job.reason(self.now)
        if reason == "BeginTime" or (reason in _PLANNED and job.start - self.now < 86400):
            return job.start
        return None

    def eligible(self, job: Job) -> int | None:
        """Return since or from when a job may start, where the scheduler knows."""
        return None if job.reason(self.now) in _UNKNOWN_START else job.eligible
