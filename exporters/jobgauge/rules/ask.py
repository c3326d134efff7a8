"""Questions to a Prometheus, in pieces that it can answer."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from jobgauge.errors import SourceError

_TIMEOUT = 120.0  # Prometheus gives up after as long by itself
_TOO_MUCH = ("too many samples", "exceeded maximum resolution", "timed out", "cannot process more than")


class TooMuch(SourceError):  # noqa: N818 - it is a statement about the question, which is asked again in parts
    """The question asks for more at once than the server answers."""


class Asker:
    """Asks one server."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self.shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self._headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if parts.username:
            pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()

    def instant(self, expression: str, at: float) -> list[dict[str, Any]]:
        """Return what an expression gives at a time."""
        return self._ask("query", query=expression, time=at)

    def range(self, expression: str, begin: float, end: float, step: float) -> list[dict[str, Any]]:
        """Return what an expression gives from begin to end, every step."""
        return self._ask("query_range", query=expression, start=begin, end=end, step=step)

    def names(self, begin: float, end: float) -> set[str]:
        """Return the metrics that are stored from begin to end; some from near by may be among them."""
        span = urllib.parse.urlencode({"start": begin, "end": end})
        return set(self._answer(f"label/__name__/values?{span}"))

    def _ask(self, path: str, **parameters: str | float) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._answer(path, urllib.parse.urlencode(parameters).encode())[
            "result"
        ]
        return found

    def _answer(self, path: str, body: bytes | None = None) -> Any:
        address = f"{self.shown}/api/v1/{path}"
        request = urllib.request.Request(address, body, self._headers)  # noqa: S310 - --url takes http and https only
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - as above
                page = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(2000).decode(errors="replace").strip()
            kind = TooMuch if any(word in said for word in _TOO_MUCH) else SourceError
            raise kind(f"{address} answered {error.code}: {said}") from error
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"{address} does not answer: {error}") from error
        except ValueError as error:
            raise SourceError(f"{address} answered what is not JSON: is it a Prometheus?") from error
        if not isinstance(page, dict) or page.get("status") != "success":
            raise SourceError(f"{address} answered {page!r:.200}: is it a Prometheus?")
        return page["data"]


def pieces(begin: float, end: float, longest: float) -> Iterator[tuple[float, float]]:
    """Cut a span into parts of at most a length."""
    while begin < end:
        until = min(begin + longest, end)
        yield begin, until
        begin = until
