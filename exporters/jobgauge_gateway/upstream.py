"""The store: one request made by us, its answer handed on as it comes.

Follows no redirect, keeps no cookie, and believes nothing but an answer of a query API.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import cast
from urllib.parse import quote_plus, urlsplit

from jobgauge.errors import ConfigError
from jobgauge_gateway import wire
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.planning import Plan
from jobgauge_gateway.problem import Problem
from jobgauge_gateway.secret_lines import read_authorization
from jobgauge_gateway.wire import AnswerHead, Body, Malformed

_CONNECT_SECONDS = 5.0
_GRACE = 5.0  # seconds more than the query's own timeout, so that the store's sentence about it arrives
_KEPT = 30.0  # seconds that a connection is kept without a request
_WHOLE = 256 * 1024  # bytes; an answer up to this size is waited for, so that a broken one is not begun
_MOST_HEAD = 64 * 1024
_CACHED_LENGTH = 4096
_ANSWERS = (200, 400, 422, 503)  # statuses with which the query API answers a query itself
_JSON = "application/json"


class _Gone(Exception):  # noqa: N818 - it is what connections do
    """The store ended the connection."""


class Answer(asyncio.Protocol):
    """A connection to the store, and the answer that comes on it; one at a time."""

    head: AnswerHead

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._asking = False
        self._lost = False
        self._waiter: asyncio.Future[None] | None = None
        self.idle_since = 0.0
        self._reset()

    def _reset(self) -> None:
        self._received = b""  # of the head
        self._pieces: list[bytes] = []  # of the body, that nobody has taken
        self._size = 0  # of them
        self._enough = _WHOLE  # bytes of the body that are waited for
        self._body: Body | None = None
        self._error: Exception | None = None

    async def ask(self, request: bytes) -> None:
        """Send a request, and wait for the answer: the whole of it, or of a large one so much that it can be begun."""
        self._asking = True
        self._reset()
        self.transport.resume_reading()  # who asked before may have gone without reading all
        self.transport.write(request)
        await self._wait()

    async def read(self) -> bytes:
        """Return what has come of the body; at its end nothing."""
        self._enough = 1
        if not self._pieces and not self.complete:
            await self._wait()
        found = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces, self._size = [], 0
        self.transport.resume_reading()
        return found

    @property
    def complete(self) -> bool:
        """Whether the whole answer has come."""
        return self._body is not None and self._body.complete

    @property
    def silent(self) -> bool:
        """Whether the store has said nothing yet."""
        return not self._received and self._body is None

    def done(self) -> bool:
        """End the exchange; say whether the connection can be used for another one."""
        self._asking = False
        self.idle_since = self._loop.time()
        good = self._body is not None and self._body.complete and not self._body.surplus and self.head.keep
        if not good or self._lost:
            self.transport.abort()
        return good and not self._lost

    def usable(self) -> bool:
        """Say whether another request can be sent on this connection."""
        # What has come and asyncio has not handed over yet would be taken for the answer to that request.
        heard = self._poll.poll(0)
        return not heard and not self._lost and self._loop.time() - self.idle_since < _KEPT

    def close(self) -> None:
        """End the connection."""
        self.transport.abort()

    async def _wait(self) -> None:
        if self._error is None:
            self._waiter = self._loop.create_future()
            timer = self._loop.call_later(self._seconds, self._fail, TimeoutError())
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._wake()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self.transport = cast(asyncio.Transport, transport)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Take what comes."""
        if not self._asking or self.complete:  # nothing was asked for: whatever it is, it is no answer
            self._lost = True
            self.transport.abort()
            return
        try:
            piece = self._body.feed(data) if self._body else self._begin(data)
        except Malformed as error:
            self._fail(error)
            return
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)
        if self._size >= _WHOLE:
            self.transport.pause_reading()
        if self._size >= self._enough or self.complete:
            self._wake()

    def _begin(self, data: bytes) -> bytes:
        """Read the head, once it is there; return what of the body came with it."""
        self._received += data
        end = self._received.find(wire.END) + len(wire.END)
        if end < len(wire.END):
            if len(self._received) > _MOST_HEAD:
                raise Malformed("the head is too long")
            return b""
        self.head = wire.answer(self._received[:end])
        if self.head.length is None and not self.head.chunked:
            raise Malformed("where the answer ends is not said")
        self._body = Body(self.head)
        return self._body.feed(self._received[end:])

    def connection_lost(self, _: Exception | None) -> None:
        """Note that the store has gone."""
        self._lost = True
        if not self.complete:
            self._fail(_Gone())


class Upstream:
    """A client of the store."""

    def __init__(self, config: GatewayConfig) -> None:
        """Read the files; raise ConfigError where one is wrong."""
        parts = urlsplit(config.upstream_url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._path = parts.path
        context = _context(config.upstream_ca_file)
        self._ssl = context if parts.scheme == "https" else None
        headers = [f"Host: {parts.netloc}", *config.upstream_headers]
        if config.upstream_authorization_file:
            headers.append(f"Authorization: {read_authorization(config.upstream_authorization_file)}")
        self._headers = "".join(f"{header}\r\n" for header in headers)
        self._seconds = config.upstream_timeout + _GRACE
        self._kept: list[Answer] = []

    def close(self) -> None:
        """End the connections that are kept."""
        while self._kept:
            self._kept.pop().close()

    @asynccontextmanager
    async def ask(self, plan: Plan, *, gzip: bool) -> AsyncIterator[Answer]:
        """Send a plan's request; raise Problem where the store cannot be asked or what it says is no answer."""
        answer = await self._send(self._request(plan, gzip=gzip))
        try:
            _demand_answer(answer.head, gzip=gzip)
            yield answer
        finally:
            if answer.done():
                self._kept.append(answer)

    def _request(self, plan: Plan, *, gzip: bool) -> bytes:
        form = "&".join([f"{_encoded(name)}={_encoded(value)}" for name, value in plan.form])
        coding = "gzip" if gzip else "identity"
        if plan.method == "POST":
            return (
                f"POST {self._path}{plan.path} HTTP/1.1\r\n{self._headers}Accept-Encoding: {coding}\r\n"
                f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n{form}"
            ).encode("ascii")
        target = f"{self._path}{plan.path}?{form}" if form else f"{self._path}{plan.path}"
        return f"GET {target} HTTP/1.1\r\n{self._headers}Accept-Encoding: {coding}\r\n\r\n".encode("ascii")

    async def _send(self, request: bytes) -> Answer:
        try:
            while kept := self._take_kept():
                try:
                    return await _asked(kept, request)
                except _Gone:
                    # The store has ended this connection meanwhile: queries change nothing, so ask once more.
                    if not kept.silent:
                        raise
            return await _asked(await self._connect(), request)
        except TimeoutError as error:
            raise Problem(
                504, "the store did not answer in time; ask for less, or try again", "upstream"
            ) from error
        except (OSError, _Gone) as error:
            raise Problem(
                502, "the store cannot be reached now; tell your administrators", "upstream"
            ) from error
        except Malformed as error:
            raise Problem(
                502, f"the store sent no answer: {error}; tell your administrators", "upstream"
            ) from error

    def _take_kept(self) -> Answer | None:
        while self._kept:
            kept = self._kept.pop()
            if kept.usable():
                return kept
            kept.close()
        return None

    async def _connect(self) -> Answer:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, answer = await loop.create_connection(
                lambda: Answer(self._seconds), self._host, self._port, ssl=self._ssl
            )
        return answer


def _encoded(text: str) -> str:
    return (_remembered if len(text) <= _CACHED_LENGTH else quote_plus)(text)


_remembered = lru_cache(1024)(quote_plus)  # boards send the same text again and again


async def _asked(answer: Answer, request: bytes) -> Answer:
    try:
        await answer.ask(request)
    except BaseException:
        answer.done()
        raise
    return answer


async def pieces(answer: Answer) -> AsyncIterator[bytes]:
    """Yield the rest of an answer as it comes; raise Problem where it breaks off."""
    try:
        while piece := await answer.read():
            yield piece
    except TimeoutError as error:
        raise Problem(504, "the store stopped in the middle of its answer; try again", "upstream") from error
    except (Malformed, _Gone) as error:
        raise Problem(
            502, "the store broke off in the middle of its answer; try again", "upstream"
        ) from error


def _demand_answer(head: AnswerHead, *, gzip: bool) -> None:
    """Raise Problem unless this is an answer of a query API, in an encoding that was asked for."""
    kinds = head.fields.get("content-type", [""])
    encodings = head.fields.get("content-encoding", [])
    plain = head.status in _ANSWERS and kinds[0].split(";")[0].strip().lower() == _JSON
    if not plain or encodings not in ([], *([["gzip"]] if gzip else [])):
        raise Problem(
            502,
            f"what the store said is no answer (status {head.status}); tell your administrators",
            "upstream",
        )


def _context(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # also what ssl says about a file that is no certificate
        raise ConfigError(f"{ca_file}: {error.strerror or error}") from error
