"""A store that is down, slow, half answering, lying or large."""

from __future__ import annotations

import gzip
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable
from http.client import IncompleteRead
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.gateway import EMPTY, LARGE, QUERY, Gateway, Store, free_port, say, until
from tests.support.web import read_answer

pytestmark = pytest.mark.system


def break_off(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def promise(length: int, body: bytes) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """Return a store that sends less than it says."""

    def behave(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        say(body, Content_Length=str(length))(handler, asked)
        break_off(handler, asked)

    return behave


def chunk(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    """Begin an answer in chunks, and break off."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'5\r\n{"sta\r\n')
    handler.connection.shutdown(socket.SHUT_RDWR)


NO_ANSWERS = {
    "breaks off": break_off,
    "says less than it promised": promise(1000, EMPTY),
    "breaks off between chunks": chunk,
    "shows a login page": say(b"<html>http://prometheus.internal:9090", Content_Type="text/html"),
    "shows text": say(b"out of memory", Content_Type="text/plain"),
    "has no type": say(EMPTY, Content_Type=""),
    "redirects": say(b"", 302, Location="http://127.0.0.1:1/"),
    "asks for a password": say(b'{"a":1}', 401),
    "refuses": say(b'{"a":1}', 403),
    "does not know the call": say(b'{"a":1}', 404),
    "fails": say(b'{"a":1}', 500),
    "has nothing to say": say(b"", 204),
    "sends another encoding": say(EMPTY, Content_Encoding="br"),
    "sends gzip unasked": say(gzip.compress(EMPTY), Content_Encoding="gzip"),
}


def test_a_store_that_gives_no_answer_is_told_in_one_sentence_and_then_forgotten(
    store: Store, start: Callable[..., Gateway]
) -> None:
    gateway = start(store.url)
    for name, behave in NO_ANSWERS.items():
        store.behave = behave
        status, body = gateway.ask("query", "alice", query="a")
        assert (status, body["status"]) == (502, "error"), name
        assert "store" in body["error"]
        assert "prometheus.internal" not in body["error"]
        store.behave = say()
        assert gateway.ask("query", "alice", query="a") == (200, json.loads(EMPTY)), name


@pytest.mark.parametrize("when", ["with its answer", "later"])
def test_what_a_store_sends_beyond_its_answer_is_nobodys(
    store: Store, start: Callable[..., Gateway], when: str
) -> None:
    gateway = start(store.url)
    other = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
    answered, said = threading.Barrier(2), threading.Barrier(2)

    def say_more(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        say()(handler, asked)
        answered.wait(30)
        handler.wfile.write(other)
        said.wait(30)

    store.behave = say_more if when == "later" else say(EMPTY + other, Content_Length=str(len(EMPTY)))
    for login in ("alice", "bob", "alice"):
        assert gateway.ask("query", login, query="a") == (200, json.loads(EMPTY))
        if when == "later":
            answered.wait(30)
            said.wait(30)


def test_a_store_behind_tls_is_asked_where_its_certificate_is_good(
    store: Store, start: Callable[..., Gateway], tmp_path: Path
) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "another CA")
    certificate = authority.issue("store", ["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    store.secure(context)
    port = store.url.rpartition(":")[2]
    url = f"https://localhost:{port}"
    gateway = start(url, **{"upstream.ca-file": str(authority.path)})
    assert gateway.ask("query", "alice", query="a") == (200, json.loads(EMPTY))
    gateway.write(**{"upstream.url": f"https://127.0.0.1:{port}"})  # not a name in the certificate
    gateway.reload()
    assert gateway.ask("query", "alice", query="a")[0] == 502
    gateway.write(**{"upstream.url": url, "upstream.ca-file": str(other.path)})
    gateway.reload()
    assert gateway.ask("query", "alice", query="a")[0] == 502
    assert len(store.asked) == 1


def test_a_store_that_is_down_is_said_so(start: Callable[..., Gateway]) -> None:
    gateway = start(f"http://127.0.0.1:{free_port()}")
    assert gateway.ask("query", "alice", query="a")[0] == 502


def test_a_kept_connection_that_the_store_ended_is_not_the_clients_problem(
    store: Store, start: Callable[..., Gateway]
) -> None:
    gateway = start(store.url)

    def answer_and_hang_up(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        say()(handler, asked)
        handler.connection.shutdown(socket.SHUT_RDWR)  # without having said so

    store.behave = answer_and_hang_up
    for _ in range(20):
        assert gateway.ask("query", "alice", query="a")[0] == 200


def test_a_slow_store_is_not_waited_for_without_end(store: Store, start: Callable[..., Gateway]) -> None:
    # The store's own timeout comes first; the gateway's is for one that does not keep it.
    gateway = start(store.url, **{"upstream.timeout": "100ms"})
    released = threading.Event()
    store.behave = lambda _, __: released.wait(30) and None
    status, body = gateway.ask("query", "alice", query="a")
    released.set()
    assert (status, body["errorType"]) == (504, "timeout")
    assert store.form["timeout"] == ["0.100"]


def test_errors_of_the_store_about_a_query_are_handed_on(store: Store, start: Callable[..., Gateway]) -> None:
    gateway = start(store.url)
    for status in (400, 422, 503):
        store.behave = say(b'{"status":"error","errorType":"execution","error":"too many samples"}', status)
        assert gateway.ask("query", "alice", query="a")[0] == status


def test_a_large_answer_streams_through(store: Store, start: Callable[..., Gateway]) -> None:
    body = os.urandom(1000) * (LARGE // 1000)
    store.behave = say(body)
    gateway = start(store.url)
    before = gateway.memory("VmRSS")
    with gateway.connect() as sock:
        sock.sendall(QUERY)
        answer = read_answer(sock)
    assert answer.body == body
    assert answer.headers["content-length"] == str(len(body))
    assert gateway.memory("VmHWM") - before < LARGE / 2


def test_gzip_passes_through_as_it_is(store: Store, start: Callable[..., Gateway]) -> None:
    packed = gzip.compress(EMPTY)
    store.behave = say(packed, Content_Encoding="gzip")
    answer = start(store.url).raw(QUERY[:-2] + b"Accept-Encoding: gzip, deflate\r\n\r\n")
    assert (answer.body, answer.headers["content-encoding"]) == (packed, "gzip")
    assert store.asked[-1][2]["Accept-Encoding"] == "gzip"


def test_a_large_answer_that_breaks_off_is_seen_to_break_off(
    store: Store, start: Callable[..., Gateway]
) -> None:
    gateway = start(store.url)
    store.behave = promise(2_000_000, b"x" * 1_000_000)
    with gateway.connect() as sock:
        sock.sendall(QUERY)
        with pytest.raises((IncompleteRead, ConnectionResetError)):
            read_answer(sock)
    until(lambda: [line for line in gateway.audit if line["outcome"] == "upstream"])


def test_what_the_site_says_about_the_store_is_sent(
    store: Store, start: Callable[..., Gateway], tmp_path: Path
) -> None:
    secret = tmp_path / "authorization"
    secret.write_text("Bearer of-the-store\n")
    secret.chmod(0o600)
    gateway = start(
        f"{store.url}/prometheus/",
        **{
            "upstream.header": ["X-Scope-OrgID: hpc"],
            "upstream.authorization-file": str(secret),
            "upstream.kind": "victoriametrics",
            "people.leader": ["alice=physics"],
            "metrics.defaults": False,
            "metrics.public": ["p"],
        },
    )
    assert gateway.ask("query", "alice", query="a")[0] == 200
    _, path, headers, _ = store.asked[-1]
    assert path == "/prometheus/api/v1/query"
    assert (headers["X-Scope-OrgID"], headers["Authorization"]) == ("hpc", "Bearer of-the-store")
    assert store.form["extra_filters[]"] == ['{user="alice"}', '{account=~"physics"}', '{__name__=~"p"}']
