"""What the viewer's files are, and what browsers are told about all that comes from here."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.resources
import mimetypes
import zlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from jobgauge.errors import ConfigError

HEADERS = {
    # Nothing from elsewhere, nothing to elsewhere, no script but ours. The chart library brings styles of its own.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "jobgauge-view",
}
_HERE = Path(__file__).parent / "static"
_CHARTS = "charts.js"
_NO_MODULE = "theme-first.js"
_SMALL = 1024  # bytes; below, gzip saves no packet


@dataclass(frozen=True)
class _File:
    body: bytes
    packed: bytes
    content_type: str
    tag: str


class Files:
    """Our own modules and the chart library's, held in memory as they are sent."""

    def __init__(self) -> None:
        """Read them all; raise ConfigError where the chart library is not installed."""
        found = {str(path.relative_to(_HERE)): path.read_bytes() for path in _HERE.rglob("*.*")}
        self._files = {name: _file(name, body) for name, body in (found | {_CHARTS: _charts()}).items()}
        # All modules at once, where a browser would else learn of each from the one that imports it.
        modules = sorted(name for name in found if name.endswith(".js") and name != _NO_MODULE)
        self._links = ", ".join(f"</static/{name}>; rel=modulepreload" for name in modules)

    async def send(self, request: web.Request) -> web.Response:
        """Return one file of /static/."""
        return self._answer(request, request.match_info["path"])

    async def page(self, request: web.Request) -> web.Response:
        """Return the page that all boards are drawn in: it holds nothing of anybody's."""
        answer = self._answer(request, "index.html")
        answer.headers["Link"] = self._links
        return answer

    def _answer(self, request: web.Request, name: str) -> web.Response:
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound(text="not found\n")
        headers = {"ETag": file.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("If-None-Match") == file.tag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = file.content_type
        if file.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=file.packed, headers={**headers, "Content-Encoding": "gzip"})
        return web.Response(body=file.body, headers=headers)


def _file(name: str, body: bytes) -> _File:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = zlib.compress(body, level=6, wbits=31) if len(body) > _SMALL else b""
    return _File(body, packed, kind, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _charts() -> bytes:
    try:
        return (importlib.resources.files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ConfigError("the chart library is not installed: pip install 'jobgauge[view]'") from error


async def loaded() -> Files:
    """Return the files, read and packed in a thread: the chart library is large."""
    return await asyncio.to_thread(Files)
