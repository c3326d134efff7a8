"""Associations: who may use how much, who uses how much, and what follows for priority (assoc_mgr and sshare)."""

from __future__ import annotations

import getopt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from jobgauge_demo.habits import MIB
from jobgauge_demo.jobs import Job
from jobgauge_demo.lanes import Lane
from jobgauge_demo.people import ACCOUNTS, STAFF, User
from jobgauge_demo.slurm.text import UsageError, fields
from jobgauge_demo.slurm.view import View
from jobgauge_demo.story import Template
from jobgauge_demo.usage import cpus_at_work

QOS = {"normal": 0, "high": 100, "long": 0}  # each one's priority
_TRES = ("cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages", "gres/gpu")
_MEMORY_DAYS = 7  # in which past usage loses half of its weight
_SEASON = 3 * 86400  # seconds in which usage rises and falls
_OWNERS: Mapping[str, Callable[[Job], str]] = {
    "PA": lambda job: job.template.account,
    "PU": lambda job: f"{job.user.name}({job.user.uid})",
}
Amounts = Mapping[str, int]


def _asked(kind: Template) -> Amounts:
    cpus = kind.cpus * kind.nodes
    memory = kind.memory * kind.nodes // MIB
    return {
        "cpu": cpus,
        "mem": memory,
        "node": kind.nodes,
        "billing": cpus,
        "gres/gpu": kind.gpus * kind.nodes,
    }


def _sum(kinds: Iterable[Template]) -> dict[str, int]:
    total: dict[str, int] = {}
    for kind in kinds:
        for name, amount in _asked(kind).items():
            total[name] = total.get(name, 0) + amount
    return total


@dataclass(frozen=True)
class Association:
    """An account, or a user in it (user set); `root` is everybody's."""

    view: View
    account: str
    user: User | None
    number: int
    shares: int

    def _has(self, kind: Template) -> bool:
        return self.account in ("root", kind.account) and self.user in (None, *self._owner(kind))

    def _owner(self, kind: Template) -> Iterator[User]:
        return (user for user in self.view.cluster.users if user.name == kind.user)

    @cached_property
    def running(self) -> list[Job]:
        """Return its jobs that hold nodes."""
        return [job for job in self.view.running if self._has(job.template)]

    @cached_property
    def pending(self) -> list[Job]:
        """Return its jobs that wait."""
        return [job for job in self.view.pending if self._has(job.template)]

    @cached_property
    def lanes(self) -> list[Lane]:
        """Return its rows of jobs."""
        return [lane for lane in self.view.cluster.lanes if lane.template.starts and self._has(lane.template)]

    @property
    def group_limits(self) -> Amounts:
        """Return what its jobs may hold together: accounts have limits, which they come close to."""
        if self.user is not None or self.account == "root":
            return {}
        most = _sum(lane.template for lane in self.lanes)
        return {name: most[name] for name in ("cpu", "gres/gpu") if most.get(name)}

    @property
    def usage(self) -> float:
        """Return the CPU seconds that it has used, weighted by age: of what its lanes do, with a slow swing."""
        cpus = sum(cpus_at_work(job, job.places[0].node) * len(job.places) for job in self._samples())
        swing = 1 + 0.2 * math.sin(2 * math.pi * (self.view.now / _SEASON + self.number / 7))
        return cpus * _MEMORY_DAYS * 86400 / math.log(2) * swing

    def _samples(self) -> Iterator[Job]:
        for lane in self.lanes:
            job = self.view.cluster.job(lane, 0)
            if job is not None:
                yield job


def associations(view: View) -> list[Association]:
    """Return all, each account followed by its users."""
    found = [Association(view, "root", None, 1, 1)]
    for account in ACCOUNTS:
        members = [user for user in view.cluster.users if account in user.accounts]
        found.append(Association(view, account, None, len(found) + 1, 10 * len(members)))
        for user in members:
            found.append(Association(view, account, user, len(found) + 1, 1))
    return found


@dataclass(frozen=True)
class Share:
    """What an association may use and has used, compared with its siblings."""

    association: Association
    shares: float  # of its siblings' shares
    usage: float  # of its siblings' usage
    raw_usage: float

    @property
    def level(self) -> float:
        """Return how far its use lies below its share: above 1 is good."""
        return self.shares / self.usage if self.usage else math.inf

    @property
    def factor(self) -> float:
        """Return the factor that goes into priorities."""
        return 0.0 if not self.shares else 2 ** (-self.usage / self.shares)


def shares(view: View) -> list[Share]:
    """Return the share of every association."""
    found = associations(view)
    used = {each.number: each.usage for each in found}
    result = []
    for each in found:
        siblings = [other for other in found if _siblings(each, other)]
        all_shares = sum(other.shares for other in siblings)
        all_usage = sum(used[other.number] for other in siblings)
        result.append(
            Share(
                each,
                each.shares / all_shares,
                used[each.number] / all_usage if all_usage else 0.0,
                used[each.number],
            )
        )
    return result


def _siblings(one: Association, other: Association) -> bool:
    if "root" in (one.account, other.account):
        return one.account == other.account
    return (one.user is None) == (other.user is None) and (one.user is None or one.account == other.account)


def _amounts(used: Amounts, limits: Amounts | None = None) -> str:
    return ",".join(f"{name}={(limits or {}).get(name, 'N')}({used.get(name, 0)})" for name in _TRES)


def _minutes(view: View, jobs: Iterable[Job]) -> dict[str, int]:
    """Return what running jobs may still use, in minutes."""
    total: dict[str, int] = {}
    for job in jobs:
        left = max(0, int(job.start + job.template.time_limit - view.now)) // 60
        for name, amount in _asked(job.template).items():
            total[name] = total.get(name, 0) + amount * left
    return total


def show_assoc_mgr(view: View) -> str:
    """Answer `scontrol show assoc_mgr -o`."""
    lines = ["Current Association Manager state", "User Records"]
    lines += [_user_line(user) for user in view.cluster.users]
    lines += ["Association Records", *map(_association_line, shares(view))]
    lines += ["QOS Records", *(_qos_line(view, number + 1, name) for number, name in enumerate(QOS))]
    return "\n".join(lines) + "\n"


def _user_line(user: User) -> str:
    level = "Administrator" if user.name in STAFF else "None"
    return f"UserName={user.name}({user.uid}) DefAccount={user.accounts[0]} DefWckey= AdminLevel={level}"


def _counts(running: Sequence[Job], pending: Sequence[Job], suffix: str = "") -> list[tuple[str, object]]:
    """Return the numbers of jobs, as limits and use."""
    prefix = "Max" if suffix else "Grp"
    return [
        (f"{prefix}Jobs{suffix}", f"N({len(running)})"),
        (f"{prefix}JobsAccrue{suffix}", f"N({len(pending)})"),
        (f"{prefix}SubmitJobs{suffix}", f"N({len(running) + len(pending)})"),
    ]


def _association_line(share: Share) -> str:
    each = share.association
    user, account = each.user, each.account
    parent = "" if user or account == "root" else "root(1)"
    lineage = "/" if account == "root" else f"/{account}/" + (f"0-{user.name}/" if user else "")
    pairs: list[tuple[str, object]] = [
        ("ClusterName", each.view.cluster.name),
        ("Account", account),
        ("UserName", f"{user.name}({user.uid})" if user else ""),
        ("Partition", ""),
        ("Priority", 0),
        ("ID", each.number),
        ("SharesRaw/Norm/Level/Factor", f"{each.shares}/{share.shares:.2f}/{each.shares}/{share.factor:.2f}"),
        ("UsageRaw/Norm/Efctv", f"{share.raw_usage:.2f}/{share.usage:.2f}/{share.usage:.2f}"),
        ("ParentAccount", parent),
        ("Lineage", lineage),
        ("DefAssoc", "Yes" if user and user.accounts[0] == account else "No"),
        *_counts(each.running, each.pending),
        ("GrpWall", f"N({share.raw_usage / 3600:.2f})"),
        ("GrpTRES", _amounts(_sum(job.template for job in each.running), each.group_limits)),
        ("GrpTRESMins", _amounts({"cpu": int(share.raw_usage / 60)})),
        ("GrpTRESRunMins", _amounts(_minutes(each.view, each.running))),
        *((name, "") for name in ("MaxJobs", "MaxJobsAccrue", "MaxSubmitJobs", "MaxWallPJ")),
        *((name, "") for name in ("MaxTRESPJ", "MaxTRESPN", "MaxTRESMinsPJ", "MinPrioThresh")),
        ("Comment", "(null)"),
    ]
    return fields(pairs)


def user_limits(view: View, qos: str) -> Amounts:
    """Return what each user may hold by a QOS: as much as the one who uses most can come to."""
    if qos != "normal":
        return {}
    most = 0
    for user in view.cluster.users:
        kinds = [lane.template for lane in view.cluster.lanes if lane.user is user and lane.template.starts]
        most = max(most, _sum(kind for kind in kinds if kind.qos == qos).get("cpu", 0))
    return {"cpu": most}


def _qos_line(view: View, number: int, name: str) -> str:
    running = [job for job in view.running if job.template.qos == name]
    pending = [job for job in view.pending if job.template.qos == name]
    used = sum(cpus_at_work(job, job.places[0].node) * 3600 for job in running)
    pairs = [
        ("QOS", f"{name}({number})"),
        ("UsageRaw", f"{used:.6f}"),
        *_counts(running, pending),
        ("GrpWall", f"N({used / 3600:.2f})"),
        ("GrpTRES", _amounts(_sum(job.template for job in running))),
        ("GrpTRESMins", _amounts({})),
        ("GrpTRESRunMins", _amounts(_minutes(view, running))),
        *((limit, "") for limit in ("MaxWallPJ", "MaxTRESPJ", "MaxTRESPN", "MaxTRESMinsPJ")),
        ("MinPrioThresh", " "),
        ("MinTRESPJ", ""),
        ("PreemptMode", "OFF"),
        ("Priority", QOS[name]),
    ]
    accounts = _held(view, running, pending, "PA", {})
    users = _held(view, running, pending, "PU", user_limits(view, name))
    return f"{fields(pairs)} Account Limits= {accounts} User Limits= {users}"


def _held(view: View, running: Sequence[Job], pending: Sequence[Job], suffix: str, limits: Amounts) -> str:
    """Write what the jobs of each account (PA) or user (PU) hold."""
    owner = _OWNERS[suffix]
    parts = []
    for name in dict.fromkeys(map(owner, (*running, *pending))):
        own, waiting = ([job for job in jobs if owner(job) == name] for jobs in (running, pending))
        pairs = [
            *_counts(own, waiting, suffix),
            (f"MaxTRES{suffix}", _amounts(_sum(job.template for job in own), limits)),
            (f"MaxTRESRunMins{suffix}", _amounts(_minutes(view, own))),
        ]
        parts.append(f"{name}={{{fields(pairs)}}}")
    return " ".join(parts)


_SSHARE: Mapping[str, Callable[[Share], object]] = {
    "Account": lambda share: share.association.account,
    "User": lambda share: share.association.user.name if share.association.user else "",
    "RawShares": lambda share: share.association.shares,
    "NormShares": lambda share: f"{share.shares:.6f}",
    "RawUsage": lambda share: int(share.raw_usage),
    "NormUsage": lambda share: f"{share.usage:.6f}",
    "EffectvUsage": lambda share: f"{share.usage:.6f}",
    "FairShare": lambda share: f"{share.factor:.6f}" if share.association.user else "",
    "LevelFS": lambda share: "inf" if math.isinf(share.level) else f"{share.level:.6f}",
    "GrpTRESMins": lambda _: "",
    "TRESRunMins": lambda share: _amounts(_minutes(share.association.view, share.association.running)),
}
_SSHARE_BY_NAME = {name.lower(): name for name in _SSHARE}
_SSHARE_USUAL = "Account,User,RawShares,NormShares,RawUsage,EffectvUsage,FairShare"
_WIDTH = 12


def sshare(view: View, arguments: Sequence[str]) -> str:
    """Answer sshare; with -P or without."""
    try:
        given, rest = getopt.gnu_getopt(
            list(arguments),
            "aAhlnPpUo:u:",
            ["all", "noheader", "parsable", "parsable2", "long", "format=", "users="],
        )
    except getopt.GetoptError as error:
        raise UsageError(f"error: {error}") from error
    options = dict(given)
    asked = options.get("-o", options.get("--format", _SSHARE_USUAL)).split(",")
    names = [_SSHARE_BY_NAME.get(name.partition("%")[0].lower(), "") for name in asked]
    if rest or "" in names:
        raise UsageError(f"error: Invalid field requested: {rest[0] if rest else asked[names.index('')]}")
    rows = [[str(_SSHARE[name](share)) for name in names] for share in shares(view)]
    if not options.keys() & {"-h", "-n", "--noheader"}:
        rows.insert(0, names)
    if options.keys() & {"-P", "--parsable2"}:
        return "".join("|".join(row) + "\n" for row in rows)
    return "".join(" ".join(cell.rjust(_WIDTH) for cell in row) + "\n" for row in rows)
