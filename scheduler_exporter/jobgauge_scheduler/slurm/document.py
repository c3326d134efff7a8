"""Documents as Slurm writes them in JSON: the envelope, and the ways to write a number, a time and a state.

A document on the queue is large (127 MB for 10,000 jobs with 26.05), so lists are read record by record as the answer
comes in: neither the whole text nor the whole of what it says is ever held.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import Reading

T = TypeVar("T")
Fields = Mapping[str, Any]
Chunks = Iterable[bytes]

_NO_TIME = (None, 0, 2**32 - 2, 2**32 - 1)  # 24.11 and 26.05 write the third of a job that never started
_EMPTY_RESULT = 9003  # ESLURM_REST_EMPTY_RESULT
_WINDOW = 1 << 20  # bytes that are decoded at a time
_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def load(chunks: Chunks) -> dict[str, Any]:
    """Return a small document; raise SourceError where it is none, or tells of an error, which the status may not do."""
    try:
        document = json.loads(b"".join(chunks).decode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise SourceError(f"the answer is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SourceError("the answer is not what Slurm writes")
    _check(document)
    return document


def each(chunks: Chunks, name: str, parse: Callable[[Fields], T | None]) -> Reading[tuple[T, ...]]:
    """Parse each record of the list `name`; one that makes no sense is left out and counted, None is left out.

    Raise SourceError where the document has no such list, breaks off, or tells of an error.
    """
    found: list[T] = []
    unreadable = 0
    there = False
    rest: dict[str, Any] = {}
    try:
        for key, value in _members(_Scanner(chunks), name):
            if key != name:
                rest[key] = value
                continue
            there = True
            if value is None:
                continue
            try:
                if (one := parse(value)) is not None:
                    found.append(one)
            except (KeyError, ValueError, TypeError, AttributeError, IndexError):
                unreadable += 1
    except json.JSONDecodeError as error:
        raise SourceError(f"the answer is not JSON: {error.msg}") from error
    _check(rest)
    if not there:
        raise SourceError(f"the answer holds no {name}")
    return Reading(tuple(found), unreadable)


def number(value: Any) -> int | None:
    """Return a number: plain, or with a mark whether it is set; None where it is not, or infinite."""
    if isinstance(value, dict):
        return value["number"] if value["set"] and not value["infinite"] else None
    return value if isinstance(value, int) else None


def needed(value: Any) -> int:
    """Return a number; raise ValueError where it is not set."""
    found = number(value)
    if found is None:
        raise ValueError("a number is missing")
    return found


def moment(value: Any) -> int | None:
    """Return a time; 0 and Slurm's own marks of no value stand for none."""
    found = number(value)
    return None if found in _NO_TIME else found


def words(value: Any) -> list[str]:
    """Return a state with its flags, which 22.05 writes as one word."""
    return [value] if isinstance(value, str) else list(value)


def _check(document: Mapping[str, Any]) -> None:
    errors = [error for error in document.get("errors") or () if not _of_nothing(error)]
    if errors:
        raise SourceError(f"the answer tells of errors: {str(errors)[:200]}")


def _of_nothing(error: Any) -> bool:
    """Whether the error only says that there is nothing of the kind, as slurmrestd does of an empty list."""
    return isinstance(error, dict) and error.get("error_number") == _EMPTY_RESULT


class _Scanner:
    """Reads values out of a text that comes in pieces."""

    def __init__(self, chunks: Chunks) -> None:
        self._pieces = _decoded(chunks)
        self._text = ""
        self._at = 0

    def next(self) -> str:
        """Return the next character that is not blank, and stay before it."""
        while True:
            match = _BLANKS.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._grow():
                raise json.JSONDecodeError("it breaks off", "", 0)

    def take(self, character: str) -> None:
        """Go past this character."""
        if self.next() != character:
            raise json.JSONDecodeError(f"{character!r} is missing", "", 0)
        self._at += 1

    def value(self) -> Any:
        """Return the next value, and go past it."""
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if not self._grow():  # it is not incomplete, it is wrong
                    raise
                continue
            if end == len(self._text) and self._grow():
                continue  # a number may go on
            self._at = end
            return value

    def _grow(self) -> bool:
        """Take in as much again as is left, so that a long value is not looked at over and over."""
        left = self._text[self._at :]
        more: list[str] = []
        size = 0
        for piece in self._pieces:
            more.append(piece)
            size += len(piece)
            if size >= len(left):
                break
        self._text, self._at = left + "".join(more), 0
        return size > 0


def _decoded(chunks: Chunks) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for chunk in chunks:
        for start in range(0, len(chunk), _WINDOW):
            yield decoder.decode(chunk[start : start + _WINDOW])
    yield decoder.decode(b"", final=True)


def _members(scanner: _Scanner, name: str) -> Iterator[tuple[str, Any]]:
    """Return the members of an object; of the list `name` each item, and once None."""
    scanner.take("{")
    while scanner.next() == '"':
        key = scanner.value().lower()  # 22.05 has QOS where others have qos
        scanner.take(":")
        if key == name and scanner.next() == "[":
            yield key, None
            for item in _items(scanner):
                yield key, item
        else:
            value = scanner.value()
            if key != name:
                yield key, value
        if scanner.next() == ",":
            scanner.take(",")
    scanner.take("}")


def _items(scanner: _Scanner) -> Iterator[Any]:
    scanner.take("[")
    while scanner.next() != "]":
        yield scanner.value()
        if scanner.next() == ",":
            scanner.take(",")
    scanner.take("]")
