"""The simulated cluster: what runs, waits and has ended at any time, as a function of the seed and that time alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from jobgauge_demo.jobs import Job
from jobgauge_demo.lanes import Lane, make_job
from jobgauge_demo.people import MINIMUM_USERS, people
from jobgauge_demo.placing import LOGIN_NODES, make_lanes, make_nodes, make_sessions

_REMEMBERED = 1 << 14  # jobs


class Cluster:
    """Nodes, users and lanes. Times are Unix times; before EPOCH there is nothing."""

    name = "demo"

    def __init__(self, seed: int = 1, nodes: int = 20, users: int = MINIMUM_USERS) -> None:
        """Build the cluster; the same arguments always give the same one."""
        self.parameters = seed, nodes, users
        self.seed = seed
        self.users = people(users)
        self.nodes = make_nodes(nodes)
        self.machines = (*self.nodes, *LOGIN_NODES)  # all that have a job exporter
        self.lanes = make_lanes(seed, self.nodes, self.users)
        self._all = (*self.lanes, *make_sessions(seed, len(self.lanes), self.users))
        self._by_node: dict[str, tuple[Lane, ...]] = {
            node.name: tuple(lane for lane in self._all if any(p.node == node.name for p in lane.places))
            for node in self.machines
        }
        self._job = lru_cache(_REMEMBERED)(self._make)

    def _make(self, lane: int, number: int) -> Job:
        return make_job(self._all, self._all[lane], number)

    def job(self, lane: Lane, number: int) -> Job | None:
        """Return a job of a lane by its number; None for what would have been before the beginning."""
        return self._job(lane.index, number) if number >= 0 else None

    def lanes_on(self, node: str) -> tuple[Lane, ...]:
        """Return the lanes that have CPUs on a node."""
        return self._by_node[node]

    def running(self, t: float, node: str | None = None) -> list[Job]:
        """Return the jobs that hold CPUs at t, suspended ones included; on one machine: on a login node, the sessions."""
        lanes = self.lanes if node is None else self._by_node[node]
        found = []
        for lane in lanes:
            job = self.job(lane, lane.current(t))
            if job is not None and job.start <= t < job.end:
                found.append(job)
        return found

    def pending(self, t: float) -> list[Job]:
        """Return the jobs that wait at t; of an array, each task that has not started."""
        return [
            job
            for lane in self.lanes
            for number in range(lane.current(t), lane.newest(t) + 1)
            if (job := self.job(lane, number)) is not None and job.submit <= t < job.start
        ]

    def between(self, since: float, until: float, node: str | None = None) -> Iterator[Job]:
        """Yield the jobs that held CPUs at some time from since to until, those of a lane in their order."""
        for job in self._near(self.lanes if node is None else self._by_node[node], since, until):
            if job.start < job.end and job.start <= until and job.end > since:
                yield job

    def started(self, since: float, until: float) -> Iterator[Job]:
        """Yield the jobs that started in (since, until]."""
        return (
            job
            for job in self._near(self.lanes, since, until)
            if since < job.start <= until and job.start < job.end
        )

    def ended(self, since: float, until: float) -> Iterator[Job]:
        """Yield the jobs that ended in (since, until]; those cancelled before their start are among them."""
        return (job for job in self._near(self.lanes, since, until) if since < job.end <= until)

    def _near(self, lanes: Iterable[Lane], since: float, until: float) -> Iterator[Job]:
        for lane in lanes:
            for number in range(max(0, lane.current(since)), lane.current(until) + 1):
                yield self._job(lane.index, number)
