"""The HTTP that a program of the suite speaks: requests in, answers with a known length out. Pure: bytes and objects.

An exporter takes no body; a program that is told things takes one of a known length, up to a limit.

What is not plain HTTP/1.1 or 1.0 is refused rather than guessed at, and the connection closed, since where the next
request would begin is then not known.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus

from isal import isal_zlib

from jobgauge.errors import JobgaugeError

END = b"\r\n\r\n"  # of a head
_GZIP_FROM = 1024  # bytes; below, gzip saves no packet
_GZIP_LEVEL = 1  # of ISA-L, whose higher ones take more time than they save bytes of a page
_GZIP_WINDOW = 31  # bits: 15, and 16 for gzip's head and checksum
_LENGTH_DIGITS = 18  # of a Content-Length that is looked at
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REQUEST_LINE = re.compile(rf"({_TOKEN.pattern}) ([!-~]+) HTTP/([0-9])\.([0-9])")
_TARGET = re.compile(r"(?:https?://[^/?#]+)?(/[^?#]*)(?:\?([^#]*))?", re.IGNORECASE)
_TEXT = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))  # what the lines of a head may hold
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_SINGLE = ("authorization", "content-length", "host", "transfer-encoding")  # fields that may not be repeated


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case, path and query are decoded."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    length: int = 0  # of the body, which follows the head
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; compression, length and date are added on its way out."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a value that would begin a header of its own."""
        for value in (self.content_type, *self.headers.values()):
            if not _FIELD_VALUE.fullmatch(value):
                raise ValueError(f"{value!r} cannot stand in an HTTP header")


class HttpError(JobgaugeError):
    """A request that gets an error as its answer."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.response = Response(status, f"{text}\n".encode(), headers=headers or {})


def parse(head: bytes, body_bytes: int = 0) -> tuple[Request, bool]:
    """Return the request in a head (without its END), and whether the client wants to keep the connection.

    Where bodies are taken, `body_bytes` is how long one may be, and POST is a method.
    """
    start, *lines = head.decode("latin-1").split("\r\n")
    match = _REQUEST_LINE.fullmatch(start)
    if not match or head.translate(None, _TEXT) != b"\r\n" * len(lines):
        raise HttpError(400, "this is not an HTTP/1.1 request")
    method, target, *version = match.groups()
    if version not in (["1", "0"], ["1", "1"]):
        raise HttpError(505, "this server speaks HTTP/1.1 and 1.0")
    headers = _fields(lines)
    if version == ["1", "1"] and "host" not in headers:
        raise HttpError(400, "the Host header is missing")
    length = _body_length(headers, body_bytes)
    methods = ("GET", "HEAD", "POST") if body_bytes else ("GET", "HEAD")
    if method not in methods:
        known = ", ".join(methods)
        raise HttpError(405, f"only these methods are answered here: {known}", {"Allow": known})
    path, query = _target(target)
    options = [option.strip() for option in headers.get("connection", "").lower().split(",")]
    keep = "close" not in options and (version == ["1", "1"] or "keep-alive" in options)
    return Request(method, path, query, headers, length), keep


def _fields(lines: Iterable[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise HttpError(400, "a header line is malformed")
        name, value = name.lower(), value.strip(" \t")
        if name in headers:
            if name in _SINGLE:
                raise HttpError(400, f"the {name} header is given twice")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _body_length(headers: Mapping[str, str], limit: int) -> int:
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise HttpError(400, "the Content-Length header is not a number")
    if "transfer-encoding" in headers:
        if "content-length" in headers:
            raise HttpError(400, "Content-Length and Transfer-Encoding contradict each other")
        raise HttpError(413, "requests with a body of unknown length are not accepted")
    digits = length.lstrip("0") or "0"
    if len(digits) > _LENGTH_DIGITS or int(digits) > limit:
        raise HttpError(413, f"a body of more than {limit} bytes is not accepted")
    return int(digits)


def _target(target: str) -> tuple[str, dict[str, list[str]]]:
    match = _TARGET.fullmatch(target)
    if not match:
        raise HttpError(400, "the request's target is not a path")
    query: dict[str, list[str]] = {}
    for pair in (match[2] or "").split("&"):
        if pair:
            name, _, value = pair.replace("+", " ").partition("=")
            query.setdefault(_decode(name), []).append(_decode(value))
    return _decode(match[1]), query


def _decode(text: str) -> str:
    if "%" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise HttpError(400, "a % in the request's target is not followed by two hex digits")
    from urllib.parse import unquote_to_bytes  # noqa: PLC0415 - scrapers ask for plain paths

    try:
        text = unquote_to_bytes(text).decode()
    except UnicodeDecodeError as error:
        raise HttpError(400, "the request's target is not UTF-8") from error
    if _CONTROL.search(text):
        raise HttpError(400, "the request's target holds a control character")
    return text


def encode(
    response: Response, request: Request | None, fields: Iterable[tuple[str, str]], *, keep: bool
) -> tuple[bytes, bytes]:
    """Return an answer's head and body; `request` is None where there was none that could be read."""
    body = response.body
    lines = [
        f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, '')}",
        time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        f"Content-Type: {response.content_type}",
        "Connection: keep-alive" if keep else "Connection: close",
        *(f"{name}: {value}" for name, value in (*fields, *response.headers.items())),
    ]
    if len(body) > _GZIP_FROM:
        lines.append("Vary: Accept-Encoding")
        if request and _takes_gzip(request.headers.get("accept-encoding", "")):
            lines.append("Content-Encoding: gzip")
            body = isal_zlib.compress(body, _GZIP_LEVEL, _GZIP_WINDOW)
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1"), b"" if request and request.method == "HEAD" else body


@lru_cache(maxsize=64)
def _takes_gzip(accept_encoding: str) -> bool:
    for item in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        if coding == "gzip":
            # q=0, q=0.0 and so on mean "not this one"
            return not any(p.startswith("q=") and not p[2:].strip("0.") for p in parameters)
    return False
