"""A real gateway: the command, in a process of its own, in front of whatever a test puts behind it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import yaml

from jobgauge.config import options
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.serving import Service
from tests.support.web import Answer, read_answer

COMMAND = Path(sys.executable).with_name("jobgauge-gateway")
SECRET = "correct horse battery staple"
CHANNEL = {"X-Jobgauge-Channel": SECRET}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
QUERY = f"GET /api/v1/query?query=a HTTP/1.1\r\nHost: g\r\nX-Jobgauge-Channel: {SECRET}\r\nX-Grafana-User: alice\r\n\r\n".encode()
LARGE = 40_000_000  # bytes of an answer

_LISTENS = re.compile(r'msg="jobgauge-gateway listens on ([^"]+)"')
_SECONDS = 60.0  # only ever waited for in full when the machine cannot start a program


@dataclass
class Gateway:
    """A running gateway."""

    process: subprocess.Popen[str]
    address: str
    folder: Path
    settings: dict[str, Any]
    log: list[str] = field(default_factory=list)

    def ask(
        self,
        path: str,
        login: str = "",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        match: list[str] | None = None,
        **parameters: object,
    ) -> tuple[int, dict[str, Any]]:
        """Call the query API as somebody who comes through Grafana; return the status and the answer."""
        pairs = [*parameters.items(), *(("match[]", one) for one in match or [])]
        form = urllib.parse.urlencode(pairs)
        who = {**CHANNEL, "X-Grafana-User": login} if login else {}
        sent = {**who, **(FORM if method == "POST" else {}), **(headers or {})}
        target = f"/api/v1/{path}" + (f"?{form}" if form and method == "GET" else "")
        with closing(HTTPConnection(self.address, timeout=30)) as connection:
            connection.request(method, target, form if method == "POST" else None, sent)
            with connection.getresponse() as response:
                return response.status, json.loads(response.read())

    def raw(self, text: bytes) -> Answer:
        """Send bytes as they are, and read one answer."""
        with self.connect() as sock:
            sock.sendall(text)
            return read_answer(sock)

    def connect(self) -> socket.socket:
        """Open a connection."""
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=20)

    def memory(self, key: str) -> int:
        """Return the process's memory in bytes: VmRSS is what it holds, VmHWM the most that it held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

    def write(self, **settings: Any) -> None:
        """Change the configuration file."""
        self.settings |= settings
        (self.folder / "gateway.yml").write_text(yaml.safe_dump(self.settings))

    def reload(self) -> None:
        """Send SIGHUP and wait until the log tells how it went."""
        before = len(self.log)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda line: "configuration" in line, before)

    def wait_for(self, wanted: Callable[[str], bool], start: int = 0) -> str:
        """Wait for a line of the log."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            if found := [line for line in self.log[start:] if wanted(line)]:
                return found[0]
            time.sleep(0.01)
        raise AssertionError(f"not in the log:\n{''.join(self.log)}")

    @property
    def audit(self) -> list[dict[str, Any]]:
        """The audit trail."""
        return [json.loads(line) for line in (self.folder / "audit.log").read_text().splitlines()]


def settings(folder: Path, upstream: str, **more: Any) -> dict[str, Any]:
    """Return a configuration for people who come through Grafana with a name and the channel's secret."""
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    return {
        "web.listen-address": "127.0.0.1:0",
        "web.telemetry-address": "127.0.0.1:0",
        "upstream.url": upstream,
        "identity.method": "grafana-user",
        "identity.known-users": "any",
        "channel.secret-file": str(secret),
        "audit.file": str(folder / "audit.log"),
        **more,
    }


@contextmanager
def run(folder: Path, upstream: str, **more: Any) -> Iterator[Gateway]:
    """Run a gateway in front of `upstream`; it has to end well."""
    folder.mkdir(exist_ok=True)
    chosen = settings(folder, upstream, **more)
    file = folder / "gateway.yml"
    file.write_text(yaml.safe_dump(chosen))
    process = subprocess.Popen(
        [COMMAND, f"--config.file={file}"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error", "PYTHONASYNCIODEBUG": ""},
    )
    gateway = Gateway(process, "", folder, chosen)
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: gateway.log.extend(iter(process.stderr.readline, "")))  # type: ignore[union-attr]
    reader.start()
    try:
        address = _LISTENS.search(
            gateway.wait_for(lambda line: "listens on" in line or process.poll() is not None)
        )
        assert address, "".join(gateway.log)
        gateway.address = address[1].split(", ")[0]
        yield gateway
        process.terminate()
        assert process.wait(_SECONDS) == 0, "".join(gateway.log)
        assert not [line for line in gateway.log if "Traceback" in line], "".join(gateway.log)
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stderr.close()


Behave = Callable[[BaseHTTPRequestHandler, bytes], None]
EMPTY = b'{"status":"success","data":{"resultType":"vector","result":[]}}'


def until(true: Callable[[], object]) -> None:
    """Wait for something that has to come."""
    deadline = time.monotonic() + _SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def say(body: bytes = EMPTY, status: int = 200, **headers: str) -> Behave:
    """Return a store that answers the same to everything."""

    def behave(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(status)
        for name, value in (
            {"Content_Type": "application/json", "Content_Length": str(len(body))} | headers
        ).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


class Store:
    """A store that behaves as a test tells it, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.behave: Behave = say()
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                store.asked.append((self.command, self.path, dict(self.headers), body))
                store.behave(self, body)

            do_GET = do_POST = do_HEAD = do_PUT = _any  # noqa: N815 - names of http.server

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:  # clients that go are what tests are about
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def form(self) -> dict[str, list[str]]:
        """The parameters of the last request."""
        _, path, _, body = self.asked[-1]
        return urllib.parse.parse_qs(path.partition("?")[2] or body.decode())

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def inside(folder: Path, upstream: str, **more: Any) -> Iterator[str]:
    """Run a gateway in a thread of this process, so that a test can break it; give its address."""
    options_by_name = {
        option.name: (attribute, option) for attribute, option in options(GatewayConfig).items()
    }
    chosen: dict[str, Any] = {}
    for name, value in settings(folder, upstream, **more).items():
        attribute, option = options_by_name[name]
        chosen[attribute] = option.read(
            [str(one) for one in value] if isinstance(value, list) else [str(value)], name
        )
    loop = asyncio.new_event_loop()
    ready: SimpleQueue[str] = SimpleQueue()
    stop = asyncio.Event()

    async def main() -> None:
        service = Service(GatewayConfig(**chosen))
        sock = socket.create_server(("127.0.0.1", 0))
        await service.start([sock])
        ready.put("127.0.0.1:{1}".format(*sock.getsockname()))
        sock.close()
        await stop.wait()
        await service.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        yield ready.get(timeout=_SECONDS)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
