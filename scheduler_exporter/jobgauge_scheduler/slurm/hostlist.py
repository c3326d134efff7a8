"""Slurm's lists of nodes: `n[1-3,7],gpu01`, with leading zeros and several brackets."""

from __future__ import annotations

import re
from functools import lru_cache

_PART = re.compile(r"(?:[^,\[]|\[[^\]]*\])+")
_BRACKET = re.compile(r"\[([^\]]*)\]")


@lru_cache(maxsize=4096)
def expand(text: str) -> tuple[str, ...]:
    """Return the names of all nodes of a list; raise ValueError where a range is none."""
    return tuple(name for part in _PART.findall(text) for name in _expand(part))


def _expand(part: str) -> list[str]:
    match = _BRACKET.search(part)
    if match is None:
        return [part]
    ends = _expand(part[match.end() :])
    return [part[: match.start()] + number + end for number in _numbers(match[1]) for end in ends]


def _numbers(ranges: str) -> list[str]:
    numbers = []
    for item in ranges.split(","):
        first, dash, last = item.partition("-")
        width = len(first)
        numbers += [f"{n:0{width}}" for n in range(int(first), int(last) + 1)] if dash else [first]
    return numbers
