"""The way of every query: to the gateway, in the name of who asks, and nowhere else."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus

import aiohttp
from aiohttp import web

from jobgauge.secretfile import read_secrets
from jobgauge_view.config import ViewConfig
from jobgauge_view.refusal import Refusal

log = logging.getLogger(__name__)

_CALLS = re.compile(r"whoami|query|query_range|series|labels|label/[A-Za-z_][A-Za-z0-9_]*/values")
_SECONDS = 130.0  # the gateway's own limit, and a little more, so that its sentence arrives
_CONNECT_SECONDS = 5.0
_FORM = "application/x-www-form-urlencoded"


def client() -> aiohttp.ClientSession:
    """Return what keeps connections to the gateway, and nothing else."""
    return aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=_SECONDS, sock_connect=_CONNECT_SECONDS),
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
    )


class Relay:
    """Asks the gateway with headers of its own only."""

    def __init__(self, config: ViewConfig) -> None:
        """Read the channel's secret; raise ConfigError where it cannot be used."""
        self._url = config.gateway
        secrets = read_secrets(config.channel_secret_file) if config.channel_secret_file else (b"",)
        self._secret = secrets[0].decode()

    async def ask(
        self, session: aiohttp.ClientSession, request: web.Request, call: str, login: str
    ) -> web.StreamResponse:
        """Ask the gateway for what a browser asks, and hand its answer on as it comes."""
        if not _CALLS.fullmatch(call):
            raise Refusal(
                404, "there is no such call here; boards ask for queries, series, labels and their values"
            )
        try:
            async with await self._sent(session, request, call, login) as answer:
                return await _handed_on(answer, request)
        except TimeoutError as error:
            raise Refusal(
                504, "the gateway did not answer in time; choose a shorter time range, or try again"
            ) from error
        except aiohttp.ClientError as error:
            log.warning("the gateway at %s cannot be asked: %s", self._url, error)
            raise Refusal(
                502, "the gateway cannot be reached now; try again, or tell your administrators"
            ) from error

    async def _sent(
        self, session: aiohttp.ClientSession, request: web.Request, call: str, login: str
    ) -> aiohttp.ClientResponse:
        headers = {"X-Jobgauge-Channel": self._secret, "X-Grafana-User": login}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Accept-Encoding"] = "gzip"
        body = None
        if request.method == "POST":
            headers["Content-Type"] = _FORM
            body = await request.read()
        query = f"?{request.query_string}" if request.query_string else ""
        url = f"{self._url}/api/v1/{call}{query}"
        return await session.request(request.method, url, data=body, headers=headers, allow_redirects=False)


async def _handed_on(answer: aiohttp.ClientResponse, request: web.Request) -> web.StreamResponse:
    """Send the gateway's answer to the browser; what is no JSON comes from something else than a gateway."""
    if answer.content_type != "application/json":
        raise Refusal(
            HTTPStatus.BAD_GATEWAY,
            f"what answers as the gateway is none (status {answer.status}); tell your administrators",
        )
    told = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
    if encoding := answer.headers.get("Content-Encoding"):
        told.headers["Content-Encoding"] = encoding
    first = await answer.content.readany()  # an answer that breaks off before it begins is told as a sentence
    await told.prepare(request)
    await told.write(first)
    try:
        async for chunk in answer.content.iter_any():
            await told.write(chunk)
    except (TimeoutError, aiohttp.ClientError) as error:
        log.warning("the gateway broke off in the middle of an answer: %s", error)
        if request.transport:
            request.transport.abort()  # so that the browser sees half an answer for what it is
        return told
    await told.write_eof()
    return told
