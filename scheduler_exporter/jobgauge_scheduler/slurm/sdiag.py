"""What `sdiag` prints: sections of `Key: value`, and lists of remote procedure calls."""

from __future__ import annotations

import re

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import Calls, Cycles, Diagnostics, Reading

_VALUE = re.compile(r"\s*(.*?):\s+(.*)")
_CALLS = re.compile(r"\s+(\S+)\s+\(\s*\d+\) count:(\d+)\s+ave_time:\d+\s+total_time:(\d+)")
_TIME = re.compile(r".*\((\d+)\)")
_MICRO = 1e-6
_QUEUES = {"agent": "Agent queue size", "dbd_agent": "DBD Agent queue size"}
_EVENTS = {word: f"Jobs {word}" for word in ("submitted", "started", "completed", "canceled", "failed")}


def parse(output: bytes) -> Reading[Diagnostics]:
    """Read the output; raise SourceError where it is not sdiag's."""
    sections = _sections(output.decode(errors="replace"))
    top, main, backfill = (_values(sections.get(name, [])) for name in ("", "Main schedule", "Backfilling"))
    if "Jobs submitted" not in top:
        raise SourceError("sdiag's output holds no job counts")
    return Reading(
        Diagnostics(
            cycles=(_cycles("main", main), _cycles("backfill", backfill)),
            queues=_numbers(_QUEUES, top),
            jobs=_numbers({"pending": "Jobs pending", "running": "Jobs running"}, top),
            events=_numbers(_EVENTS, top),
            calls=_calls(sections.get("by message type", [])),
            callers=_calls(sections.get("by user", [])),
            threads=_number(top, "Server thread count"),
        )
    )


def _sections(text: str) -> dict[str, list[str]]:
    """Group the lines: those that are indented belong to the heading above them."""
    headings = (
        "Main schedule",
        "Main scheduler exit",
        "Backfilling",
        "Backfill exit",
        "by message type",
        "by user",
        "Pending",
    )
    sections: dict[str, list[str]] = {"": []}
    current = ""
    for line in text.splitlines():
        if line.startswith(("\t", " ")):
            sections[current].append(line)
        else:
            current = next((name for name in headings if name in line and not _VALUE.match(line)), "")
            sections.setdefault(current, []).append(line)
    return sections


def _values(lines: list[str]) -> dict[str, str]:
    return {match[1]: match[2] for line in lines if (match := _VALUE.match(line))}


def _number(values: dict[str, str], key: str) -> int | None:
    text = values.get(key, "")
    return int(text) if text.isdigit() else None


def _numbers(keys: dict[str, str], values: dict[str, str]) -> dict[str, int]:
    return {name: number for name, key in keys.items() if (number := _number(values, key)) is not None}


def _cycles(name: str, values: dict[str, str]) -> Cycles:
    last, mean = _number(values, "Last cycle"), _number(values, "Mean cycle")
    when = _TIME.match(values.get("Last cycle when", ""))
    depth = _number(values, "Last depth cycle")
    return Cycles(
        name=name,
        last=None if last is None else last * _MICRO,
        mean=None if mean is None else mean * _MICRO,
        total=_number(values, "Total cycles"),
        depth=depth if depth is not None else _number(values, "Mean depth cycle"),
        queue=_number(values, "Last queue length"),
        when=int(when[1]) if when else None,
    )


def _calls(lines: list[str]) -> tuple[Calls, ...]:
    matches = filter(None, map(_CALLS.match, lines))
    return tuple(Calls(match[1], int(match[2]), int(match[3]) * _MICRO) for match in matches)
