"""How Slurm writes numbers: durations, amounts with a unit, TRES lists and sets of array tasks."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from jobgauge_scheduler.model import ByType

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_DURATION = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?")
_SPAN = re.compile(r"(\d+)(?:-(\d+)(?::([1-9]\d*))?)?")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([KMGTP]?)")
# `gres/gpu:a100=2` of TRES, `gres:gpu:a100:2` (22.05) and `gres/gpu:a100:2` of requests, `gpu:a100:2(S:0-1)` of nodes
_GPUS = re.compile(r"(?:^|,)(?:gres[/:])?gpu((?:[:=][^:=,(]+)*)(?=[,(]|$)")


@lru_cache(maxsize=4096)
def duration(text: str) -> int | None:
    """Read `[D-][HH:]MM:SS` as seconds; None for UNLIMITED and what else is no length of time."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


@lru_cache(maxsize=4096)
def epoch(text: str) -> int | None:
    """Read a time as SLURM_TIME_FORMAT=%s writes it; None for N/A, Unknown and None."""
    return int(text) if text.isdecimal() else None


def amount(text: str, unit: int = 1) -> int:
    """Read `300M` or `1.50T`; `unit` is what a bare number counts in. Raise ValueError where it is none."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount")
    return round(float(match[1]) * (_UNITS[match[2]] if match[2] else unit))


@lru_cache(maxsize=65536)
def tres(text: str) -> tuple[int | None, int]:
    """Return memory in bytes and GPUs of a list such as `cpu=2,mem=300M,gres/gpu=1`."""
    memory = None
    for item in text.split(","):
        if item.startswith("mem="):
            memory = amount(item[4:], 1 << 20)
    found = gpus(text)
    untyped = found.pop("", None)
    return memory, sum(found.values()) if untyped is None else untyped


def gpus(text: str) -> Counter[str]:
    """Count the GPUs of a list by type; "" are those without one, or all of them in a TRES list."""
    found: Counter[str] = Counter()
    for item in _GPUS.findall(text):
        words = re.split("[:=]", item)[1:]
        count = amount(words.pop()) if words and _AMOUNT.fullmatch(words[-1]) else 1
        found[words[0] if words else ""] += count
    return found


@lru_cache(maxsize=65536)
def gpus_by_type(tres_list: str, requests: str = "") -> ByType:
    """Return a job's GPUs by type: what its TRES say, else what it asked for; "" is where it named none.

    What is asked for by node, task or socket has the same parts as the whole.
    """
    _, total = tres(tres_list)
    typed = gpus(tres_list)
    typed.pop("", None)
    if not typed:
        asked = gpus(requests)
        asked.pop("", None)
        parts = sum(asked.values())
        if parts and not any(total * count % parts for count in asked.values()):
            typed = Counter({kind: total * count // parts for kind, count in asked.items()})
    typed[""] = total - sum(typed.values())
    return tuple(sorted((kind, count) for kind, count in typed.items() if count > 0))


@lru_cache(maxsize=4096)
def node_gpus_by_type(gres: str, used: str, configured: str, allocated: str) -> tuple[ByType, ByType | None]:
    """Return a node's GPUs by type and how many are allocated: by its Gres, else by its TRES; None where neither tells."""
    have, held, counted = gpus(gres), gpus(used), gpus(configured)
    if not have.keys() <= held.keys():
        held = gpus(allocated)
        if not have.keys() <= counted.keys():
            if len(have) > 1 or not counted:
                return tuple(sorted(have.items())), None
            held = Counter(dict.fromkeys(have, held[""]))  # a total, which is all of the one type
    return tuple(sorted(have.items())), tuple((kind, held[kind]) for kind in sorted(have))


def partitions(text: str) -> str:
    """Return the partitions that a job may start in, in one order: users give them in any, each of which would be a label."""
    return ",".join(sorted(set(text.split(",")))) if "," in text else text


def task_count(text: str) -> int:
    """Count the tasks of a set such as `1,3,5-9,20-40:5%7`; raise ValueError where it was cut or is none."""
    count = 0
    for item in text.partition("%")[0].split(","):
        match = _SPAN.fullmatch(item)
        if match is None:
            raise ValueError(f"{item!r} is no set of array tasks")
        first, last, step = match.groups()
        count += (int(last or first) - int(first)) // int(step or 1) + 1
    return count
