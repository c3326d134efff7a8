"""What an exporter serves: the metrics, its health, a landing page, and what it is told where it takes that."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from jobgauge import __version__
from jobgauge.collector import Collector
from jobgauge.config import suggestion
from jobgauge.exposition import negotiate, render
from jobgauge.runner import Runner
from jobgauge.server import Handler, Request, Response

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT = (
    9.5  # seconds, where the client does not say: below Prometheus' default scrape timeout of 10
)
_TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds"
_TRAVEL = 0.5  # seconds of the client's timeout left for the answer's way


def told_nothing(_: Request) -> Response:
    """Answer a POST where nothing takes it."""
    return Response(404, b"nothing is taken here\n")


class Pages:
    """The handler of an exporter's web server."""

    def __init__(
        self,
        program: str,
        about: str,
        runner: Runner,
        telemetry_path: str,
        max_requests: int,
        *,
        told: Handler = told_nothing,
    ) -> None:
        self._program = program
        self._about = about
        self._runner = runner
        self._path = telemetry_path
        self._told = told
        self._places = threading.Semaphore(max_requests)

    def replace(self, collectors: Sequence[Collector], told: Handler) -> None:
        """Go on with what a new configuration gives, behind the collector that every exporter has."""
        self._runner.replace([self._runner.collectors[0], *collectors])
        self._told = told

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.method == "POST":
            return self._told(request)
        if request.path == self._path:
            return self._metrics(request)
        if request.path == "/-/healthy":
            return Response(200, f"{self._program} is healthy\n".encode())
        if request.path == "/":
            return Response(200, self._landing(), "text/html; charset=utf-8")
        return Response(404, f"not found: the metrics are at {self._path}\n".encode())

    def _metrics(self, request: Request) -> Response:
        try:
            names = self._selection(request)
        except ValueError as error:
            return Response(400, f"{error}\n".encode())
        if not self._places.acquire(blocking=False):
            return Response(503, b"too many scrapes at the same time (--web.max-requests)\n")
        try:
            page = self._runner.scrape(names, _timeout(request.headers.get(_TIMEOUT_HEADER, "")))
        except TimeoutError:
            return Response(503, b"another scrape is still collecting\n")
        finally:
            self._places.release()
        content_type = negotiate(request.headers.get("accept", ""))
        return Response(200, render(page, content_type), content_type)

    def _selection(self, request: Request) -> frozenset[str]:
        """Return the collectors that `collect[]` or `exclude[]` leave; refuse an unknown name."""
        known = [collector.name for collector in self._runner.collectors]
        collect, exclude = request.query.get("collect[]", []), request.query.get("exclude[]", [])
        if collect and exclude:
            raise ValueError("give collect[] or exclude[], not both")
        for name in (*collect, *exclude):
            if name not in known:
                raise ValueError(f"unknown collector {name!r}{suggestion(name, known)}")
        return frozenset(collect) if collect else frozenset(known) - frozenset(exclude)

    def _landing(self) -> bytes:
        import html  # noqa: PLC0415 - most exporters are never looked at by a person

        rows = "".join(
            f'<tr><td><a href="{self._path}?collect[]={c.name}">{c.name}</a></td><td>{html.escape(c.about)}</td></tr>'
            for c in self._runner.collectors
        )
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{self._program}</title>'
            "<style>body{font:16px/1.5 sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
            "td{padding:.1rem 1rem .1rem 0;vertical-align:top}</style>"
            f"<h1>{self._program} {__version__}</h1><p>{html.escape(self._about)}</p>"
            f'<p><a href="{self._path}">Metrics</a> · <a href="/-/healthy">Health</a></p>'
            f"<h2>Collectors</h2><table>{rows}</table></html>"
        ).encode()


def _timeout(header: str) -> float:
    """Return how long a scrape may take: what the client said less the way back, or our default."""
    try:
        seconds = float(header)
    except ValueError:
        return DEFAULT_TIMEOUT
    return min(max(seconds - _TRAVEL, seconds / 2), 120.0) if seconds > 0 else DEFAULT_TIMEOUT
