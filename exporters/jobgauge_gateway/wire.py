"""HTTP/1.1 as bytes: heads and bodies of requests and answers, read strictly. Pure: no sockets, no waiting.

Two readers that differ about where a message ends are how a second request is smuggled past the first. So what the
standard leaves open (folded lines, extensions of chunks, trailers, two lengths) is refused, and the connection closed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

END = b"\r\n\r\n"  # of a head
Fields = Mapping[str, list[str]]  # by lower-case name

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_VALUE = r"[\t -~\x80-\U0010ffff]"
_FIELDS = rf"((?:{_WORD}:{_VALUE}{{0,16384}}+\r\n){{0,100}}+)\r\n"
_REQUEST = re.compile(rf"({_WORD}) ([!-~]++) HTTP/1\.([01])\r\n{_FIELDS}")
_ANSWER = re.compile(rf"HTTP/1\.([01]) ([2-5][0-9]{{2}})(?: {_VALUE}*+)?\r\n{_FIELDS}")
_FIELD = re.compile(r"([^:]++):[\t ]*+([^\r]*+)\r\n")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"\r\n(?:0{1,8}\r\n(\r\n)|(0{0,7}[1-9a-fA-F][0-9a-fA-F]{0,7})\r\n)")
_HALF_A_CHUNK = re.compile(
    rb"(?:\r(?:\n(?:[0-9a-fA-F]{1,8}(?:\r(?:\n\r?)?)?)?)?)?"
)  # its head has not come yet
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Malformed(ValueError):  # noqa: N818 - it is a verdict on a stranger's bytes
    """This is not HTTP as it should be."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a body."""

    fields: Fields
    keep: bool  # the sender wants to go on with the connection
    length: (
        int | None
    )  # of the body; None: it comes in chunks, or, of an answer, until the end of the connection
    chunked: bool


@dataclass(frozen=True, slots=True)
class RequestHead(Head):
    """The head of a request; the target is as the client wrote it."""

    method: str
    target: str
    old: bool  # HTTP/1.0, which knows no chunks


@dataclass(frozen=True, slots=True)
class AnswerHead(Head):
    """The head of an answer."""

    status: int


def request(head: bytes) -> RequestHead:
    """Read the head of a request, up to its END."""
    match = _REQUEST.fullmatch(head.decode("utf-8", "surrogateescape"))
    if not match:
        raise Malformed("this is not an HTTP/1.1 request as it should be")
    method, target, minor, lines = match.groups()
    fields = _fields(lines)
    if minor == "1" and len(fields.get("host", ())) != 1:
        raise Malformed("a request has one Host")
    length, chunked = _framing(fields)
    if chunked and minor == "0":
        raise Malformed("HTTP/1.0 knows no chunks")
    return RequestHead(fields, _keep(fields, minor), length or 0, chunked, method, target, minor == "0")


def answer(head: bytes) -> AnswerHead:
    """Read the head of an answer, up to its END."""
    match = _ANSWER.fullmatch(head.decode("utf-8", "surrogateescape"))
    if not match:
        raise Malformed("this is not an HTTP/1.1 answer as it should be")
    minor, status, lines = match.groups()
    fields = _fields(lines)
    length, chunked = _framing(fields)
    return AnswerHead(fields, _keep(fields, minor), length, chunked, int(status))


def _fields(lines: str) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in _FIELD.findall(lines):
        fields.setdefault(name.lower(), []).append(value.rstrip("\t "))
    return fields


def _framing(fields: Fields) -> tuple[int | None, bool]:
    """Return how long the body is, and whether it comes in chunks."""
    lengths, codings = fields.get("content-length"), fields.get("transfer-encoding")
    if codings:
        if lengths or [coding.lower() for coding in codings] != ["chunked"]:
            raise Malformed("where the body ends is said in two ways, or in one that is not known")
        return None, True
    if not lengths:
        return None, False
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Malformed("the body has no plain length")
    return int(lengths[0]), False


def _keep(fields: Fields, minor: str) -> bool:
    if "connection" not in fields:
        return minor == "1"
    options = [option.strip().lower() for line in fields["connection"] for option in line.split(",")]
    return "close" not in options and (minor == "1" or "keep-alive" in options)


class Body:
    """Takes a body out of what comes after its head."""

    def __init__(self, head: Head) -> None:
        self._left = head.length or 0  # bytes of the body or of the chunk that have not come yet
        self._chunked = head.chunked
        # Each chunk follows the end of a line; the first one gets it here.
        self._unread = b"\r\n" if head.chunked else b""
        self.complete = not head.chunked and not self._left
        self.surplus = b""  # what came after the end

    def feed(self, data: bytes) -> bytes:
        """Return what of the body is in the next bytes; raise Malformed where a chunk is none."""
        if self._chunked:
            return self._feed_chunks(data)
        piece, self.surplus = data[: self._left], data[self._left :]
        self._left -= len(piece)
        self.complete = not self._left
        return piece

    def _feed_chunks(self, data: bytes) -> bytes:
        unread, at, pieces = self._unread + data, 0, []
        while True:
            if self._left:
                piece = unread[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
            match = None if self._left else _CHUNK.match(unread, at)
            if match is None:
                break
            at = match.end()
            if match[1]:
                self.complete, self.surplus = True, unread[at:]
                return b"".join(pieces)
            self._left = int(match[2], 16)
        self._unread = unread[at:]
        if not _HALF_A_CHUNK.fullmatch(self._unread):
            raise Malformed("the body comes in chunks that are none")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def answer_head(
    status: int, encoding: str, length: int | None, *, keep: bool, chunked: bool = False
) -> bytes:
    """Write the head of an answer in JSON; where its length is not known, it comes in chunks or ends the connection."""
    lines = [_first_lines(status, int(time.time()))]
    if encoding:
        lines.append(f"Content-Encoding: {encoding}\r\n")
    if length is not None:
        lines.append(f"Content-Length: {length}\r\n")
    elif chunked:
        lines.append("Transfer-Encoding: chunked\r\n")
    lines.append("\r\n" if keep else "Connection: close\r\n\r\n")
    return "".join(lines).encode("ascii")


@lru_cache(maxsize=16)
def _first_lines(status: int, second: int) -> str:
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(second))
    return (
        f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\nContent-Type: application/json\r\n"
        f"Cache-Control: no-store\r\nServer: jobgauge-gateway\r\nDate: {date}\r\n"
    )


def chunk(data: bytes) -> bytes:
    """Write one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
