"""The HTTP parser and writer, without sockets."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import time
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.http1 import HttpError, Request, Response, encode, parse

HOST = b"\r\nHost: node1"


def request(target: bytes = b"/metrics", headers: bytes = b"") -> Request:
    return parse(b"GET " + target + b" HTTP/1.1" + HOST + headers)[0]


def refusal(head: bytes) -> Response:
    with pytest.raises(HttpError) as caught:
        parse(head)
    return caught.value.response


def test_a_scrape() -> None:
    head = (
        b"GET /metrics?collect[]=cpu&collect[]=memory HTTP/1.1\r\nHost: node1:9794\r\nUser-Agent: Prometheus/3.1\r\n"
        b"Accept: text/plain;q=0.5,*/*;q=0.1\r\nX-Prometheus-Scrape-Timeout-Seconds:  10 "
    )
    seen, keep = parse(head)
    assert (seen.method, seen.path, seen.query) == ("GET", "/metrics", {"collect[]": ["cpu", "memory"]})
    assert seen.headers["x-prometheus-scrape-timeout-seconds"] == "10"
    assert seen.headers["accept"] == "text/plain;q=0.5,*/*;q=0.1"
    assert keep


@pytest.mark.parametrize(
    ("start", "connection", "keep"),
    [
        (b"HTTP/1.1", b"", True),
        (b"HTTP/1.1", b"close", False),
        (b"HTTP/1.1", b"TE, Close", False),
        (b"HTTP/1.1", b"keep-alive", True),
        (b"HTTP/1.0", b"", False),
        (b"HTTP/1.0", b"Keep-Alive", True),
        (b"HTTP/1.0", b"keep-alive, close", False),
    ],
)
def test_who_keeps_the_connection(start: bytes, connection: bytes, keep: bool) -> None:
    assert parse(b"GET / " + start + HOST + b"\r\nConnection: " + connection)[1] is keep


@given(st.text().filter(lambda text: all(c > "\x1f" and c != "\x7f" for c in text)))
def test_any_path_comes_through(path: str) -> None:
    path = "/" + path.encode(errors="replace").decode()
    assert request(quote(path).encode()).path == path


@given(
    st.lists(
        st.tuples(
            *[st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=5)] * 2
        )
    )
)
def test_any_query_comes_through(pairs: list[tuple[str, str]]) -> None:
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name, []).append(value)
    assert request(b"/?" + urlencode(pairs).encode()).query == expected


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"http://node1:9794/metrics", "/metrics"),
        (b"HTTPS://node1/metrics?a=b", "/metrics"),
        (b"//node1/metrics", "//node1/metrics"),
        (b"/..%2f../etc/passwd", "/../../etc/passwd"),
        (b"/%25zz", "/%zz"),
        (b"/a+b", "/a+b"),
    ],
)
def test_unusual_targets(target: bytes, path: str) -> None:
    assert request(target).path == path


def test_empty_parts_of_a_query() -> None:
    assert request(b"/?&a&b=&=c&").query == {"a": [""], "b": [""], "": ["c"]}


@pytest.mark.parametrize(
    "target",
    [
        b"*",
        b"metrics",
        b"node1:80",
        b"http://node1",
        b"ftp://node1/",
        b"/#top",
        b"/?a#top",
        b"/\xc3\xa9",
        b"/a b",
        b"/%",
        b"/%4",
        b"/%zz",
        b"/?a=%-1",
        b"/%00",
        b"/?a=%0a",
        b"/%0d%0aX:y",
        b"/%7f",
        b"/%ff",
        b"/%c0%af",
        b"/%ed%a0%80",
    ],
)
def test_targets_that_are_refused(target: bytes) -> None:
    assert refusal(b"GET " + target + b" HTTP/1.1" + HOST).status == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", 400),
        (b"\r\n", 400),
        (b"GET /", 400),
        (b"GET / HTTP/1.1", 400),  # no Host
        (b"GET  / HTTP/1.1" + HOST, 400),
        (b"GET / HTTP/1.1 " + HOST, 400),
        (b"GET /\tHTTP/1.1" + HOST, 400),
        (b"G\x00T / HTTP/1.1" + HOST, 400),
        (b"GET / http/1.1" + HOST, 400),
        (b"GET / HTTP/11" + HOST, 400),
        (b"GET / HTTP/1.2" + HOST, 505),
        (b"GET / HTTP/0.9" + HOST, 505),
        (b"PRI * HTTP/2.0", 505),
        (b"GET / HTTP/1.1\nHost: node1", 400),
        (b"GET / HTTP/1.1\rHost: node1", 400),
        (b"GET / HTTP/1.1" + HOST + b"\nX: y", 400),
        (b"GET / HTTP/1.1" + HOST + b"\rX: y", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\n folded", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nX", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\n: y", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nX : y", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nX\xff: y", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nX: \x00", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nX: \x1b[31m", 400),
        (b"GET / HTTP/1.1" + HOST + HOST, 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nAuthorization: a\r\nauthorization: b", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length: 0\r\nContent-Length: 5", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length: -1", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length: +0", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length: 0x0", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length: \xb2", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length:", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length: 0\r\nTransfer-Encoding: chunked", 400),
        (b"GET / HTTP/1.1" + HOST + b"\r\nTransfer-Encoding: chunked", 413),
        (b"GET / HTTP/1.1" + HOST + b"\r\nContent-Length: 1", 413),
        (b"POST / HTTP/1.1" + HOST + b"\r\nContent-Length: 9999999999999999999999", 413),
        (b"POST / HTTP/1.1" + HOST, 405),
        (b"get / HTTP/1.1" + HOST, 405),
        (b"OPTIONS * HTTP/1.1" + HOST, 405),
        (b"CONNECT node1:80 HTTP/1.1" + HOST, 405),
    ],
)
def test_heads_that_are_refused(head: bytes, status: int) -> None:
    assert refusal(head).status == status


@pytest.mark.parametrize(
    ("line", "length"), [(b"\r\nContent-Length: 20", 20), (b"\r\nContent-Length: 0020", 20), (b"", 0)]
)
def test_a_body_where_one_is_taken(line: bytes, length: int) -> None:
    seen, _ = parse(b"POST /owner HTTP/1.1" + HOST + line, 20)
    assert (seen.method, seen.length) == ("POST", length)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1" + HOST + b"\r\nContent-Length: 21", 413),
        (b"POST / HTTP/1.1" + HOST + b"\r\nContent-Length: " + b"9" * 10_000, 413),
        (b"POST / HTTP/1.1" + HOST + b"\r\nTransfer-Encoding: chunked", 413),
        (b"PUT / HTTP/1.1" + HOST + b"\r\nContent-Length: 2", 405),
    ],
)
def test_bodies_that_are_refused_even_there(head: bytes, status: int) -> None:
    with pytest.raises(HttpError) as caught:
        parse(head, 20)
    assert caught.value.response.status == status


def test_a_length_of_nothing_is_no_body() -> None:
    assert request(headers=b"\r\nContent-Length: 00").path == "/metrics"


def test_methods_that_are_refused_name_those_that_are_not() -> None:
    assert refusal(b"PUT / HTTP/1.1" + HOST).headers == {"Allow": "GET, HEAD"}


def test_repeated_headers_are_one_list() -> None:
    assert request(headers=b"\r\nAccept: a\r\nACCEPT: b").headers["accept"] == "a, b"


def test_bytes_in_headers_are_kept() -> None:
    assert request(headers=b"\r\nX-Name: caf\xe9\t!").headers["x-name"] == "caf\xe9\t!"


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(head: bytes) -> None:
    for candidate in (head, b"GET " + head, b"GET / HTTP/1.1" + HOST + b"\r\n" + head):
        with contextlib.suppress(HttpError):
            parse(candidate)


def answer(response: Response, headers: bytes = b"", method: bytes = b"GET") -> tuple[list[str], bytes]:
    asked, keep = parse(method + b" / HTTP/1.1" + HOST + headers)
    head, body = encode(response, asked, (("X-Site", "here"),), keep=keep)
    assert head.endswith(b"\r\n\r\n")
    return head.decode().removesuffix("\r\n\r\n").split("\r\n"), body


def test_an_answer() -> None:
    lines, body = answer(Response(200, b"page\n", headers={"X-Own": "value"}))
    assert lines[0] == "HTTP/1.1 200 OK"
    assert {"Content-Type: text/plain; charset=utf-8", "X-Site: here", "X-Own: value"} < set(lines)
    assert {"Content-Length: 5", "Connection: keep-alive"} < set(lines)
    assert not [line for line in lines if line.startswith(("Vary", "Content-Encoding"))]
    assert body == b"page\n"
    (date,) = (line.removeprefix("Date: ") for line in lines if line.startswith("Date: "))
    assert abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) < 60


@pytest.mark.parametrize(
    ("accept", "zipped"),
    [
        (b"gzip", True),
        (b"GZIP;q=1.0", True),
        (b"br, gzip ; q=0.001", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000", False),
        (b"", False),
        (b"identity", False),
        (b"xgzip, gzipx", False),
        (b";;,,;q=", False),
    ],
)
def test_gzip_is_for_who_takes_it(accept: bytes, zipped: bool) -> None:
    page = b"hpc_job_cpus 1\n" * 100
    lines, body = answer(Response(200, page), b"\r\nAccept-Encoding: " + accept)
    assert ("Content-Encoding: gzip" in lines) is zipped
    assert "Vary: Accept-Encoding" in lines
    assert f"Content-Length: {len(body)}" in lines
    assert (gzip.decompress(body) if zipped else body) == page


def test_a_large_page_comes_out_as_it_went_in() -> None:
    page = b"".join(b'hpc_job_cpus{jobid="%d"} %d\n' % (n, n * n * 7919) for n in range(50_000))
    lines, body = answer(Response(200, page), b"\r\nAccept-Encoding: gzip")
    assert "Content-Encoding: gzip" in lines
    assert len(body) < len(page) / 2
    assert gzip.decompress(body) == page


def test_a_short_page_is_not_zipped() -> None:
    lines, body = answer(Response(200, b"x" * 1024), b"\r\nAccept-Encoding: gzip")
    assert body == b"x" * 1024
    assert "Content-Encoding: gzip" not in lines


def test_head_has_the_headers_of_get() -> None:
    response = Response(200, b"x" * 5000)
    gzipped = b"\r\nAccept-Encoding: gzip"
    (get, page), (head, nothing) = answer(response, gzipped), answer(response, gzipped, b"HEAD")
    assert page
    assert nothing == b""
    assert [line for line in get if "Date" not in line] == [line for line in head if "Date" not in line]


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "\r", "\x00", "€"])
def test_no_value_makes_a_header_of_its_own(value: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in an HTTP header"):
        Response(302, b"", headers={"Location": value})
    with pytest.raises(ValueError, match="cannot stand in an HTTP header"):
        Response(200, b"", value)
