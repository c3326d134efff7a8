"""The servers that rules and queries must give the same numbers on: Prometheus 2 and 3, and VictoriaMetrics.

Each starts empty on a loopback port and is fed by remote write. Samples may be of any time, 1970 too; they are given in
the order of time, as a server that is alive gets them.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from tests.support.prometheus import Prometheus
from tests.support.remote_write import Written, body

BUILD = Path(__file__).parents[2] / "build"
PROMETHEUS_3 = BUILD / "prometheus3" / "usr" / "bin"  # `make test` puts it there
_START_SECONDS = 60.0  # only ever waited for in full when the machine cannot start a program
_SPAN = 1800.0  # seconds of samples in one request: Prometheus refuses what lies more than an hour back


@dataclass(frozen=True)
class Kind:
    """One of the servers: how it is started on a port, and where it says that it is ready."""

    name: str
    argv: Callable[[Path, int], Sequence[str | Path]]
    ready: str
    write: str
    flush: Sequence[str] = ()  # what to ask so that everything written can be found


def _prometheus(program: str | Path, folder: Path, port: int) -> Sequence[str | Path]:
    config = folder / "prometheus.yml"
    if not config.exists():
        config.write_text("global: {}\n", encoding="utf-8")
    return [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        "--web.enable-remote-write-receiver",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def _victoria_metrics(folder: Path, port: int) -> Sequence[str | Path]:
    return [
        "victoria-metrics",
        f"-storageDataPath={folder / 'data'}",
        "-retentionPeriod=100y",
        "-search.latencyOffset=0s",
        f"-httpListenAddr=127.0.0.1:{port}",
    ]


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "prometheus-2",
            lambda folder, port: _prometheus("prometheus", folder, port),
            "/-/ready",
            "/api/v1/write",
        ),
        Kind(
            "prometheus-3",
            lambda folder, port: _prometheus(PROMETHEUS_3 / "prometheus", folder, port),
            "/-/ready",
            "/api/v1/write",
        ),
        Kind(
            "victoria-metrics",
            _victoria_metrics,
            "/health",
            "/api/v1/write",
            # The second: what a query found before is not the answer now.
            ("/internal/force_flush", "/internal/resetRollupResultCache"),
        ),
    )
}


class Server(Prometheus):
    """A running server: `ask` of the query API, and `feed`."""

    def __init__(self, kind: Kind, port: int) -> None:
        super().__init__("127.0.0.1", port)
        self.kind = kind

    def feed(self, series: Iterable[Written]) -> None:
        """Write the samples and wait until queries see them."""
        spans: dict[int, list[Written]] = {}
        for one in series:
            split: dict[int, list[tuple[float, float | None]]] = {}
            for at, value in one.samples:
                split.setdefault(int(at // _SPAN), []).append((at, value))
            for span, samples in split.items():
                spans.setdefault(span, []).append(Written(one.labels, samples))
        for span in sorted(spans):
            self._request("POST", self.kind.write, body(spans[span]))
        self.flush()

    def flush(self) -> None:
        """Wait until queries see everything that was written."""
        for path in self.kind.flush:
            self._request("GET", path)

    def _request(self, method: str, path: str, content: bytes | None = None) -> None:
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        headers["X-Prometheus-Remote-Write-Version"] = "0.1.0"
        with closing(HTTPConnection(self.host, self.port, timeout=_START_SECONDS)) as connection:
            connection.request(method, path, content, headers if content is not None else {})
            with connection.getresponse() as response:
                said = response.read()
        assert response.status < 300, (
            f"{self.kind.name} {path}: {response.status} {said.decode(errors='replace')}"
        )


@contextmanager
def running(name: str, folder: Path) -> Iterator[Server]:
    """Run one of KINDS in `folder`; a prometheus.yml that lies there is taken."""
    kind = KINDS[name]
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(kind.argv(folder, port), stdout=log, stderr=log)
        try:
            with closing(Server(kind, port)) as server:
                _wait(server, process, folder / "log")
                yield server
        finally:
            process.terminate()
            process.wait(timeout=_START_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), closing(HTTPConnection(server.host, server.port, timeout=5)) as connection:
            connection.request("GET", server.kind.ready)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{server.kind.name} did not start; it said:\n{log.read_text(errors='replace')}")
