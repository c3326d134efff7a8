"""Clients that are slow, gone or many; what they notice of a reload and of the end; and what is written down of them."""

from __future__ import annotations

import signal
import socket
import threading
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.gateway import CHANNEL, EMPTY, LARGE, QUERY, Gateway, Store, free_port, say, until

pytestmark = pytest.mark.system


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
    before = gateway.memory("VmRSS")
    with ExitStack() as stack:
        for number in range(900):
            sock = stack.enter_context(gateway.connect())
            sock.sendall(QUERY[: 10 + number % (len(QUERY) - 12)])
        assert gateway.ask("query", "alice", query="a")[0] == 200
        assert gateway.memory("VmRSS") - before < 100_000_000


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
