"""Several workers: one that dies takes only what it was answering with it, and all others never notice."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.figures import Figures, Now
from jobgauge_gateway.workers import share
from tests.support.gateway import Gateway, Store, run, say

WORKERS = 3


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        telemetry = f"127.0.0.1:{free.getsockname()[1]}"
    with ExitStack() as stack:
        yield lambda url, **settings: stack.enter_context(
            run(
                tmp_path / "gateway",
                url,
                **{"workers": WORKERS, "web.telemetry-address": telemetry, **settings},
            )
        )


def pids(gateway: Gateway) -> dict[str, int]:
    """Return the process of each worker, as the log told last."""
    found = [re.search(r"worker (\d+) is process (\d+)", line) for line in gateway.log]
    return {match[1]: int(match[2]) for match in found if match}


def until_dead(pid: int) -> None:
    """Wait until a process runs no more."""
    with suppress(OSError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.001)


def pages(gateway: Gateway) -> list[str]:
    with urllib.request.urlopen(f"http://{gateway.settings['web.telemetry-address']}/metrics") as page:
        return page.read().decode().splitlines()


def answered(gateway: Gateway) -> float:
    wanted = 'jobgauge_gateway_requests_total{endpoint="query",outcome="answered"} '
    return next((float(line.removeprefix(wanted)) for line in pages(gateway) if line.startswith(wanted)), 0.0)


@pytest.mark.system
def test_no_request_fails_but_those_that_a_killed_worker_was_answering(
    store: Store, start: Callable[..., Gateway]
) -> None:
    gateway = start(store.url)
    ended = threading.Event()
    done: list[tuple[float, float, int]] = []  # when a request began and ended, and its status

    def ask() -> None:
        while not ended.is_set():
            begun, status = time.monotonic(), 0
            with suppress(OSError, HTTPException):
                status, _ = gateway.ask("query", "alice", query="a")
            done.append((begun, time.monotonic(), status))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    deaths = []
    for number in ("1", "2", "1"):
        gateway.wait_for(lambda line, n=number: f"worker {n} is process" in line)
        before = pids(gateway)[number]
        killed_from = time.monotonic()
        os.kill(before, signal.SIGKILL)
        until_dead(before)
        deaths.append((killed_from, time.monotonic()))
        while pids(gateway)[number] == before:
            time.sleep(0.01)
    asked = len(done)
    while len(done) < asked + 50:
        time.sleep(0.01)
    ended.set()
    for thread in threads:
        thread.join()
    failed = [one for one in done if one[2] != 200]
    assert len(failed) <= len(threads) * len(deaths)
    # Each of them was under way while a worker died.
    assert [
        one for one in failed if not any(one[0] <= dead and killed <= one[1] for killed, dead in deaths)
    ] == []


@pytest.mark.system
def test_a_request_at_one_worker_survives_the_death_of_the_others(
    store: Store, start: Callable[..., Gateway]
) -> None:
    gateway = start(store.url)
    released, inside = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        inside.set()
        released.wait(30)
        say()(handler, asked)

    store.behave = slow
    results: list[int] = []

    def ask() -> None:
        with suppress(OSError, HTTPException):
            results.append(gateway.ask("query", "alice", query="a")[0])

    thread = threading.Thread(target=ask)
    thread.start()
    assert inside.wait(30)
    busy = _busy(gateway, store)
    for number, pid in pids(gateway).items():
        if number != busy:
            os.kill(pid, signal.SIGKILL)
            until_dead(pid)
    released.set()
    thread.join()
    assert results == [200]


def _busy(gateway: Gateway, store: Store) -> str:
    """Return the worker that has a connection to the store, by the kernel's word."""
    port = int(store.url.rpartition(":")[2])
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {
        f"socket:[{line[9]}]" for line in lines if line[2].endswith(f":{port:04X}") and line[3] == "01"
    }
    for number, pid in pids(gateway).items():
        held = set()
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                held.add(os.readlink(entry))
        if held & sockets:
            return number
    raise AssertionError("no worker asks the store")


@pytest.mark.system
def test_a_reload_reaches_every_worker_and_those_that_come_later(
    store: Store, start: Callable[..., Gateway]
) -> None:
    gateway = start(store.url)
    gateway.write(**{"people.staff": ["alice"]})
    gateway.reload()

    def all_see_it() -> bool:
        asked = [gateway.ask("query", "alice", query="a") and store.form["query"][0] for _ in range(20)]
        return set(asked) == {'{__name__="a"}'}

    assert all_see_it()
    (gateway.folder / "gateway.yml").write_text("people: {stuff: [alice]}\n")
    gateway.reload()
    assert [line for line in gateway.log if "is not used" in line]
    before = pids(gateway)["1"]
    os.kill(before, signal.SIGKILL)
    while pids(gateway)["1"] == before:
        time.sleep(0.01)
    assert all_see_it()


@pytest.mark.system
def test_the_metrics_are_the_sums_of_all_workers_and_never_fall(
    store: Store, start: Callable[..., Gateway]
) -> None:
    gateway = start(store.url)
    for _ in range(30):
        gateway.ask("query", "alice", query="a")
    assert answered(gateway) == 30
    os.kill(pids(gateway)["2"], signal.SIGKILL)
    gateway.wait_for(lambda line: "worker 2" in line and "ended with" in line)
    assert answered(gateway) == 30
    gateway.ask("query", "alice", query="a")
    assert answered(gateway) == 31


@pytest.mark.system
def test_workers_end_with_the_first_process(store: Store, start: Callable[..., Gateway]) -> None:
    gateway = start(store.url)
    released, inside = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        inside.set()
        released.wait(30)
        say()(handler, asked)

    store.behave = slow
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(gateway.ask("query", "alice", query="a")[0]))
    thread.start()
    assert inside.wait(30)
    gateway.process.send_signal(signal.SIGTERM)
    gateway.wait_for(lambda line: "ends on SIGTERM" in line)
    released.set()
    thread.join()
    assert results == [200]  # what was in progress is answered first
    assert gateway.process.wait(30) == 0
    assert not [pid for pid in pids(gateway).values() if Path(f"/proc/{pid}").exists()]


@pytest.mark.system
def test_a_command_without_a_guard_starts_workers_and_no_further_gateways(
    store: Store, start: Callable[..., Gateway], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "jobgauge-gateway"  # as the RPM has it
    command.write_text(
        f"#!{sys.executable}\nimport sys\nfrom jobgauge_gateway.cli import main\n\nsys.exit(main())\n"
    )
    command.chmod(0o755)
    monkeypatch.setattr("tests.support.gateway.COMMAND", command)
    gateway = start(store.url)
    assert gateway.ask("query", "alice", query="a")[0] == 200
    assert len(pids(gateway)) == WORKERS
    assert len([line for line in gateway.log if "listens on" in line]) == 1


def test_workers_share_the_limits() -> None:
    config = GatewayConfig(
        workers=3, limit_concurrent=20, limit_per_user=8, limit_waiting=50, limit_connections=2000
    )
    part = share(config)
    assert (part.limit_concurrent, part.limit_per_user) == (7, 3)
    assert (part.limit_waiting, part.limit_connections) == (17, 667)


def test_figures_of_several_add_up() -> None:
    first, second = Figures(), Figures()
    first.note("query", "answered", 0.5, 100)
    second.note("query", "answered", 0.25, 10)
    second.note("series", "refused", 1.0, 1)
    both = Figures.of(first.plain()) + Figures.of(second.plain())
    assert both.requests == {("query", "answered"): 2, ("series", "refused"): 1}
    assert (both.seconds["query",], both.bytes["query",]) == (0.75, 110)


def test_of_several_ages_the_highest_is_told() -> None:
    one = Now(1, 2, {"slurm": 5.0}, {"success": 1, "failure": 0})
    other = Now(2, 0, {"slurm": 9.0, "ldap": 1.0}, {"success": 1, "failure": 3})
    assert Now.together([one, Now.of(other.plain())]) == Now(
        3, 2, {"slurm": 9.0, "ldap": 1.0}, {"success": 2, "failure": 3}
    )
