"""How Slurm writes times, sizes, lists of nodes and sets of numbers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping

from jobgauge_demo.habits import MIB
from jobgauge_demo.story import Template

VERSION = "24.11.5"
_NODE = re.compile(r"(.*?)(\d+)")


class UsageError(Exception):
    """The command line is not one that is understood; the text is what the real command would print."""


def moment(when: float, environment: Mapping[str, str]) -> str:
    """Write a point in time as SLURM_TIME_FORMAT asks."""
    wanted = environment.get("SLURM_TIME_FORMAT", "standard")
    if wanted == "%s":
        return str(int(when))
    return time.strftime("%Y-%m-%dT%H:%M:%S" if wanted == "standard" else wanted, time.localtime(when))


def elapsed(seconds: float) -> str:
    """Write a length of time as squeue does: 0:26, 2:00:00, 1-00:00:00."""
    days, hours, minutes, rest = _split(seconds)
    if days:
        return f"{days}-{hours:02d}:{minutes:02d}:{rest:02d}"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def full_elapsed(seconds: float) -> str:
    """Write a length of time as scontrol and sacct do: 00:00:26."""
    days, hours, minutes, rest = _split(seconds)
    return (f"{days}-" if days else "") + f"{hours:02d}:{minutes:02d}:{rest:02d}"


def _split(seconds: float) -> tuple[int, int, int, int]:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return days, hours, minutes, rest


def size(count: int) -> str:
    """Write bytes in the largest unit that leaves no rest: 300M, 48G."""
    amount, unit = count // MIB, 0
    while amount and amount % 1024 == 0 and unit < 3:
        amount, unit = amount // 1024, unit + 1
    return f"{amount}{'MGTP'[unit]}"


def tres(kind: Template) -> str:
    """Write what a job asks for, or holds."""
    cpus, gpus = kind.cpus * kind.nodes, kind.gpus * kind.nodes
    parts = f"cpu={cpus},mem={size(kind.memory * kind.nodes)},node={kind.nodes},billing={cpus}"
    return parts + (f",gres/gpu={gpus}" if gpus else "")


def spans(numbers: Iterable[int], width: int = 0) -> str:
    """Write a set of numbers: 1,3,5-9."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(
        f"{first:0{width}d}" if first == last else f"{first:0{width}d}-{last:0{width}d}"
        for first, last in found
    )


def host_list(nodes: Iterable[str]) -> str:
    """Write nodes: c[001-003],g001."""
    groups: dict[tuple[str, int], list[int]] = {}
    for node in nodes:
        if match := _NODE.fullmatch(node):
            groups.setdefault((match[1], len(match[2])), []).append(int(match[2]))
    return ",".join(
        f"{prefix}{numbers[0]:0{width}d}" if len(numbers) == 1 else f"{prefix}[{spans(numbers, width)}]"
        for (prefix, width), numbers in groups.items()
    )


def fields(pairs: Iterable[tuple[str, object]]) -> str:
    """Write `Key=value` pairs in one line, as scontrol -o does."""
    return " ".join(f"{key}={value}" for key, value in pairs)
