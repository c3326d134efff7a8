"""Which alerts should fire: what the simulated jobs do, held against what the rules promise to notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job

GRACE = 300  # seconds at a job's beginning by which the rules do not judge it; the rules are written with it
WINDOW = 600  # seconds after that by which they do; the rules are written with it, too
_SURE_AFTER = GRACE + WINDOW + 240  # and a few turns of scrapes and rules
_LINGERS = 1020  # seconds after a job's end in which its alert may still be there: an OOM kill is told for 15 minutes


@dataclass(frozen=True, slots=True)
class _Promise:
    """An alert on one kind of waste; `always`: on each such job that is old enough, not only at some time of its life."""

    alert: str
    always: bool = True


# For each word of Habit.wastes, the alerts that exist for it. A new alert on jobs: one line here.
_PROMISES: Mapping[str, tuple[_Promise, ...]] = {
    "cpu": (_Promise("JobOneBusyCore"),),
    "node-idle": (_Promise("JobNodeIdle"),),
    "memory": (_Promise("JobMemoryOverAsked"),),
    "leak": (
        _Promise("JobMemoryLeak", always=False),
        _Promise("JobMemoryNearLimit", always=False),
        _Promise("JobMemoryOverAsked", always=False),  # while it is young, nobody can tell
    ),
    "threads": (_Promise("JobTooManyThreads"),),
    "lustre-metadata": (_Promise("JobMetadataStorm"),),
    "gpu-idle": (_Promise("JobGpuIdle"),),
    "gpu-some-idle": (_Promise("JobSomeGpusIdle"),),
    "gpu-low": (_Promise("JobGpuLow"),),
    "oom": (_Promise("JobOomKilled", always=False),),
}
# The same for alerts on users and accounts, which depend on days: they may fire on who has such jobs.
_MAY_ON_OWNERS: Mapping[str, tuple[str, ...]] = {
    "cpu": ("CpuWasteDay", "CpuWasteWeek"),
    "node-idle": ("CpuWasteDay", "CpuWasteWeek"),
}
_OWNERS = "OwnerReport"  # on whoever has had an alert on a job
_STAFF = ("AdminReport", "the cluster")

Alerts = frozenset[tuple[str, str]]  # name, and job, user or account


def expected(cluster: Cluster, t: float) -> tuple[Alerts, Alerts]:
    """Return the alerts that must fire at t, and those that may: on jobs too young or just ended, and on owners."""
    running = cluster.running(t)
    must = {
        (promise.alert, str(job.id))
        for job in running
        for promise in _promises(job)
        if promise.always and t - job.start > _SURE_AFTER and job.state(t) == "RUNNING"
    }
    may = {
        (promise.alert, str(job.id))
        for job in [*running, *cluster.ended(t - _LINGERS, t)]
        for promise in _promises(job)
    }
    on_owners = {
        about
        for lane in cluster.lanes
        for word in lane.template.habit.wastes
        for alert in _MAY_ON_OWNERS.get(word, ())
        for about in ((f"User{alert}", lane.user.name), (f"Account{alert}", lane.template.account))
    }
    reported = {(_OWNERS, lane.user.name) for lane in cluster.lanes if lane.template.habit.wastes}
    return frozenset(must), frozenset(may | on_owners | reported | {_STAFF})


def _promises(job: Job) -> list[_Promise]:
    return [promise for word in job.template.habit.wastes for promise in _PROMISES.get(word, ())]
