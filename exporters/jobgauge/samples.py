"""Samples: the series of one family, ready for the page.

The path from a kernel file to the page is short on purpose. Labels are escaped and joined once, when a series first
appears (SeriesTable); at each scrape only the values are put between them, as the bytes that the kernel wrote.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from jobgauge.family import Family

Value = bytes | int | float
Row = TypeVar("Row", bound=tuple[str, ...])  # a series' label values


@dataclass(slots=True)  # not frozen: that would cost more than to render one series
class Samples:
    """Finished lines of one family; `dropped` counts series that were given twice."""

    family: Family
    body: bytes
    count: int
    dropped: int = 0

    @classmethod
    def of(cls, family: Family, values: Mapping[Row, Value], cluster: str = "") -> Samples:
        """Render values by label values: `Samples.of(F, {("alice", "running"): 3})`, `{(): 1}` without labels."""
        return SeriesTable(family, values, cluster).samples([number(value) for value in values.values()])

    @classmethod
    def of_histograms(cls, family: Family, values: Mapping[Row, Histogram], cluster: str = "") -> Samples:
        """Render histograms by label values."""
        name = family.name.encode()
        lines: list[bytes] = []
        for row, histogram in values.items():
            labels = family.head(row, cluster)[len(name) : -1]
            first = labels[:-1] + b"," if labels else b"{"
            for bound, count in histogram.cumulative():
                lines.append(b'%s_bucket%sle="%s"} %d' % (name, first, bound, count))
            lines.append(b"%s_sum%s %s" % (name, labels, number(histogram.sum)))
            lines.append(b"%s_count%s %d" % (name, labels, sum(histogram.counts)))
        return cls(family, b"\n".join([*lines, b""]), len(lines))

    def head(self, count: int) -> Samples:
        """Return the first `count` series only."""
        lines = self.body.split(b"\n", count)
        return Samples(self.family, b"\n".join(lines[:count]) + b"\n" if count else b"", count, self.dropped)


class Histogram:
    """Observations counted by upper bound: one series of a histogram family."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float], counts: Iterable[int] = (), total: float = 0.0) -> None:
        """Begin empty, or with what was counted before: one number a bound, and one for what lies beyond."""
        self.bounds = tuple(bounds)
        self.counts = list(counts) or [0] * (len(self.bounds) + 1)
        self.sum = total

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> Iterator[tuple[bytes, int]]:
        """Return each bound, written as OpenMetrics wants it, and how many observations are not above it."""
        for bound, count in zip((*self.bounds, math.inf), accumulate(self.counts), strict=True):
            yield b"+Inf" if bound == math.inf else repr(float(bound)).encode(), count


class SeriesTable:
    """The series of one family in a fixed order, rendered at each scrape with new values."""

    __slots__ = ("_kept", "_parts", "dropped", "family")

    def __init__(self, family: Family, rows: Iterable[Sequence[str]], cluster: str = "") -> None:
        """Take the label values of each series; `cluster` adds that label where the exporter is told to set it."""
        heads = [family.head(row, cluster) for row in rows]
        self.family = family
        self._kept: list[int] | None = None  # positions of the values to use, where a series came twice
        if len(set(heads)) != len(heads):
            first = {head: position for position, head in reversed(list(enumerate(heads)))}
            self._kept = sorted(first.values())
        kept = heads if self._kept is None else [heads[position] for position in self._kept]
        self.dropped = len(heads) - len(kept)
        # head, value, newline + head, value, …, newline: joined at each scrape with the values put in
        self._parts: list[bytes] = [b""] * (2 * len(kept))
        self._parts[::2] = kept[:1] + [b"\n" + head for head in kept[1:]]
        self._parts.append(b"\n" if kept else b"")

    def samples(self, values: Sequence[bytes | None]) -> Samples:
        """Put values (in the order of the rows) between the labels; None leaves its series out."""
        if self._kept is not None:
            values = [values[position] for position in self._kept]
        parts = self._parts
        try:
            parts[1::2] = values  # type: ignore[assignment]  # a None is found by join, at no cost where there is none
            return Samples(self.family, b"".join(parts), len(values), self.dropped)
        except TypeError:
            heads = (head.lstrip(b"\n") for head in parts[:-1:2])
            lines = [head + value for head, value in zip(heads, values, strict=True) if value is not None]
            body = b"\n".join([*lines, b""])
            return Samples(self.family, body, len(lines), self.dropped)


class SteadySeries:
    """The series of one family whose values seldom change: written again only when one has."""

    def __init__(self, family: Family, rows: Iterable[Sequence[str]], cluster: str = "") -> None:
        """Take what a SeriesTable takes."""
        self._table = SeriesTable(family, rows, cluster)
        self._values: Sequence[Value | None] | None = None
        self._samples = Samples(family, b"", 0)

    def samples(self, values: Sequence[Value | None]) -> Samples:
        """Put values (in the order of the rows) between the labels; None leaves its series out."""
        if values != self._values:
            texts = [None if value is None else number(value) for value in values]
            self._samples = self._table.samples(texts)
            self._values = values
        return self._samples


def number(value: Value) -> bytes:
    """Write a number as both text formats want it; bytes are digits already."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return b"%d" % value
    if math.isfinite(value):
        return b"%d" % value if value.is_integer() and abs(value) < 1e15 else repr(value).encode()
    return b"NaN" if math.isnan(value) else b"+Inf" if value > 0 else b"-Inf"
