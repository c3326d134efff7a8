"""The store: one request made by us, its answer handed on as it comes."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import quote_plus, urlencode

import aiohttp
from yarl import URL

from jobgauge.errors import ConfigError
from jobgauge_gateway.config import GatewayConfig, read_authorization
from jobgauge_gateway.planning import Plan
from jobgauge_gateway.problem import Problem

_CONNECT_SECONDS = 5.0
_GRACE = 5.0  # seconds more than the query's own timeout, so that the store's sentence about it arrives
_READ_BUFFER = 256 * 1024
_ANSWERS = (200, 400, 422, 503)  # statuses with which the query API answers a query itself
_JSON = "application/json"


class Upstream:
    """A client of the store that follows no redirect, keeps no cookie and believes no other answer than JSON."""

    def __init__(self, config: GatewayConfig) -> None:
        """Read the files; raise ConfigError where one is wrong."""
        self._url = config.upstream_url
        self._headers = dict(header.split(":", 1) for header in config.upstream_headers)
        self._headers = {name: value.strip() for name, value in self._headers.items()}
        if config.upstream_authorization_file:
            self._headers["Authorization"] = read_authorization(config.upstream_authorization_file)
        self._seconds = config.upstream_timeout
        self._ssl = _context(config.upstream_ca_file)
        self._connections = config.limit_concurrent
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Make ready to ask; needs a running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._ssl, keepalive_timeout=30.0),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            read_bufsize=_READ_BUFFER,
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Accept"),
        )

    async def close(self) -> None:
        """End the connections."""
        if self._session:
            await self._session.close()

    @asynccontextmanager
    async def ask(self, plan: Plan, *, gzip: bool) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a plan's request; raise Problem where the store cannot be asked or what it says is no answer."""
        response = await self._send(plan, gzip=gzip)
        try:
            _demand_answer(response, gzip=gzip)
            yield response
        finally:
            response.close() if not response.content.at_eof() else response.release()

    async def _send(self, plan: Plan, *, gzip: bool) -> aiohttp.ClientResponse:
        try:
            try:
                return await self._request(plan, gzip=gzip)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
                # A kept connection that the store has ended meanwhile: queries change nothing, so ask once more.
                return await self._request(plan, gzip=gzip)
        except TimeoutError as error:
            raise Problem(
                504, "the store did not answer in time; ask for less, or try again", "upstream"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Problem(
                502, "the store cannot be reached now; tell your administrators", "upstream"
            ) from error

    async def _request(self, plan: Plan, *, gzip: bool) -> aiohttp.ClientResponse:
        headers = {**self._headers, "Accept-Encoding": "gzip" if gzip else "identity"}
        form = urlencode(plan.form, quote_via=quote_plus)
        url, body = f"{self._url}{plan.path}", None
        if plan.method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = form.encode()
        elif form:
            url = f"{url}?{form}"
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=self._seconds + _GRACE
        )
        if self._session is None:
            raise RuntimeError("open() comes first")
        return await self._session.request(
            plan.method,
            URL(url, encoded=True),
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=timeout,
        )


async def chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield an answer's bytes as they come; raise Problem where it breaks off."""
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except TimeoutError as error:
        raise Problem(504, "the store stopped in the middle of its answer; try again", "upstream") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Problem(
            502, "the store broke off in the middle of its answer; try again", "upstream"
        ) from error


def _demand_answer(response: aiohttp.ClientResponse, *, gzip: bool) -> None:
    """Raise Problem unless this is an answer of a query API, in an encoding that was asked for."""
    kinds, encodings = _values(response, "Content-Type"), _values(response, "Content-Encoding")
    plain = response.status in _ANSWERS and kinds and kinds[0].split(";")[0].strip().lower() == _JSON
    if not plain or not set(encodings) <= ({"gzip"} if gzip else set()) or len(encodings) > 1:
        raise Problem(
            502,
            f"what the store said is no answer (status {response.status}); tell your administrators",
            "upstream",
        )


def _values(response: aiohttp.ClientResponse, header: str) -> list[str]:
    found: Iterable[str] = response.headers.getall(header, [])
    return list(found)


def _context(ca_file: str) -> ssl.SSLContext | bool:
    if not ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # also what ssl says about a file that is no certificate
        raise ConfigError(f"{ca_file}: {error.strerror or error}") from error
