"""Parsers of cgroup files: bytes in, values out as the kernel wrote them, None where there is none.

They run for every job in every scrape, so nothing is converted that need not be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Protocol

Row = Sequence[bytes | None]
Column = Sequence[bytes | None]


class Parser(Protocol):
    """Turns a file's text into `width` values; raises nothing, whatever it is given."""

    @property
    def width(self) -> int:
        """How many values a row has."""

    def __call__(self, text: bytes, /) -> Row:
        """Return the values."""


class Keyed:
    """Picks the values of some keys from lines of `key value` (cpu.stat, memory.stat, memory.events).

    Where the keys stand is learnt once for files with the same number of lines; at each further file only that the
    keys stand there is checked, and no line behind the last wanted one is split.
    """

    def __init__(self, *keys: str) -> None:
        self.width = len(keys)
        self._keys = [key.encode() for key in keys]
        self._shapes: dict[int, _Shape] = {}

    def __call__(self, text: bytes) -> Row:
        """Return the value of each key, None where the file does not have it."""
        shape = self._shapes.get(text.count(b"\n"))
        row = shape(text) if shape else None
        return self._learn(text) if row is None else row

    def _learn(self, text: bytes) -> Row:
        words = text.split()
        places = {key: place for place, key in reversed(list(enumerate(words[:-1:2])))}
        if len(self._shapes) >= 16:  # a kernel writes one or two
            self._shapes.clear()
        self._shapes[text.count(b"\n")] = _Shape(self._keys, [places.get(key) for key in self._keys])
        return [words[2 * places[key] + 1] if key in places else None for key in self._keys]


class _Shape:
    """Where the keys stand in files of one form."""

    def __init__(self, keys: Sequence[bytes], places: Sequence[int | None]) -> None:
        found = [(key, 2 * place) for key, place in zip(keys, places, strict=True) if place is not None]
        self._expected = tuple(key for key, _ in found)
        self._words = max((place for _, place in found), default=0) + 2
        self._names = _picker([place for _, place in found])
        # The last word of a split text is replaced by None: it is what a key that is not there gets.
        self._values = _picker([-1 if place is None else 2 * place + 1 for place in places])

    def __call__(self, text: bytes) -> Row | None:
        """Return the row, or None where the text has another form."""
        words: list[bytes | None] = text.split(None, self._words)  # type: ignore[assignment]  # None is put in below
        if len(words) < self._words or self._names(words) != self._expected:
            return None
        words.append(None)
        return self._values(words)


def _picker(places: Sequence[int]) -> Callable[[Sequence[bytes | None]], tuple[bytes | None, ...]]:
    """Return a function that picks some items of a list as a tuple, as itemgetter does for two and more."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda words: tuple(words[place] for place in places)


class Words:
    """The first words of a file of one line (memory.current, cpu.max)."""

    def __init__(self, width: int = 1) -> None:
        self.width = width
        self._missing = [None] * width

    def __call__(self, text: bytes) -> Row:
        """Return the words."""
        words = text.split(None, self.width)[: self.width]
        return words if len(words) == self.width else [*words, *self._missing][: self.width]


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
