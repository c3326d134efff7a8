"""One connection: good clients, slow ones and hostile ones, over real sockets."""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobgauge.server import Limits, Request, Response, Server
from tests.support.web import GET, Dial, Serve, echo, get, read_answer, until_closed

SHORT = Limits(header_seconds=0.2, idle_seconds=0.2, send_seconds=0.2)


def test_one_connection_serves_many_requests(serve: Serve, dial: Dial) -> None:
    client = dial(serve(echo))
    for number in range(3):
        client.sendall(f"GET /{number}?a={number} HTTP/1.1\r\nHost: n\r\n\r\n".encode())
        assert read_answer(client).body == f"/{number} {{'a': ['{number}']}}".encode()


def test_requests_ahead_of_their_answers(serve: Serve, dial: Dial) -> None:
    client = dial(serve(echo))
    requests = [
        f"{method} /{i} HTTP/1.1\r\nHost: n\r\n\r\n" for i, method in enumerate(["GET", "HEAD", "GET"])
    ]
    client.sendall("".join(requests).encode() + b"GET /last HTTP/1.0\r\n\r\n")
    client.shutdown(socket.SHUT_WR)
    received = until_closed(client)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert [received.count(body) for body in (b"/0 {}", b"/1 {}", b"/2 {}", b"/last {}")] == [1, 0, 1, 1]


def test_a_request_may_arrive_byte_by_byte(serve: Serve, dial: Dial) -> None:
    client = dial(serve())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in GET:
        client.sendall(bytes([byte]))
    assert read_answer(client).body == b"page\n"


BODIES = Limits(body_bytes=100_000, header_seconds=5)


def told(request: Request) -> Response:
    return Response(200, b"%b %b" % (request.method.encode(), request.body))


def test_bodies_are_read_whole_and_what_follows_is_the_next_request(serve: Serve, dial: Dial) -> None:
    client = dial(serve(told, limits=BODIES))
    long = b"x" * 100_000
    for body in (b"short", b"GET / HTTP/1.1\r\n\r\n", long):
        client.sendall(b"POST / HTTP/1.1\r\nHost: n\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 7000):
            client.sendall(body[start : start + 7000])
        client.sendall(GET[:-1])  # whole only later, so that its answer does not come with the first
        assert read_answer(client).body == b"POST " + body
        client.sendall(GET[-1:])
        assert read_answer(client).body == b"GET "


@pytest.mark.parametrize("sent", [b"", b"half"])
def test_a_body_that_does_not_come_is_not_waited_for(serve: Serve, dial: Dial, sent: bytes) -> None:
    asked = []
    limits = Limits(body_bytes=10, header_seconds=0.2)
    client = dial(serve(lambda request: asked.append(request) or Response(200, b""), limits=limits))
    client.sendall(b"POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 10\r\n\r\n" + sent)
    assert until_closed(client) == b""
    assert asked == []


def test_http_1_0_keeps_the_connection_where_asked(serve: Serve, dial: Dial) -> None:
    client = dial(serve())
    client.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert read_answer(client).headers["connection"] == "keep-alive"
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert read_answer(client).headers["connection"] == "close"
    assert client.recv(1) == b""


def test_a_handler_that_raises_costs_one_answer(
    serve: Serve, dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(request: Request) -> Response:
        if request.path == "/bad":
            raise RuntimeError("secret detail")
        return Response(200, b"fine")

    client = dial(serve(handler))
    client.sendall(GET.replace(b"/ ", b"/bad "))
    answer = read_answer(client)
    assert answer.status == 500
    assert b"secret detail" not in answer.body
    assert [record.message for record in caplog.records] == ["no answer to GET /bad"]
    client.sendall(GET)
    assert read_answer(client).body == b"fine"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /%00 HTTP/1.1\r\nHost: n\r\n\r\n", 400),
        (b"GET /%ff HTTP/1.1\r\nHost: n\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),  # TLS
        (b"\x00" * 100, 400),
        (b"GET / HTTP/1.1\r\nHost: n\r\nX: " + b"x" * 20_000, 431),
        (b"GET /" + b"x" * 1_000_000, 431),
        (b"x" * 20_000, 431),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000, 413),
        (
            b"POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            + GET,
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET, 413),
        (b"DELETE / HTTP/1.1\r\nHost: n\r\n\r\n" + GET, 405),
    ],
)
def test_what_breaks_a_rule_gets_one_answer(serve: Serve, dial: Dial, sent: bytes, status: int) -> None:
    server = serve()
    client = dial(server)
    try:
        client.sendall(sent)
    except ConnectionError:
        assert len(sent) > 100_000  # the server need not read all of it
    received = until_closed(client)
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert received.count(b"\r\nContent-Length: ") == 1
    assert get(server) == b"page\n"


def test_who_is_refused_may_still_send(serve: Serve, dial: Dial) -> None:
    client = dial(serve())
    client.sendall(b"POST / HTTP/1.1\r\nHost: n\r\nContent-Length: 10\r\n\r\n")
    assert read_answer(client).status == 413
    client.sendall(b"01234")
    client.sendall(b"56789")  # would find a reset, had the server closed at once
    client.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""


def test_a_client_that_sends_too_slowly_is_told(serve: Serve, dial: Dial) -> None:
    client = dial(serve(limits=SHORT))
    client.sendall(GET[:10])
    assert until_closed(client).startswith(b"HTTP/1.1 408 ")


def test_dripping_bytes_do_not_extend_the_time(serve: Serve, dial: Dial) -> None:
    client = dial(serve(limits=SHORT))
    client.settimeout(0.05)
    received = b""
    client.sendall(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(200):  # ten seconds, were each byte to start the clock again
        try:
            client.sendall(b"x")
            received = client.recv(100)
        except TimeoutError:
            continue
        break
    assert received.startswith(b"HTTP/1.1 408 ")


def test_a_silent_client_is_left_without_a_word(serve: Serve, dial: Dial) -> None:
    server = serve(limits=SHORT)
    assert until_closed(dial(server)) == b""
    client = dial(server)
    client.sendall(GET)
    assert read_answer(client).status == 200
    assert until_closed(client) == b""


def test_a_client_that_does_not_read_is_left(
    serve: Serve, dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "jobgauge.connection")
    page = b"x" * 30_000_000  # more than the kernel's buffers hold
    server = serve(lambda _: Response(200, page), limits=SHORT)
    client = dial(server)
    client.sendall(GET)
    with contextlib.closing(http.client.HTTPResponse(client)) as response:
        response.begin()
        server.stop(grace=10)  # waits for the sender, which gives up
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            response.read()
    assert "timed out" in caplog.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.one_of(st.binary(max_size=200), st.sampled_from([GET, b"\r\n\r\n", b"GET / HTTP/1.1\r\n"]))
    )
)
def test_no_bytes_stop_the_server(
    shared: Server, caplog: pytest.LogCaptureFixture, pieces: list[bytes]
) -> None:
    host, _, port = shared.addresses[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(b"".join(pieces))
        client.shutdown(socket.SHUT_WR)
        received = until_closed(client)
    assert not received or received.startswith(b"HTTP/1.1 ")
    assert get(shared) == b"page\n"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.fixture
def shared(serve: Serve) -> Server:
    return serve()
