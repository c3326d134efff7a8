"""Questions to the children's HTTP interfaces; never through a proxy, since all of them listen on loopback."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from jobgauge.errors import SourceError

_TIMEOUT = 10.0
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class HttpError(SourceError):
    """The other side answered with an error; `status` is its HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def fetch(
    url: str,
    *,
    body: object = None,
    method: str | None = None,
    timeout: float = _TIMEOUT,
    origin: str = "",
    opener: urllib.request.OpenerDirector = _opener,
) -> bytes:
    """Return what a URL answers; `body` is posted as JSON. Name and password may stand in the URL."""
    parts = urllib.parse.urlsplit(url)
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if origin:
        headers["Origin"] = origin
    if parts.username:
        pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(shown, data, headers, method=method)  # noqa: S310 - the URL is the caller's
    try:
        with opener.open(request, timeout=timeout) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode(errors="replace").strip()
        raise HttpError(f"{shown} answered {error.code}: {said}", error.code) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SourceError(f"{shown} does not answer: {error}") from error


def fetch_json(url: str, parameters: Mapping[str, str] | None = None, **options: Any) -> Any:
    """Return what a URL answers, read as JSON."""
    address = f"{url}?{urllib.parse.urlencode(parameters)}" if parameters else url
    try:
        return json.loads(fetch(address, **options))
    except ValueError as error:
        raise SourceError(f"{url} answered what is not JSON: {error}") from error


class Visitor:
    """Asks one place as a browser with its pages open would: it keeps cookies, and says where it comes from."""

    def __init__(self, url: str) -> None:
        self._url = url
        cookies = urllib.request.HTTPCookieProcessor()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)

    def fetch_json(self, path: str, *, body: object = None) -> Any:
        """Return what a path there answers, read as JSON."""
        return fetch_json(self._url + path, body=body, origin=self._url, opener=self._opener)


def answers(url: str) -> bool:
    """Tell whether a URL answers without an error."""
    try:
        fetch(url, timeout=2.0)
    except SourceError:
        return False
    return True
