"""Parsers of cgroup files: bytes in, values out as the kernel wrote them, None where there is none.

They run for every job in every scrape, so nothing is converted that need not be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Protocol

Row = Sequence[bytes | None]
Column = Sequence[bytes | None]
_Picker = Callable[[Sequence[bytes | None]], tuple[bytes | None, ...]]


_MOST_CPUS = 8192  # that a kernel can be built for


class Parser(Protocol):
    """Turns a file's text into `width` values; raises nothing, whatever it is given."""

    @property
    def width(self) -> int:
        """How many values a row has."""

    def __call__(self, text: bytes, /) -> Row:
        """Return the values."""


class Keyed:
    """Picks the values of some keys from lines of `key value` (cpu.stat, memory.stat, memory.events).

    Where the keys stand is learnt once for all files with the same number of lines; at each further file it is only
    checked that they stand there, and no line behind the last wanted one is split.
    """

    def __init__(self, *keys: str) -> None:
        self.width = len(keys)
        self._keys = [key.encode() for key in keys]
        self._forms: dict[int, _Form] = {}

    def __call__(self, text: bytes) -> Row:
        """Return the value of each key, None where the file does not have it."""
        form = self._forms.get(text.count(b"\n"))
        if form:
            words: list[bytes | None] = text.split(None, form.words)  # type: ignore[assignment]  # None is put in below
            if (
                len(words) >= form.words
                and form.pick_keys(words) == form.keys
                and not (form.missing and form.missing(b"\n" + text))
            ):
                words.append(None)
                return form.pick_values(words)
        return self._learn(text)

    def _learn(self, text: bytes) -> Row:
        words: list[bytes | None] = [*text.split(), None]
        places = {key: 2 * place for place, key in reversed(list(enumerate(words[:-2:2])))}
        found = [key for key in self._keys if key in places]
        # Behind the words there is a None, which is what a key that is not in the file gets.
        values = [places.get(key, -2) + 1 for key in self._keys]
        form = _Form(
            words=max(values, default=-1) + 1,
            keys=tuple(found),
            missing=_search(key for key in self._keys if key not in places),
            pick_keys=_picker([places[key] for key in found]),
            pick_values=_picker(values),
        )
        if len(self._forms) >= 16:  # a kernel writes one or two
            self._forms.clear()
        self._forms[text.count(b"\n")] = form
        return form.pick_values(words)


@dataclass(frozen=True, slots=True)
class _Form:
    """Where the wanted keys stand in files of one form."""

    words: int  # that are of interest
    keys: tuple[bytes, ...]  # that are there
    missing: Callable[[bytes], object] | None  # finds those that are not there
    pick_keys: _Picker
    pick_values: _Picker


def _search(keys: Iterable[bytes]) -> Callable[[bytes], object] | None:
    names = b"|".join(map(re.escape, keys))
    return re.compile(rb"\n(?:" + names + rb")\s").search if names else None


def _picker(places: Sequence[int]) -> _Picker:
    """Return a function that picks some items of a list as a tuple, as itemgetter does for two and more."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda words: tuple(words[place] for place in places)


class Number:
    """A file of one number (memory.current); digits() below sees to it that it is one."""

    width = 1

    def __call__(self, text: bytes) -> Row:
        """Return the number."""
        return (text.rstrip(),)


class Limit(Number):
    """A limit of cgroup v1, where none is written as the highest number of pages that there can be."""

    def __call__(self, text: bytes) -> Row:
        """Return the limit; None where there is none."""
        number = text.rstrip()
        return (None,) if len(number) == 19 and number.startswith(b"92233720368547") else (number,)


class NanoSeconds(Number):
    """A time in nanoseconds (cpuacct.usage), as microseconds."""

    def __call__(self, text: bytes) -> Row:
        """Return the microseconds."""
        number = text.rstrip()
        return (number[:-3] or b"0",) if number.isdigit() else (None,)


class Ticks(Keyed):
    """Picks values in hundredths of a second (cpuacct.stat), as microseconds."""

    def __call__(self, text: bytes) -> Row:
        """Return the value of each key."""
        return [None if value is None else value + b"0000" for value in super().__call__(text)]


class Quota:
    """A quota and its period (cpu.max: `150000 100000`, or `max 100000`)."""

    width = 2

    def __call__(self, text: bytes) -> Row:
        """Return both, in microseconds."""
        words = text.split()
        return words if len(words) == self.width else (None, None)


class Pressure:
    """Picks the totals of a pressure file: `some … total=N`, `full … total=N` (microseconds)."""

    width = 2

    def __call__(self, text: bytes) -> Row:
        """Return the totals of some and full; None for full where the kernel does not write it (cpu before Linux 5.13)."""
        some = text.find(b" total=") + 7
        end = text.find(b"\n", some)
        full = text.find(b" total=", end) + 7
        if some < 7 or end < 0:
            return None, None
        return text[some:end], None if full < 7 else text[full:].rstrip()


class CpuList:
    """Counts the CPUs of a list such as `0-3,8` (cpuset.cpus.effective)."""

    width = 1

    def __call__(self, text: bytes) -> Row:
        """Return how many there are."""
        return _cpu_count(text)


@lru_cache(maxsize=1024)
def _cpu_count(text: bytes) -> Row:
    count = 0
    for item in text.strip().split(b","):
        first, dash, last = item.partition(b"-")
        if not first.isdigit() or (dash and not last.isdigit()) or len(item) > 20:
            return (None,)
        count += int(last) - int(first) + 1 if dash else 1
    return (b"%d" % count,) if count > 0 else (None,)


def cpu_numbers(text: bytes) -> frozenset[int]:
    """Return the CPUs of a list such as `0-3,8`; none where it is no such list."""
    found: set[int] = set()
    for item in text.strip().split(b","):
        first, _, last = item.partition(b"-")
        if not first.isdigit() or not (last or first).isdigit() or len(item) > 11:
            return frozenset()
        found.update(range(int(first), min(int(last or first), _MOST_CPUS) + 1))
    return frozenset(found)


def digits(column: Column) -> Column:
    """Return the column with None for what is not a whole number, such as `max`."""
    if all(column) and b"".join(column).isdigit():  # type: ignore[arg-type]  # all() leaves no None
        return column
    return [value if value is not None and value.isdigit() else None for value in column]


def seconds(column: Column) -> Column:
    """Turn microseconds into seconds by putting the point into the digits."""
    return [
        None
        if value is None
        else value[:-6] + b"." + value[-6:]
        if len(value) > 6
        else b"0." + value.zfill(6)
        for value in column
    ]


_IO = re.compile(rb"^(\d+:\d+) rbytes=(\d+) wbytes=(\d+) rios=(\d+) wios=(\d+)", re.MULTILINE)


def io_devices(text: bytes) -> list[tuple[bytes, bytes, bytes, bytes, bytes]]:
    """Return device (`major:minor`), bytes read and written, reads and writes of each line of an io.stat."""
    return _IO.findall(text)
