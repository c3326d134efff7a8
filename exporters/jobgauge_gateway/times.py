"""Times and durations as the query API takes them, read to numbers and written anew."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from jobgauge_gateway.problem import Problem

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_UNITS = {"y": 365 * 86400.0, "w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit})?" for unit in _UNITS))
_LAST = 253_402_300_800.0  # the end of the year 9999, both ways: beyond it, stores begin to differ


def instant(name: str, text: str) -> float:
    """Return a Unix time, from one or from RFC 3339."""
    try:
        seconds = float(text) if _NUMBER.fullmatch(text) else _rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise Problem(
            400, f"{name}: {text[:40]!a} is not a time; write 1700000000 or 2023-11-14T22:13:20Z"
        ) from error
    if not abs(seconds) < _LAST:
        raise Problem(400, f"{name}: {text[:40]!a} is too far away; ask for a time of this age")
    return seconds


def duration(name: str, text: str) -> float:
    """Return the seconds of a duration above zero, from `30s`, `1h30m` or a number."""
    match = _DURATION.fullmatch(text) if text else None
    if match:
        seconds = sum(
            int(digits) * unit for digits, unit in zip(match.groups(), _UNITS.values(), strict=True) if digits
        )
    else:
        seconds = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 < seconds < _LAST:
        raise Problem(400, f"{name}: {text[:40]!a} is not a duration above zero; write 30s, 5m or 1h")
    return seconds


def number(seconds: float) -> str:
    """Write seconds as the store reads them, to the millisecond, which is all that it keeps."""
    return f"{seconds:.3f}"


def _rfc3339(text: str) -> float:
    if len(text) < len("2023-11-14T22:13:20Z") or text[10] not in "Tt":
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC).timestamp()
