"""What scontrol shows of associations and QOS (assoc_mgr), and sshare."""

from __future__ import annotations

import getopt
from collections.abc import Callable, Iterable, Mapping, Sequence

from jobgauge_demo.jobs import Job
from jobgauge_demo.people import STAFF, User
from jobgauge_demo.slurm.associations import (
    LIMITED_QOS,
    QOS,
    ROOT,
    Amounts,
    Association,
    Share,
    asked,
    shares,
    total,
    user_limits,
)
from jobgauge_demo.slurm.text import UsageError, fields
from jobgauge_demo.slurm.view import View
from jobgauge_demo.usage import cpus_at_work

_TRES = ("cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages", "gres/gpu")
_OWNERS: Mapping[str, Callable[[Job], str]] = {
    "PA": lambda job: job.template.account,
    "PU": lambda job: f"{job.user.name}({job.user.uid})",
}


def _amounts(used: Amounts, limits: Amounts | None = None) -> str:
    return ",".join(f"{name}={(limits or {}).get(name, 'N')}({used.get(name, 0)})" for name in _TRES)


def _minutes(view: View, jobs: Iterable[Job]) -> dict[str, int]:
    """Return what running jobs may still use, in minutes."""
    found: dict[str, int] = {}
    for job in jobs:
        left = max(0, int(job.start + job.template.time_limit - view.now)) // 60
        for name, amount in asked(job.template).items():
            found[name] = found.get(name, 0) + amount * left
    return found


def show_assoc_mgr(view: View) -> str:
    """Answer `scontrol show assoc_mgr -o`."""
    lines = ["Current Association Manager state", "User Records"]
    lines += [_user_line(user) for user in view.cluster.users]
    found = shares(view.cluster, view.now)
    lines += ["Association Records", *(_association_line(view, share) for share in found)]
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


def _association_line(view: View, share: Share) -> str:
    each = share.association
    running, pending = ([job for job in jobs if each.has(job)] for jobs in (view.running, view.pending))
    user, account = each.user, each.account
    parent = "" if user or account == ROOT else "root(1)"
    lineage = "/" if account == ROOT else f"/{account}/" + (f"0-{user.name}/" if user else "")
    pairs: list[tuple[str, object]] = [
        ("ClusterName", view.cluster.name),
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
        *_counts(running, pending),
        ("GrpWall", f"N({share.raw_usage / 3600:.2f})"),
        ("GrpTRES", _amounts(total(job.template for job in running), each.limits)),
        ("GrpTRESMins", _amounts({"cpu": int(share.raw_usage / 60)})),
        ("GrpTRESRunMins", _amounts(_minutes(view, running))),
        *((name, "") for name in ("MaxJobs", "MaxJobsAccrue", "MaxSubmitJobs", "MaxWallPJ")),
        *((name, "") for name in ("MaxTRESPJ", "MaxTRESPN", "MaxTRESMinsPJ", "MinPrioThresh")),
        ("Comment", "(null)"),
    ]
    return fields(pairs)


def _qos_line(view: View, number: int, name: str) -> str:
    running = [job for job in view.running if job.template.qos == name]
    pending = [job for job in view.pending if job.template.qos == name]
    used = sum(cpus_at_work(job, job.places[0].node) * 3600 for job in running)
    pairs = [
        ("QOS", f"{name}({number})"),
        ("UsageRaw", f"{used:.6f}"),
        *_counts(running, pending),
        ("GrpWall", f"N({used / 3600:.2f})"),
        ("GrpTRES", _amounts(total(job.template for job in running))),
        ("GrpTRESMins", _amounts({})),
        ("GrpTRESRunMins", _amounts(_minutes(view, running))),
        *((limit, "") for limit in ("MaxWallPJ", "MaxTRESPJ", "MaxTRESPN", "MaxTRESMinsPJ")),
        ("MinPrioThresh", " "),
        ("MinTRESPJ", ""),
        ("PreemptMode", "OFF"),
        ("Priority", QOS[name]),
    ]
    accounts = _held(view, running, pending, "PA", {})
    users = _held(view, running, pending, "PU", user_limits(view.cluster) if name == LIMITED_QOS else {})
    return f"{fields(pairs)} Account Limits= {accounts} User Limits= {users}"


def _held(view: View, running: Sequence[Job], pending: Sequence[Job], suffix: str, limits: Amounts) -> str:
    """Write what the jobs of each account (PA) or user (PU) hold."""
    owner = _OWNERS[suffix]
    parts = []
    for name in dict.fromkeys(map(owner, (*running, *pending))):
        own, waiting = ([job for job in jobs if owner(job) == name] for jobs in (running, pending))
        pairs = [
            *_counts(own, waiting, suffix),
            (f"MaxTRES{suffix}", _amounts(total(job.template for job in own), limits)),
            (f"MaxTRESRunMins{suffix}", _amounts(_minutes(view, own))),
        ]
        parts.append(f"{name}={{{fields(pairs)}}}")
    return " ".join(parts)


_SSHARE: Mapping[str, Callable[[Share], object]] = {
    "Account": lambda share: _indented(share.association),
    "User": lambda share: share.association.user.name if share.association.user else "",
    "RawShares": lambda share: _unless_root(share, share.association.shares),
    "NormShares": lambda share: _unless_root(share, f"{share.shares:.6f}"),
    "RawUsage": lambda share: int(share.raw_usage),
    "NormUsage": lambda share: _unless_root(share, f"{share.usage:.6f}"),
    "EffectvUsage": lambda share: f"{share.usage:.6f}",
    "FairShare": lambda share: f"{share.factor:.6f}" if share.association.user else "",
    "LevelFS": lambda share: _unless_root(share, f"{share.level:.6f}"),
}
_SSHARE_BY_NAME = {name.lower(): name for name in _SSHARE}
_SSHARE_USUAL = "Account,User,RawShares,NormShares,RawUsage,EffectvUsage,FairShare"
_WIDTH = 12


def _indented(each: Association) -> str:
    depth = 0 if each.account == ROOT else 2 if each.user else 1
    return " " * depth + each.account


def _unless_root(share: Share, value: object) -> object:
    return "" if share.association.account == ROOT else value


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
    rows = [[str(_SSHARE[name](share)) for name in names] for share in shares(view.cluster, view.now)]
    if not options.keys() & {"-h", "-n", "--noheader"}:
        rows.insert(0, names)
    if options.keys() & {"-P", "--parsable2"}:
        return "".join("|".join(row) + "\n" for row in rows)
    return "".join(" ".join(cell.rjust(_WIDTH) for cell in row) + "\n" for row in rows)
