"""A running web server, clients of it, and what it may be configured with."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobgauge import webaccess
from jobgauge.server import Handler, Limits, Response, Server
from tests.support.certificates import Authority
from tests.support.web import Dial, Serve, Site


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server on a free loopback port; every server and all of its threads are gone at the end of the test."""
    servers: list[Server] = []

    def start(
        handler: Handler = lambda _: Response(200, b"page\n"),
        *,
        address: str = "127.0.0.1:0",
        web: str = "",
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> Server:
        server = Server([address], handler, web, limits)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
    left = [thread for thread in threading.enumerate() if thread.name == "web"]
    for thread in left:
        thread.join(5)
    assert not [thread for thread in left if thread.is_alive()]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Connect a plain socket to a server."""
    sockets: list[socket.socket] = []

    def connect(server: Server) -> socket.socket:
        host, _, port = server.addresses[0].rpartition(":")
        sockets.append(socket.create_connection((host.strip("[]"), int(port)), timeout=10))
        return sockets[-1]

    yield connect
    for sock in sockets:
        sock.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def other_authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "another CA")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every request look at the files, not only one a second."""
    monkeypatch.setattr(webaccess, "_LOOK", 0.0)


@pytest.fixture
def site(tmp_path: Path, clock: None) -> Site:
    return Site(tmp_path)
