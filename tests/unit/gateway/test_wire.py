"""HTTP as bytes: what is read is what the standard library reads, however the bytes are cut; anything doubtful is refused."""

from __future__ import annotations

import http.client
import io
import itertools
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobgauge_gateway import wire
from jobgauge_gateway.wire import Body, Malformed

HEAD = b"POST /api/v1/query?x=1 HTTP/1.1\r\nHost: g\r\n"
cuts = settings(max_examples=200, deadline=None, derandomize=True)


def framed(fields: str) -> wire.RequestHead:
    return wire.request(HEAD + fields.encode() + b"\r\n")


def take(body: Body, pieces: list[bytes]) -> bytes:
    """Feed until the body is complete; what comes later is surplus."""
    found, after = b"", b""
    for piece in pieces:
        if body.complete:
            after += piece
        else:
            found += body.feed(piece)
    body.surplus += after
    return found


def cut(text: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(one % (len(text) + 1) for one in at), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


class _Socket:
    def __init__(self, text: bytes) -> None:
        self._text = text

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._text)


def read_by_the_standard_library(answer: bytes) -> bytes:
    response = http.client.HTTPResponse(_Socket(answer))  # type: ignore[arg-type]
    response.begin()
    return response.read()


@cuts
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5), st.lists(st.integers(0, 2000), max_size=8))
def test_chunks_are_read_as_the_standard_library_reads_them(chunks: list[bytes], at: list[int]) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    text = b"".join(map(wire.chunk, chunks)) + wire.LAST_CHUNK
    body = Body(wire.answer(head))
    assert take(body, cut(text + b"HTTP/1.1", at)) == read_by_the_standard_library(head + text)
    assert (body.complete, body.surplus) == (True, b"HTTP/1.1")


@cuts
@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=8))
def test_a_body_of_a_length_ends_there(content: bytes, at: list[int]) -> None:
    body = Body(framed(f"Content-Length: {len(content)}\r\n"))
    assert take(body, cut(content + b"GET /", at)) == content
    assert (body.complete, body.surplus) == (True, b"GET /")


@cuts
@given(st.binary(max_size=60))
def test_any_bytes_are_chunks_or_refused(text: bytes) -> None:
    body = Body(framed("Transfer-Encoding: chunked\r\n"))
    with suppress(Malformed):
        assert len(body.feed(text)) <= len(text)
    if body.complete:
        assert b"0\r\n\r\n" in text


@pytest.mark.parametrize(
    "text",
    ["zz\r\nquery=up\r\n0\r\n\r\n", "5;name=value\r\nquery\r\n0\r\n\r\n", "-5\r\nquery\r\n0\r\n\r\n      ",
     "5\nquery\n0\n\n             ", "5 \r\nquery\r\n0\r\n\r\n", "0x5\r\nquery\r\n0\r\n\r\n", "fffffffff\r\nxxxxxxxxxx",
     "5\r\nquery=up\r\n0\r\n\r\n", "0\r\nTrailer: x\r\n\r\n     ", "\r\n0\r\n\r\n                "],
)  # fmt: skip
def test_chunks_of_other_forms_are_refused(text: str) -> None:
    body = Body(framed("Transfer-Encoding: chunked\r\n"))
    with pytest.raises(Malformed):
        body.feed(text.encode())


@pytest.mark.parametrize(
    "fields",
    ["Content-Length: 1\r\nContent-Length: 1\r\n", "Content-Length: 1, 1\r\n", "Content-Length: +1\r\n",
     "Content-Length: 0x1\r\n", "Content-Length:\r\n", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
     "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
     "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding : chunked\r\n", " Folded: x\r\n", "X: a\r\n b\r\n", "X\r\n",
     "X: a\0b\r\n", "X: a\x7fb\r\n", "X: a\rY: b\r\n", "X: a\nY: b\r\n", "Ü: x\r\n", ": x\r\n", "Host: other\r\n",
     f"X: {'a' * 17_000}\r\n", "X: 1\r\n" * 101],
)  # fmt: skip
def test_a_head_that_can_be_read_in_two_ways_is_refused(fields: str) -> None:
    with pytest.raises(Malformed):
        framed(fields)


@pytest.mark.parametrize(
    "start",
    [b"GET / HTTP/1.1", b"GET  / HTTP/1.1\r\nHost: g", b"GET / HTTP/2.0\r\nHost: g", b"GET / http/1.1\r\nHost: g", b"G\tET / HTTP/1.1\r\nHost: g",
     b"GET /a b HTTP/1.1\r\nHost: g", b"GET /\xff HTTP/1.1\r\nHost: g", b"GET /\0 HTTP/1.1\r\nHost: g", b"GET /\r\nHost: g",
     b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked", b"\r\nGET / HTTP/1.1\r\nHost: g"],
)  # fmt: skip
def test_a_request_line_of_another_form_is_refused(start: bytes) -> None:
    with pytest.raises(Malformed):
        wire.request(start + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("version", "fields", "keep"),
    [("1.1", "", True), ("1.1", "Connection: close\r\n", False), ("1.1", "Connection: x, Close\r\n", False),
     ("1.0", "", False), ("1.0", "Connection: Keep-Alive\r\n", True), ("1.1", "Connection: keep-alive, close\r\n", False)],
)  # fmt: skip
def test_a_connection_is_kept_where_both_want_it(version: str, fields: str, keep: bool) -> None:
    assert wire.request(f"GET / HTTP/{version}\r\nHost: g\r\n{fields}\r\n".encode()).keep is keep


def test_fields_keep_every_value_and_what_is_not_ascii() -> None:
    head = framed("X-Name: jörg \t\r\nx-name:\t\r\n")
    assert head.fields["x-name"] == ["jörg", ""]
    assert (head.method, head.target, head.length, head.chunked) == ("POST", "/api/v1/query?x=1", 0, False)
