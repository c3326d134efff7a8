"""A small client of slurmrestd and of slurmctld's own metrics: GET over TCP, TLS or a Unix socket, with a deadline and a bound on the answer."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TypeVar
from urllib.parse import urlsplit

from jobgauge.errors import ConfigError, SourceError

T = TypeVar("T")

_CHUNK = 1 << 20
_ERROR = re.compile(rb'"(?:error|description)":\s*"([^"]+)"')


class RestClient:
    """Asks one of them; a connection a question, for there are few."""

    def __init__(
        self,
        url: str,
        token_file: str,
        user: str,
        timeout: float,
        *,
        max_bytes: int = 1 << 30,
        setting: str = "slurmrest.url",
    ) -> None:
        """Take `http://HOST:PORT`, `https://HOST:PORT` or `unix:PATH`; the token is read anew for each question."""
        if not url.startswith(("http://", "https://", "unix:")):
            raise ConfigError(f"{setting}: {url!r}: write http://HOST:PORT, https://HOST:PORT or unix:PATH")
        self._url = url
        self._token_file = token_file
        self._user = user
        self._timeout = timeout
        self._max_bytes = max_bytes

    def get(self, path: str, parse: Callable[[Iterable[bytes]], T]) -> T:
        """Return what `parse` makes of the answer as it comes in; raise SourceError where that tells of a failure."""
        connection = self._connection()
        try:
            connection.request("GET", path, headers=self._headers())
            answer = connection.getresponse()
            chunks = self._chunks(answer, path)
            if answer.status != 200:
                problem = _problem(answer.status, b"".join(chunks))
                raise SourceError(f"{self._url}{path} answers {answer.status}: {problem}")
            return parse(chunks)
        except (OSError, HTTPException) as error:
            raise SourceError(
                f"{self._url}{path} cannot be read: {str(error) or type(error).__name__}"
            ) from error
        finally:
            connection.close()

    def _chunks(self, answer: HTTPResponse, path: str) -> Iterator[bytes]:
        deadline = time.monotonic() + self._timeout
        size = 0
        while chunk := answer.read1(_CHUNK):
            size += len(chunk)
            if size > self._max_bytes:
                raise SourceError(f"{self._url}{path} sends more than {self._max_bytes} bytes")
            if time.monotonic() > deadline:
                raise SourceError(f"{self._url}{path} did not answer in time")
            yield chunk
        if answer.length:
            raise SourceError(f"{self._url}{path} broke off")

    def _connection(self) -> HTTPConnection:
        if self._url.startswith("unix:"):
            return _UnixConnection(self._url.removeprefix("unix:"), self._timeout)
        parts = urlsplit(self._url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self._timeout)

    def _headers(self) -> Mapping[str, str]:
        headers = {"X-SLURM-USER-NAME": self._user} if self._user else {}
        if self._token_file:
            try:
                with open(self._token_file, encoding="ascii") as file:
                    headers["X-SLURM-USER-TOKEN"] = file.read().strip().removeprefix("SLURM_JWT=")
            except (OSError, UnicodeDecodeError) as error:
                raise SourceError(f"the token in {self._token_file} cannot be read: {error}") from error
        return headers


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _problem(status: int, body: bytes) -> str:
    found = _ERROR.search(body)
    said = (found[1] if found else body[:200]).decode(errors="replace").strip()
    if status == 401 or "authentication" in said:  # 22.05: status 500, `Protocol authentication error`
        return "the token is refused: renew it with scontrol token username=NAME lifespan=SECONDS"
    return said
