"""What tests of the web server share: raw requests, answers read by others' code, and a web configuration to change."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobgauge.server import Request, Response, Server

Serve = Callable[..., Server]
Dial = Callable[[Server], socket.socket]

GET = b"GET / HTTP/1.1\r\nHost: node1\r\n\r\n"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def read_answer(sock: socket.socket, method: str = "GET") -> Answer:
    """Read one answer with the standard library's client, the independent judge of what the server writes."""
    with contextlib.closing(http.client.HTTPResponse(sock, method=method)) as response:
        response.begin()
        body = response.read()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)


def get(server: Server, path: str = "/") -> bytes:
    """Ask with the standard library's client, over a connection of its own."""
    with contextlib.closing(http.client.HTTPConnection(server.addresses[0], timeout=10)) as client:
        client.request("GET", path)
        response = client.getresponse()
        assert response.status == 200
        return response.read()


def until_closed(sock: socket.socket) -> bytes:
    """Read until the server ends the connection, in whichever way."""
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(1 << 20):
            pieces.append(piece)
    return b"".join(pieces)


def echo(request: Request) -> Response:
    """Answer with the path and query as the handler sees them."""
    return Response(200, f"{request.path} {dict(request.query)}".encode())


class Site:
    """A folder with a web configuration."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "web.yml"
        self._version = 0

    def write(self, text: str) -> str:
        self.path.write_text(text)
        self.touch(self.path)
        return str(self.path)

    def touch(self, *paths: Path) -> None:
        """Give files a time that they never had: two writes may fall into one tick of the kernel's clock."""
        self._version += 1
        for path in paths:
            os.utime(path, (self._version, self._version))
