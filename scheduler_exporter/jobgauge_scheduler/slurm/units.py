"""How Slurm writes numbers: durations, amounts with a unit, TRES lists and sets of array tasks."""

from __future__ import annotations

import re
from functools import lru_cache

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}
_DURATION = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?")
_SPAN = re.compile(r"(\d+)(?:-(\d+)(?::([1-9]\d*))?)?")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([KMGTP]?)")


@lru_cache(maxsize=4096)
def duration(text: str) -> int | None:
    """Read `[D-][HH:]MM:SS` as seconds; None for UNLIMITED and what else is no length of time."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def epoch(text: str) -> int | None:
    """Read a time as SLURM_TIME_FORMAT=%s writes it; None for N/A, Unknown and None."""
    return int(text) if text.isascii() and text.isdigit() else None


def amount(text: str, unit: int = 1) -> int:
    """Read `300M` or `1.50T`; `unit` is what a bare number counts in. Raise ValueError where it is none."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount")
    return round(float(match[1]) * (_UNITS[match[2]] if match[2] else unit))


@lru_cache(maxsize=65536)
def tres(text: str) -> tuple[int | None, int]:
    """Return memory in bytes and GPUs of a list such as `cpu=2,mem=300M,gres/gpu=1`."""
    memory, gpus, typed = None, None, 0
    for item in text.split(","):
        name, _, value = item.partition("=")
        if name == "mem":
            memory = amount(value, 1 << 20)
        elif name == "gres/gpu":
            gpus = amount(value)
        elif name.startswith("gres/gpu:"):
            typed += amount(value)
    return memory, typed if gpus is None else gpus


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
