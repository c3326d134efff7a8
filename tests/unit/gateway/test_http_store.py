"""A store that is down, slow, half answering, lying or large; clients that are slow or gone; reload and end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import IncompleteRead
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.gateway import CHANNEL, EMPTY, SECRET, Gateway, Store, run, say
from tests.support.web import read_answer

pytestmark = pytest.mark.system
LARGE = 40_000_000  # bytes
QUERY = (
    f"GET /api/v1/query?query=a HTTP/1.1\r\nHost: g\r\nX-Jobgauge-Channel: {SECRET}\r\nX-Grafana-User: alice\r\n\r\n"
).encode()


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store()) as store:
        yield store


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    with ExitStack() as stack:
        yield lambda url, **settings: stack.enter_context(run(tmp_path / "gateway", url, **settings))


def until(true: Callable[[], object]) -> None:
    """Wait for something that has to come."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


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
    before = _resident(gateway)
    with gateway.connect() as sock:
        sock.sendall(QUERY)
        answer = read_answer(sock)
    assert answer.body == body
    assert answer.headers["content-length"] == str(len(body))
    assert _peak(gateway) - before < LARGE / 2


def _resident(gateway: Gateway) -> int:
    return _status(gateway, "VmRSS")


def _peak(gateway: Gateway) -> int:
    return _status(gateway, "VmHWM")


def _status(gateway: Gateway, key: str) -> int:
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


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


def test_a_client_that_goes_ends_its_query_at_the_store(store: Store, start: Callable[..., Gateway]) -> None:
    gone = threading.Event()

    def wait_for_the_end(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.connection.settimeout(30)
        if handler.connection.recv(1) == b"":
            gone.set()

    store.behave = wait_for_the_end
    gateway = start(store.url)
    with gateway.connect() as sock:
        sock.sendall(QUERY)
        until(lambda: store.asked)
    assert gone.wait(30)
    until(lambda: [line for line in gateway.audit if line["outcome"] == "gone"])


def test_a_client_that_takes_nothing_loses_its_place(store: Store, start: Callable[..., Gateway]) -> None:
    store.behave = say(b"x" * LARGE)
    gateway = start(store.url, **{"limits.stall": "300ms", "limits.concurrent": 1, "limits.per-user": 1})
    with gateway.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(QUERY)
        until(lambda: store.asked)
        store.behave = say()
        assert gateway.ask("query", "bob", query="a")[0] == 200


def test_one_callers_queries_do_not_stop_the_others(store: Store, start: Callable[..., Gateway]) -> None:
    released, inside = threading.Event(), threading.Semaphore(0)

    def slow_for_alice(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        if b"alice" in asked:
            inside.release()
            released.wait(30)
        say()(handler, asked)

    store.behave = slow_for_alice
    limits = {"limits.concurrent": 4, "limits.per-user": 3, "limits.waiting": 2, "limits.wait": "20s"}
    gateway = start(store.url, **limits)
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(gateway.ask("query", "alice", query="a")[0]))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for _ in range(3):
        assert inside.acquire(timeout=30)
    assert not inside.acquire(blocking=False)  # three at the store, two wait
    assert gateway.ask("query", "bob", query="a")[0] == 200
    until(lambda: gateway.ask("query", "alice", query="a")[0] == 429)
    released.set()
    for thread in threads:
        thread.join()
    assert results == [200] * 5


def test_who_waits_too_long_is_told(store: Store, start: Callable[..., Gateway]) -> None:
    released = threading.Event()

    def slow(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        released.wait(30)
        say()(handler, asked)

    store.behave = slow
    gateway = start(store.url, **{"limits.concurrent": 1, "limits.per-user": 1, "limits.wait": "50ms"})
    first = threading.Thread(target=lambda: gateway.ask("query", "alice", query="a"))
    first.start()
    until(lambda: store.asked)
    status, body = gateway.ask("query", "bob", query="a")
    released.set()
    first.join()
    assert (status, "no place" in body["error"]) == (503, True)


def test_a_reload_drops_no_request_and_takes_effect(store: Store, start: Callable[..., Gateway]) -> None:
    gateway = start(store.url)
    released = threading.Event()

    def slow(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        released.wait(30)
        say()(handler, asked)

    store.behave = slow
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(gateway.ask("query", "alice", query="a")[0]))
    waiting.start()
    until(lambda: store.asked)
    gateway.write(**{"people.staff": ["alice"]})
    gateway.reload()
    released.set()
    waiting.join()
    store.behave = say()
    assert answers == [200]
    assert gateway.ask("query", "alice", query="a")[0] == 200
    assert store.form["query"] == ['{__name__="a"}']


def test_a_bad_reload_leaves_everything_as_it_was(store: Store, start: Callable[..., Gateway]) -> None:
    gateway = start(store.url, **{"people.staff": ["sam"]})
    (gateway.folder / "gateway.yml").write_text("people: {stuff: [alice]}\n")
    gateway.reload()
    assert [line for line in gateway.log if "people.stuff" in line and "people.staff" in line]
    assert gateway.ask("query", "sam", query="a")[0] == 200
    assert store.form["query"] == ['{__name__="a"}']


def test_at_the_end_answers_in_progress_are_given(store: Store, start: Callable[..., Gateway]) -> None:
    gateway = start(store.url)
    released = threading.Event()

    def slow(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        released.wait(30)
        say()(handler, asked)

    store.behave = slow
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(gateway.ask("query", "alice", query="a")[0]))
    waiting.start()
    until(lambda: store.asked)
    gateway.process.send_signal(signal.SIGTERM)
    gateway.wait_for(lambda line: "ends on SIGTERM" in line)
    released.set()
    waiting.join()
    assert answers == [200]
    assert gateway.process.wait(30) == 0


def test_a_thousand_slow_clients_cost_little_and_stop_nobody(
    store: Store, start: Callable[..., Gateway]
) -> None:
    gateway = start(store.url)
    before = _resident(gateway)
    with ExitStack() as stack:
        for number in range(900):
            sock = stack.enter_context(gateway.connect())
            sock.sendall(QUERY[: 10 + number % (len(QUERY) - 12)])
        assert gateway.ask("query", "alice", query="a")[0] == 200
        assert _resident(gateway) - before < 100_000_000


def test_every_query_leaves_a_line_and_is_counted(store: Store, start: Callable[..., Gateway]) -> None:
    gateway = start(
        store.url, **{"people.staff": ["sam"], "web.telemetry-address": f"127.0.0.1:{(port := free_port())}"}
    )
    gateway.ask("query", "alice", query='a{b="1"}')
    gateway.ask("query", "sam", query='a{user="bob",jobid=~"7"} + b{c=",user="} + d{user="sam"}')
    gateway.ask("query", "alice", query="info(a)")
    gateway.ask("query", "", query="a", headers=CHANNEL)
    gateway.ask("status/tsdb", "alice")
    until(lambda: len(gateway.audit) == 5)
    first, staff, refused, nobody, none = gateway.audit
    assert first["peer"] == "127.0.0.1"
    assert (first["login"], first["role"], first["asked"]) == ("alice", "user", 'a{b="1"}')
    assert (first["sent"], first["status"]) == ('{__name__="a",b="1",user="alice"}', 200)
    assert (first["bytes"], first["seconds"] > 0) == (len(EMPTY), True)
    assert (staff["role"], staff["views"]) == ("staff", ["user=bob", "jobid=7"])
    assert (refused["outcome"], refused["sent"], "staff only" in refused["error"]) == ("refused", "", True)
    assert (nobody["outcome"], nobody["login"]) == ("unidentified", "")
    assert (none["audit"], none["status"]) == ("none", 404)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    for line in (
        'jobgauge_gateway_requests_total{endpoint="query",outcome="answered"} 2',
        'jobgauge_gateway_requests_total{endpoint="query",outcome="refused"} 1',
        'jobgauge_gateway_requests_total{endpoint="query",outcome="unidentified"} 1',
        'jobgauge_gateway_requests_total{endpoint="none",outcome="refused"} 1',
        "jobgauge_gateway_staff_views_total 1",
        "jobgauge_gateway_queries_at_store 0",
        f'jobgauge_gateway_answer_bytes_total{{endpoint="query"}} {sum(one["bytes"] for one in gateway.audit[:4])}',
        'jobgauge_collector_success{collector="gateway"} 1',
    ):
        assert line in lines


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
