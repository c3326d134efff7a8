"""One page from another server, by the standard library: no redirect is followed, no proxy asked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit


def fetch(url: str, headers: Mapping[str, str], timeout: float, most: int) -> tuple[int, bytes]:
    """Return the status and body of what a URL shows; raise OSError where nothing readable answers. Blocks."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=timeout)) as connection:
        try:
            connection.request(
                "GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", headers=dict(headers)
            )
            with connection.getresponse() as response:
                body = response.read(most + 1)
        except (HTTPException, ValueError) as error:
            raise OSError(f"it speaks no HTTP: {type(error).__name__} {error}") from error
    if len(body) > most:
        raise OSError(f"it shows more than {most} bytes")
    return response.status, body
