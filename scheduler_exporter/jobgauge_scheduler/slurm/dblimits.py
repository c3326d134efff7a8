"""Limits as slurmrestd tells them for slurmdbd, with what the queue uses of them.

Only slurmctld knows what is used, and its answer about that is in no JSON. As far as use follows from the queue it is
counted there, as slurmctld does. Use that adds up over time (GrpTRESMins and its like) does not follow, and is not told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jobgauge_scheduler.model import Job, Limit, Reading
from jobgauge_scheduler.slurm import hostlist
from jobgauge_scheduler.slurm.document import Chunks, Fields, each, number
from jobgauge_scheduler.slurm.limits import KEYS, resource_of

# Where the documents have what slurmctld prints under these names.
_OF_ASSOCIATION = {
    "GrpJobs": "jobs.per.count",
    "GrpSubmitJobs": "jobs.per.submitted",
    "GrpWall": "per.account.wall_clock",
    "GrpTRES": "tres.total",
    "GrpTRESMins": "tres.group.minutes",
    "GrpTRESRunMins": "tres.group.active",
    "MaxJobs": "jobs.active",
    "MaxSubmitJobs": "jobs.total",
}
_OF_QOS = {
    "GrpJobs": "active_jobs.count",
    "GrpSubmitJobs": "jobs.count",  # 22.05 tells neither this
    "GrpWall": "wall_clock.per.qos",
    "GrpTRES": "tres.total",
    "GrpTRESMins": "tres.minutes.total",  # nor this
    "GrpTRESRunMins": "tres.minutes.per.qos",
}
# Limits of each user, and of each account, within a QOS.
_OF_EACH = {
    "MaxJobs": "jobs.active_jobs.per.{}",
    "MaxSubmitJobs": "jobs.per.{}",
    "GrpTRES": "tres.per.{}",
    "GrpTRESRunMins": "tres.minutes.per.{}",
}
_HOLDS = frozenset({"running", "suspended", "configuring", "stopped", "resizing"})


class Queue:
    """The jobs in the queue, by who is limited."""

    def __init__(self, jobs: Iterable[Job], parents: Mapping[str, str]) -> None:
        """Take the jobs and each account's parent: a job counts for all accounts above its own."""
        self._jobs: dict[tuple[str, ...], list[Job]] = defaultdict(list)
        for job in jobs:
            self._jobs["user", job.account, job.user].append(job)
            self._jobs["qos", job.qos].append(job)
            self._jobs["qos user", job.qos, job.user].append(job)
            self._jobs["qos account", job.qos, job.account].append(job)
            for account in _line(job.account, parents):
                self._jobs["account", account].append(job)

    def of(self, *who: str) -> Sequence[Job]:
        """Return the jobs of one who is limited."""
        return self._jobs.get(who, ())

    def names(self, what: str, qos: str) -> list[str]:
        """Return the users or accounts that have jobs in a QOS."""
        return sorted(who[2] for who in self._jobs if who[:2] == (what, qos))


def associations(chunks: Chunks) -> Reading[tuple[Fields, ...]]:
    """Read `associations`, but for limits within one partition: no label tells them apart."""
    return each(chunks, "associations", lambda row: row if not row["partition"] else None)


def qos(chunks: Chunks) -> Reading[tuple[Fields, ...]]:
    """Read `qos`."""
    return each(chunks, "qos", lambda row: row)


def limits(rows: Sequence[Fields], levels: Sequence[Fields], jobs: Iterable[Job] | None) -> tuple[Limit, ...]:
    """Return what is limited, of associations and of QOS; what is used of it only where the queue is known."""
    parents = {row["account"]: row["parent_account"] or "" for row in rows if not row["user"]}
    queue = Queue(jobs or (), parents)
    found = [limit for row in rows for limit in _association(row, queue)]
    found += [limit for row in levels for limit in _qos(row, queue)]
    return tuple(found) if jobs is not None else tuple(replace(limit, usage=None) for limit in found)


def _line(account: str, parents: Mapping[str, str]) -> Iterator[str]:
    """Return an account and all above it."""
    seen: set[str] = set()
    while account and account not in seen:
        seen.add(account)
        yield account
        account = parents.get(account, "")


def _association(row: Fields, queue: Queue) -> Iterator[Limit]:
    account, user = row["account"], row["user"] or ""
    who = ("user", account, user) if user else ("account", account)
    for resource, limit, used in _limits(row["max"], _OF_ASSOCIATION, queue.of(*who)):
        yield Limit(who[0], resource, limit, used, account=account, user=user)


def _qos(row: Fields, queue: Queue) -> Iterator[Limit]:
    name, most = row["name"], row["limits"]["max"]
    for resource, limit, used in _limits(most, _OF_QOS, queue.of("qos", name)):
        yield Limit("qos", resource, limit, used, qos=name)
    for each_of in ("account", "user"):
        paths = {key: path.format(each_of) for key, path in _OF_EACH.items()}
        for who in queue.names(f"qos {each_of}", name):
            for resource, limit, used in _limits(most, paths, queue.of(f"qos {each_of}", name, who)):
                yield Limit("qos", resource, limit, used, qos=name, **{each_of: who})


def _limits(
    most: Fields, paths: Mapping[str, str], jobs: Sequence[Job]
) -> Iterator[tuple[str, float, float | None]]:
    """Return resource, limit and use of each limit that is set."""
    used: dict[str, int] | None = None
    for key, path in paths.items():
        for name, value in _set(_at(most, path)):
            used = _used(jobs) if used is None else used
            resource, unit = resource_of(KEYS[key], name)
            yield resource, float(value) * unit, used.get(resource)


def _at(found: Any, path: str) -> Any:
    for key in path.split("."):
        found = found.get(key) if found else None
    return found


def _set(found: Any) -> Iterator[tuple[str | None, int]]:
    """Return what is limited: a number, or one for each TRES by Slurm's name for it."""
    if isinstance(found, list):
        for tres in found:
            yield (f"{tres['type']}/{tres['name']}" if tres["name"] else tres["type"]), tres["count"]
    elif (value := number(found)) is not None:
        yield None, value


def _used(jobs: Sequence[Job]) -> dict[str, int]:
    holders = [job for job in jobs if job.state in _HOLDS]
    return {
        "submitted_jobs": sum(job.tasks for job in jobs if job.state != "completing"),
        "jobs": len(holders),
        "cpus": sum(job.cpus for job in holders),
        "gpus": sum(job.gpus for job in holders),
        "memory_bytes": sum(job.memory or 0 for job in holders),
        "nodes": len({node for job in holders for node in hostlist.expand(job.node_list)}),
    }
