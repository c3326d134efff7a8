"""A slurmrestd in this process, which answers as the recorded ones of each version did."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.slurm import FIXTURES

API = {"22.05.8": 38, "24.11.5": 42, "26.05.5": 45}
_ASKED = re.compile(r"/(?P<of>slurm|slurmdb)/v0\.0\.(?P<api>\d+)/(?P<what>\w+)(\?.*)?")

Handler = Callable[[str, dict[str, str]], tuple[int, bytes]]


@contextmanager
def server(handle: Handler) -> Iterator[str]:
    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = handle(self.path, dict(self.headers))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *arguments: object) -> None:
            """Say nothing of clients that left: that is what some tests do."""

    found = Server(("127.0.0.1", 0), Requests)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{found.server_port}"
    finally:
        found.shutdown()
        thread.join()
        found.server_close()


def slurmrestd(version: str, token: Path) -> Handler:
    """Answer as slurmrestd of this version did, to whoever has the token of now."""

    def handle(path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        if headers.get("X-SLURM-USER-TOKEN") != token.read_text().strip():
            return 401, b"Authentication failure"
        if path == "/openapi/v3":
            escaped = "\\/" if version.startswith("22.") else "/"
            paths = [
                f"/slurm/v0.0.{n}/jobs/".replace("/", escaped) for n in (API[version] - 1, API[version], 99)
            ]
            return 200, ("{" + ",".join(f'"{p}": 1' for p in paths) + "}").encode()
        asked = _ASKED.fullmatch(path)
        if asked is None or int(asked["api"]) != API[version]:
            return 404, b"{}"
        name = "history" if asked["of"] == "slurmdb" and asked["what"] == "jobs" else asked["what"]
        file = FIXTURES / version / f"rest_{name}.json"
        return (200, file.read_bytes()) if file.exists() else (404, b"{}")

    return handle
