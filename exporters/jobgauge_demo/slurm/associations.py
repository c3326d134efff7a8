"""Associations of accounts and users: who may use how much, and who has used how much."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.habits import MIB
from jobgauge_demo.jobs import Job
from jobgauge_demo.people import ACCOUNTS, User
from jobgauge_demo.story import Template

QOS = {"normal": 0, "high": 100, "long": 0}  # each one's priority
LIMITED_QOS = "normal"  # the one that limits what a user may hold
ROOT = "root"
_LIMITED = ("cpu", "gres/gpu")  # what accounts may not hold any number of
_HALF_LIFE = 7 * 86400  # seconds in which past usage loses half of its weight
_SEASON = 3 * 86400  # seconds in which usage rises and falls
Amounts = Mapping[str, int]


def asked(kind: Template) -> Amounts:
    """Return what a job asks for, as the scheduler counts it (memory in MiB)."""
    cpus, memory = kind.cpus * kind.nodes, kind.memory * kind.nodes // MIB
    return {
        "cpu": cpus,
        "mem": memory,
        "node": kind.nodes,
        "billing": cpus,
        "gres/gpu": kind.gpus * kind.nodes,
    }


def total(kinds: Iterable[Template]) -> dict[str, int]:
    """Add up what jobs ask for."""
    found: dict[str, int] = {}
    for kind in kinds:
        for name, amount in asked(kind).items():
            found[name] = found.get(name, 0) + amount
    return found


@dataclass(frozen=True, eq=False)
class Association:
    """An account, or a user in it where `user` is set; ROOT is everybody's."""

    account: str
    user: User | None
    number: int
    shares: int
    kinds: tuple[Template, ...]  # what it runs, one for each of its lanes

    def has(self, job: Job) -> bool:
        """Tell whether a job is its own."""
        return self.account in (ROOT, job.template.account) and self.user in (None, job.user)

    @property
    def siblings(self) -> str:
        """Return what it has in common with those that it shares with."""
        return self.account if self.user else ROOT if self.account == ROOT else ""

    @cached_property
    def limits(self) -> Amounts:
        """Return what its jobs may hold together: of accounts, what they come close to."""
        if self.user is not None or self.account == ROOT:
            return {}
        most = total(self.kinds)
        return {name: most[name] for name in _LIMITED if most.get(name)}

    @cached_property
    def _cpus_at_work(self) -> float:
        return sum(
            (kind.habit.cores or kind.habit.busy * kind.cpus) * (kind.nodes - kind.habit.idle_nodes)
            for kind in self.kinds
        )

    def usage(self, t: float) -> float:
        """Return the CPU seconds that it has used, weighted by age: of what its lanes do, with a slow swing."""
        swing = 1 + 0.2 * math.sin(2 * math.pi * (t / _SEASON + self.number / 7))
        return self._cpus_at_work * _HALF_LIFE / math.log(2) * swing


@lru_cache(8)
def associations(cluster: Cluster) -> tuple[Association, ...]:
    """Return all, each account followed by its users."""
    kinds = [lane.template for lane in cluster.lanes if lane.template.starts]
    found = [Association(ROOT, None, 1, 1, tuple(kinds))]
    for account in ACCOUNTS:
        own = tuple(kind for kind in kinds if kind.account == account)
        members = [user for user in cluster.users if account in user.accounts]
        found.append(Association(account, None, len(found) + 1, 10 * len(members), own))
        for user in members:
            his = tuple(kind for kind in own if kind.user == user.name)
            found.append(Association(account, user, len(found) + 1, 1, his))
    return tuple(found)


@lru_cache(8)
def user_limits(cluster: Cluster) -> Amounts:
    """Return what LIMITED_QOS lets each user hold: as much as the one who uses most can come to."""
    by_user: dict[str, list[Template]] = {}
    for lane in cluster.lanes:
        if lane.template.starts and lane.template.qos == LIMITED_QOS:
            by_user.setdefault(lane.template.user, []).append(lane.template)
    return {"cpu": max(total(kinds)["cpu"] for kinds in by_user.values())}


@dataclass(frozen=True)
class Share:
    """What an association may use and has used, compared with its siblings."""

    association: Association
    shares: float  # part of its siblings' shares
    usage: float  # part of its siblings' usage
    raw_usage: float

    @property
    def level(self) -> float:
        """Return how far its use lies below its share: above 1 is good."""
        return self.shares / self.usage if self.usage else math.inf

    @property
    def factor(self) -> float:
        """Return the factor that goes into priorities."""
        return math.pow(2, -self.usage / self.shares)


def shares(cluster: Cluster, t: float) -> list[Share]:
    """Return the share of every association."""
    found = associations(cluster)
    all_shares: dict[str, float] = {}
    all_usage: dict[str, float] = {}
    for each in found:
        all_shares[each.siblings] = all_shares.get(each.siblings, 0) + each.shares
        all_usage[each.siblings] = all_usage.get(each.siblings, 0) + each.usage(t)
    return [
        Share(
            each,
            each.shares / all_shares[each.siblings],
            each.usage(t) / all_usage[each.siblings],
            each.usage(t),
        )
        for each in found
    ]
