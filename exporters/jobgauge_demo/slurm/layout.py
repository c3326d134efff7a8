"""The formats of squeue and sinfo: `-o "%.18i %j"` and `-O "JobID:20,Name"`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from jobgauge_demo.slurm.text import UsageError

T = TypeVar("T")
_DIRECTIVE = re.compile(r"%(\.?)(\d*)([a-zA-Z])|%%")
_WIDE = re.compile(r"(\.?)(\d*)(.*)", re.DOTALL)
_USUAL_WIDTH = 20  # of a field of -O that is given none


@dataclass(frozen=True)
class Column(Generic[T]):
    """A field: its letter for -o (if any), its name for -O, its heading, and its value."""

    letter: str
    name: str
    heading: str
    value: Callable[[T], object]


@dataclass(frozen=True)
class _Cell(Generic[T]):
    """A part of a line: plain text, or a column cut and filled to a width (0: neither)."""

    text: str = ""
    column: Column[T] | None = None
    width: int = 0
    right: bool = False

    def write(self, value: Callable[[Column[T]], str]) -> str:
        if self.column is None:
            return self.text
        cell = value(self.column)
        if not self.width:
            return cell
        return cell[: self.width].rjust(self.width) if self.right else cell[: self.width].ljust(self.width)


class Layout(Generic[T]):
    """A line's parts."""

    def __init__(self, cells: Iterable[_Cell[T]]) -> None:
        self._cells = tuple(cells)

    def heading(self) -> str:
        """Return the line with the headings."""
        return self._line(lambda column: column.heading)

    def line(self, record: T) -> str:
        """Return a record's line."""
        return self._line(lambda column: str(column.value(record)))

    def _line(self, value: Callable[[Column[T]], str]) -> str:
        return "".join(cell.write(value) for cell in self._cells) + "\n"


def short(layout: str, columns: Sequence[Column[T]]) -> Layout[T]:
    """Read `%[.][width]letter` among plain text."""
    return Layout(_short(layout, {column.letter: column for column in columns if column.letter}))


def _short(layout: str, columns: dict[str, Column[T]]) -> Iterator[_Cell[T]]:
    at = 0
    for match in _DIRECTIVE.finditer(layout):
        yield _Cell(layout[at : match.start()])
        at = match.end()
        if match[0] == "%%":
            yield _Cell("%")
        else:
            yield _Cell("", _found(columns, match[3]), int(match[2] or 0), bool(match[1]))
    yield _Cell(layout[at:])


def wide(layout: str, columns: Sequence[Column[T]]) -> Layout[T]:
    """Read `name[:[.][width][text]],…`: the text follows the field, at its full width where none is given."""
    return Layout(_wide(layout, {column.name.lower(): column for column in columns if column.name}))


def _wide(layout: str, columns: dict[str, Column[T]]) -> Iterator[_Cell[T]]:
    for part in layout.split(","):
        name, colon, rest = part.partition(":")
        right, width, text = _WIDE.fullmatch(rest).groups()  # type: ignore[union-attr]  # the pattern matches anything
        usual = 0 if colon else _USUAL_WIDTH
        yield _Cell("", _found(columns, name.lower()), int(width or usual), bool(right))
        yield _Cell(text)


def _found(columns: dict[str, Column[T]], name: str) -> Column[T]:
    if name not in columns:
        raise UsageError(f"error: Invalid format specification: {name}")
    return columns[name]
