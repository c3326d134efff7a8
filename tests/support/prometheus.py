"""A real Prometheus over series that a test wrote down, on a loopback port of its own, gone when the test ends."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any

_LISTENING = re.compile(r'msg="Listening on" address=(\S+):(\d+)')
_START_SECONDS = 60.0  # only ever waited for in full when the machine cannot start a program


@dataclass(frozen=True)
class Series:
    """One series: its name among the labels as `__name__`, and its value at each step."""

    labels: Mapping[str, str]
    value: Callable[[int], float]


def openmetrics(series: Iterable[Series], start: int, steps: int, step: int) -> str:
    """Return the text of these series, with a sample every `step` seconds from `start`."""
    lines = []
    for one in series:
        pairs = ",".join(
            f"{label}={_quoted(value)}" for label, value in one.labels.items() if label != "__name__"
        )
        head = f"{one.labels['__name__']}{{{pairs}}}"
        lines += [f"{head} {one.value(i)} {start + i * step}" for i in range(steps)]
    return "\n".join([*lines, "# EOF\n"])


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'


class Prometheus:
    """The HTTP API of a running Prometheus."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._connection = HTTPConnection(host, port, timeout=30)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def ask(
        self, path: str, method: str = "POST", **parameters: str | float | Sequence[str]
    ) -> dict[str, Any]:
        """Return the body of an API call, also where it is an error; `match` is sent as `match[]`."""
        form = {("match[]" if name == "match" else name): value for name, value in parameters.items()}
        body = urllib.parse.urlencode(form, doseq=True)
        address = f"/api/v1/{path}" + (f"?{body}" if method == "GET" else "")
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        self._connection.request(method, address, body if method == "POST" else None, headers)
        with self._connection.getresponse() as response:
            answer = json.loads(response.read())
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        self._connection.close()


@contextmanager
def serve(exposition: str, folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus in `folder` over blocks made from OpenMetrics text."""
    folder.mkdir(parents=True)
    page, data, config = folder / "page.txt", folder / "data", folder / "prometheus.yml"
    page.write_text(exposition, encoding="utf-8")
    config.write_text("global: {}\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", page, data],
        check=True,
        capture_output=True,
        timeout=_START_SECONDS,
    )
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
    ]
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen([*command, "--web.listen-address=127.0.0.1:0"], stdout=log, stderr=log)
        try:
            host, port = _address(process, log)
            with closing(Prometheus(host, port)) as prometheus:
                yield prometheus
        finally:
            process.terminate()
            process.wait(timeout=_START_SECONDS)


def _address(process: subprocess.Popen[bytes], log: IO[str]) -> tuple[str, int]:
    """Wait until Prometheus is ready, and return where it listens."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        log.seek(0)
        text = log.read()
        listening = _LISTENING.search(text)
        if listening and "Server is ready" in text:
            return listening[1], int(listening[2])
        time.sleep(0.02)
    raise RuntimeError(f"prometheus did not start; it said:\n{Path(log.name).read_text()}")
