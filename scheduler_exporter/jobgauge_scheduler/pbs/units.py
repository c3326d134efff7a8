"""How PBS writes numbers: times, durations, sizes, and the places where a job runs."""

from __future__ import annotations

import calendar
import re
from functools import lru_cache

_SIZE = re.compile(r"(\d+)([kmgtp]?)([bw]?)", re.IGNORECASE)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
_TIME = re.compile(r"\w{3} (\w{3}) +(\d+) (\d+):(\d+):(\d+) (\d{4})")
_PLACE = re.compile(r"\(?([^:/()+]+)[:/]?[^()+]*\)?")


@lru_cache(maxsize=65536)
def moment(text: str) -> int | None:
    """Read `Sat Nov 21 09:07:11 2026` (UTC, as the client is told to write) or seconds; None for UNKNOWN and the like."""
    if text.isascii() and text.isdigit():
        return int(text)
    match = _TIME.fullmatch(text)
    if match is None or match[1] not in _MONTHS:
        return None
    day, hour, minute, second, year = (int(part) for part in match.groups()[1:])
    return calendar.timegm((year, _MONTHS[match[1]], day, hour, minute, second))


def duration(text: str) -> int | None:
    """Read `[[D:]H:]M:S` with as many hours as there are, or seconds; None where it is no length of time."""
    parts = text.split(":")
    if not all(part.isascii() and part.isdigit() for part in parts) or len(parts) > 4:
        return None
    return sum(int(part) * unit for part, unit in zip(reversed(parts), (1, 60, 3600, 86400), strict=False))


@lru_cache(maxsize=4096)
def size(text: str) -> int | None:
    """Read `16gb` or `8212kb`; a word (w) is 8 bytes. None where it is no size, such as `@other_vnode`."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    return int(match[1]) * _UNITS[match[2].lower()] * (8 if match[3].lower() == "w" else 1)


def number(text: str) -> int:
    """Read a count; 0 for none, and for one that stands at another vnode (`@gpu01[1]`)."""
    return int(text) if text.isascii() and text.isdigit() else 0


def hosts(places: str) -> tuple[str, ...]:
    """Return the nodes, each once, of `node01/0*8+node02/0*8` or `(node01:ncpus=8)+(node02:ncpus=8)`."""
    found = (_PLACE.fullmatch(part) for part in places.split("+"))
    return tuple(dict.fromkeys(match[1] for match in found if match))
