"""The web server as a whole: pages, addresses, a full table, the end."""

from __future__ import annotations

import gzip
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from jobgauge.errors import ConfigError
from jobgauge.server import Limits, Request, Response, Server
from tests.support.web import GET, Dial, Serve, get, read_answer, until_closed


def test_curl_gets_the_page_zipped_and_not(serve: Serve, tmp_path: Path) -> None:
    page = b'hpc_job_cpus{jobid="1"} 32\n' * 8000
    server = serve(lambda _: Response(200, page, "text/plain; version=0.0.4"))
    url = f"http://{server.addresses[0]}/metrics"
    plain = subprocess.run(["curl", "-sS", url], capture_output=True, check=True)
    assert plain.stdout == page
    raw = subprocess.run(["curl", "-sS", "-H", "Accept-Encoding: gzip", url], capture_output=True, check=True)
    assert gzip.decompress(raw.stdout) == page
    unpacked = subprocess.run(["curl", "-sS", "--compressed", url, url], capture_output=True, check=True)
    assert unpacked.stdout == page * 2
    head = subprocess.run(["curl", "-sSI", "--http1.0", url], capture_output=True, check=True).stdout.decode()
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(page)}\r\n" in head


def test_a_full_table_lets_a_scraper_in(serve: Serve, dial: Dial) -> None:
    server = serve(limits=Limits(connections=8, header_seconds=60, idle_seconds=60))
    slow = [dial(server) for _ in range(8)]
    for client in slow:
        client.sendall(b"GET / HTTP/1.1\r\nX: ")
    assert get(server) == b"page\n"
    assert until_closed(slow[0]) == b""  # the one that had waited longest
    slow[-1].sendall(b"y\r\nHost: n\r\n\r\n")
    assert slow[-1].recv(12) == b"HTTP/1.1 200"


def test_slow_clients_in_any_number_do_not_keep_a_scraper_out(serve: Serve, dial: Dial) -> None:
    server = serve(limits=Limits(connections=8, header_seconds=60, idle_seconds=60))
    for _ in range(10):
        for number in range(12):
            dial(server).sendall(b"" if number % 2 else b"GET / HTTP/1.1\r\nX: ")
        assert get(server) == b"page\n"


def stalled(server: Server, dial: Dial) -> socket.socket:
    """Return a client that has begun to read an answer of 30 MB, and reads no more."""
    client = dial(server)
    client.sendall(GET)
    assert client.recv(15) == b"HTTP/1.1 200 OK"
    return client


def test_clients_that_do_not_read_make_room(serve: Serve, dial: Dial) -> None:
    page = b"x" * 30_000_000
    limits = Limits(connections=2, header_seconds=60, idle_seconds=60, send_seconds=60)
    server = serve(lambda _: Response(200, page), limits=limits)
    first, second = stalled(server, dial), stalled(server, dial)
    assert get(server) == page
    assert len(until_closed(first)) < len(page)
    second.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert len(until_closed(second)) > 2 * len(page)  # was never cut


def test_clients_that_send_nothing_make_room_before_those_that_do_not_read(serve: Serve, dial: Dial) -> None:
    page = b"x" * 30_000_000
    limits = Limits(connections=2, header_seconds=60, idle_seconds=60, send_seconds=60)
    server = serve(lambda _: Response(200, page), limits=limits)
    reading, waiting = stalled(server, dial), dial(server)
    assert get(server) == page
    assert until_closed(waiting) == b""
    reading.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert len(until_closed(reading)) > 2 * len(page)


def test_a_request_at_work_is_never_closed_for_another(
    serve: Serve, dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    begun, go = threading.Semaphore(0), threading.Event()

    def handler(_: Request) -> Response:
        begun.release()
        assert go.wait(10)
        return Response(200, b"done")

    server = serve(handler, limits=Limits(connections=2))
    clients = [dial(server), dial(server)]
    for client in clients:
        client.sendall(GET)
        assert begun.acquire(timeout=10)
    assert until_closed(dial(server)) == b""
    assert "all 2 connections are at work" in caplog.text
    go.set()
    for client in clients:
        answer = read_answer(client)
        assert (answer.body, answer.headers["connection"]) == (b"done", "keep-alive")


def test_stop_lets_a_request_finish(serve: Serve, dial: Dial) -> None:
    begun, go = threading.Event(), threading.Event()

    def handler(_: Request) -> Response:
        begun.set()
        assert go.wait(10)
        return Response(200, b"done")

    server = serve(handler)
    idle, client = dial(server), dial(server)
    where = client.getpeername()
    client.sendall(GET)
    assert begun.wait(10)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert until_closed(idle) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)
    go.set()
    answer = read_answer(client)
    assert (answer.body, answer.headers["connection"]) == (b"done", "close")
    stopping.join(10)
    assert not stopping.is_alive()


def test_stop_does_not_wait_for_ever(serve: Serve, dial: Dial) -> None:
    begun, go = threading.Event(), threading.Event()

    def handler(_: Request) -> Response:
        begun.set()
        go.wait(10)
        return Response(200, b"too late")

    server = serve(handler)
    client = dial(server)
    client.sendall(GET)
    assert begun.wait(10)
    server.stop(grace=0.05)
    assert until_closed(client) == b""
    go.set()


def test_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    server = serve(address=f"unix:{path}")
    assert server.addresses == [f"unix:{path}"]
    got = subprocess.run(
        ["curl", "-sS", "--unix-socket", path, "http://node1/"], capture_output=True, check=True, timeout=20
    )
    assert got.stdout == b"page\n"
    server.stop()
    assert not path.exists()


def test_several_addresses(tmp_path: Path) -> None:
    server = Server(["127.0.0.1:0", "[::1]:0", f"unix:{tmp_path}/s"], lambda _: Response(200, b"page\n"))
    server.start()
    try:
        assert [address.rpartition(":")[0] for address in server.addresses] == ["127.0.0.1", "[::1]", "unix"]
        assert get(server) == b"page\n"
    finally:
        server.stop()


def test_an_address_that_cannot_be_had_frees_the_others(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        server = Server([f"unix:{tmp_path}/s", taken], lambda _: Response(200, b""))
        with pytest.raises(ConfigError, match=f"cannot listen on {taken}: it is taken"):
            server.start()
    assert list(tmp_path.iterdir()) == []


def test_a_bad_address_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="'9794' is no address"):
        Server(["9794"], lambda _: Response(200, b""))


def test_no_thread_left_is_no_end(
    serve: Serve, dial: Dial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    with monkeypatch.context() as patch:

        def refuse(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        patch.setattr(threading.Thread, "start", refuse)
        assert until_closed(dial(server)) == b""
    assert "can't start new thread" in caplog.text
    assert get(server) == b"page\n"


def test_other_threads_keep_their_usual_stack(serve: Serve) -> None:
    before = threading.stack_size(3 << 20)
    try:
        server = serve()
        get(server)
        server.stop()  # nothing is being started any more
        assert threading.stack_size() == 3 << 20
    finally:
        threading.stack_size(before)
