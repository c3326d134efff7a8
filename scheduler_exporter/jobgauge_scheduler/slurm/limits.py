"""Limits and their use, as `scontrol -o show assoc_mgr` prints them: `GrpTRES=cpu=64(12),mem=N(300)`, N for none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobgauge_scheduler.model import Limit, Reading

_PAIR = re.compile(r"(?:(?P<name>[^=,(]+)=)?(?P<limit>N|[\d.]+)\((?P<used>-?[\d.]+)\)")
_USER = re.compile(r"(.*)\((\d+)\)")
_GROUP = re.compile(r"(\S+?)=\{([^}]*)\}")
_MINUTE = 60
# What is limited, and in which unit it is counted: one for jobs, TRES by name, TRES times minutes.
KEYS = {
    "GrpJobs": "jobs",
    "GrpSubmitJobs": "submitted_jobs",
    "GrpWall": "wall_seconds",
    "GrpTRES": "",
    "GrpTRESMins": "_seconds",
    "GrpTRESRunMins": "_seconds_running",
    "MaxJobs": "jobs",
    "MaxSubmitJobs": "submitted_jobs",
}
QOS_KEYS = {
    key + per: resource
    for key, resource in (
        ("MaxJobs", "jobs"),
        ("MaxSubmitJobs", "submitted_jobs"),
        ("MaxTRES", ""),
        ("MaxTRESRunMins", "_seconds_running"),
    )
    for per in ("PU", "PA")
}
_TRES = {"cpu": ("cpus", 1), "node": ("nodes", 1), "mem": ("memory_bytes", 1 << 20)}


def parse(output: bytes) -> Reading[tuple[Limit, ...]]:
    """Read the output: only what is limited, with what is used of it."""
    lines = output.decode("utf-8", "surrogateescape").splitlines()
    names = {
        uid: name
        for line in lines
        if line.startswith("UserName=")
        for name, uid in [_user(line.split()[0][9:])]
    }
    limits: list[Limit] = []
    for line in lines:
        if line.startswith("ClusterName="):
            limits += _association(line)
        elif line.startswith("QOS="):
            limits += _qos(line, names)
    return Reading(tuple(limits))


def _association(line: str) -> Iterator[Limit]:
    fields = _fields(line)
    if fields.get("Partition"):
        return  # the same user and account with other limits in one partition: no label tells them apart
    user = _user(fields["UserName"])[0]
    level = "user" if user else "account"
    for resource, limit, used in _limits(fields, KEYS):
        yield Limit(level, resource, limit, used, account=fields["Account"], user=user)


def _qos(line: str, names: dict[str, str]) -> Iterator[Limit]:
    name = line.split(maxsplit=1)[0][4:].partition("(")[0]
    whole, _, parts = line.partition(" Account Limits=")
    accounts, _, users = parts.partition(" User Limits=")
    for resource, limit, used in _limits(_fields(whole), KEYS):
        yield Limit("qos", resource, limit, used, qos=name)
    for account, text in _GROUP.findall(accounts):
        for resource, limit, used in _limits(_fields(text), QOS_KEYS):
            yield Limit("qos", resource, limit, used, qos=name, account=account)
    for user, text in _GROUP.findall(users):
        for resource, limit, used in _limits(_fields(text), QOS_KEYS):
            # 22.05 tells only the number
            yield Limit("qos", resource, limit, used, qos=name, user=names.get(user, _user(user)[0]))


def _fields(text: str) -> dict[str, str]:
    pairs = (token.partition("=") for token in text.split())
    return {key: value for key, _, value in pairs}


def _user(text: str) -> tuple[str, str]:
    """Split `bob(1001)`; a user whose name is not known has only the number."""
    match = _USER.fullmatch(text)
    return (match[1], match[2]) if match else (text, text)


def _limits(fields: dict[str, str], keys: dict[str, str]) -> Iterator[tuple[str, float, float]]:
    """Return resource, limit and use of each field that holds a limit."""
    for key, resource in keys.items():
        for match in _PAIR.finditer(fields.get(key, "")):
            if match["limit"] != "N":
                name, unit = resource_of(resource, match["name"])
                yield name, float(match["limit"]) * unit, float(match["used"]) * unit


def resource_of(kind: str, name: str | None) -> tuple[str, int]:
    """Return a resource's name and how many of its units one of Slurm's is."""
    if name is None:
        return kind, _MINUTE if kind.endswith("_seconds") else 1
    if name.startswith("gres/gpu") and name[8:9] in ("", ":"):
        base, unit = "gpus" + name[8:], 1
    else:
        base, unit = _TRES.get(name, (name, 1))
    return base + kind, unit * _MINUTE if kind else unit
