"""A running viewer: the command in a process of its own, and questions to it."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("jobgauge-view")
SECRET = "correct horse battery staple"
_LISTENS = re.compile(r'msg="jobgauge-view listens on ([^"]+)"')


@dataclass(frozen=True)
class Told:
    """What the viewer answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class View:
    """A running viewer."""

    address: str
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Told:
        """Send a request; underscores in the names of headers stand for dashes."""
        with closing(http.client.HTTPConnection(self.address, timeout=30)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            with connection.getresponse() as answer:
                return Told(answer.status, dict(answer.getheaders()), answer.read())

    def choose(self, login: str) -> str:
        """Become a user of the demonstration; return the cookie."""
        told = self.ask("/api/session", "POST", json.dumps({"login": login}).encode(), Origin=self.url)
        assert told.status == 200, told.body
        return told.headers["Set-Cookie"].partition(";")[0]


@contextmanager
def view(folder: Path, gateway: str, *flags: str, secret: str = SECRET) -> Iterator[View]:
    """Run a viewer in front of a gateway."""
    folder.mkdir(exist_ok=True)
    channel = secret_file(folder / "channel", secret)
    argv = [
        COMMAND,
        "--web.listen-address=127.0.0.1:0",
        f"--gateway={gateway}",
        f"--channel.secret-file={channel}",
        *flags,
    ]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = ""
            while not (found := _LISTENS.search(said)):
                line = process.stderr.readline()
                assert line, said
                said += line
            yield View(found[1], process)
        finally:
            process.terminate()
            _, rest = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert "Traceback" not in rest, rest


def secret_file(path: Path, secret: str = SECRET) -> Path:
    """Write a secret as the commands want it: for nobody else to read."""
    path.write_text(secret + "\n")
    path.chmod(0o600)
    return path
