"""Connections of clients: requests read one after another, each answered by the gateway before the next is looked at."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

from jobgauge_gateway import wire
from jobgauge_gateway.problem import Problem
from jobgauge_gateway.wire import Body, Malformed, RequestHead

log = logging.getLogger(__name__)

_MOST_HEAD = 320 * 1024  # bytes; a long query may stand in the URL of a GET
_MOST_AHEAD = 64 * 1024  # bytes that a client may send before they are wanted
_MOST_UNSENT = 1 << 20  # bytes of an answer that wait for a client, beside the kernel's
_PATIENCE = 75.0  # seconds that a connection may be without a request, or with half of one's head
_FAREWELL = 1.0  # seconds that a client has to read its last answer


class Client(asyncio.Protocol):
    """One connection; the handler answers the request that is current by its methods."""

    head: RequestHead

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._searched = 0  # bytes of it that hold no end of a head
        self._since = self._loop.time()
        self._task: asyncio.Task[None] | None = None  # answers the current request
        self._unread = False  # the current request has a body that nobody has read
        self._arrived: asyncio.Future[None] | None = None  # waited for: more of the body
        self._drained: asyncio.Future[None] | None = None  # waited for: room to write
        self._room = True
        self._chunked = False  # the answer that is under way
        self._keep = True
        self._leaving = False

    # What the handler uses

    @property
    def peer(self) -> str:
        """The client's address."""
        name = self.transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) else "unix"

    def field(self, name: str) -> list[str]:
        """Return the values of a header field; the name is in lower case."""
        return self.head.fields.get(name, [])

    def transport_info(self, name: str) -> Any:
        """Return what the transport knows, such as `socket` or `peercert`."""
        return self.transport.get_extra_info(name)

    async def body(self, most: int, stall: float) -> bytes:
        """Return the request's body; raise Problem where it is too large, broken or does not come."""
        too_large = Problem(413, f"the request has more than {most} bytes; ask for less, or in parts")
        if (self.head.length or 0) > most:
            raise too_large
        body = Body(self.head)
        if self.field("expect") and not self._received:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        found = bytearray()
        try:
            while not body.complete:
                if not self._received:
                    await self._more(stall)
                found += body.feed(bytes(self._received))
                self._received.clear()
                if len(found) > most:
                    raise too_large
        except Malformed as error:
            raise Problem(400, "the request's body is broken; send it again") from error
        self._received += body.surplus
        self._unread = False
        return bytes(found)

    async def _more(self, stall: float) -> None:
        self.transport.resume_reading()
        self._arrived = self._loop.create_future()
        try:
            async with asyncio.timeout(stall):
                await self._arrived
        except TimeoutError as error:
            raise Problem(408, "the request did not arrive in time; send it again") from error
        finally:
            self._arrived = None

    def answer(self, status: int, body: bytes, encoding: str = "") -> None:
        """Give an answer of which everything is there."""
        self._keep = self._goes_on
        head = wire.answer_head(status, encoding, len(body), keep=self._keep)
        self.transport.write(head if self.head.method == "HEAD" else head + body)

    def begin(self, status: int, length: int | None, encoding: str) -> None:
        """Begin an answer that write() goes on with."""
        self._chunked = length is None and not self.head.old
        self._keep = self._goes_on and (length is not None or self._chunked)
        head = wire.answer_head(status, encoding, length, keep=self._keep, chunked=self._chunked)
        self.transport.write(head)

    async def write(self, data: bytes, stall: float) -> None:
        """Write more of the answer; raise TimeoutError where the client takes nothing any more."""
        self.transport.write(wire.chunk(data) if self._chunked else data)
        if not self._room:
            self._drained = self._loop.create_future()
            async with asyncio.timeout(stall):
                await self._drained

    def finish(self) -> None:
        """End the answer that was begun."""
        if self._chunked:
            self.transport.write(wire.LAST_CHUNK)

    def abort(self) -> None:
        """End the connection at once, which tells the client that its answer is not whole."""
        self._keep = False
        self.transport.abort()

    @property
    def _goes_on(self) -> bool:
        """Whether the next request is wanted, and where it begins is known."""
        return self.head.keep and not self._unread and not self._clients.ending

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, if there is a place for it."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(_MOST_UNSENT)
        if self._clients.admit(self):
            self._loop.call_later(_PATIENCE, self._look)
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Go on with what has come."""
        if self._leaving:
            return
        self._received += data
        if self._task is None:
            self._next()
        elif self._arrived and not self._arrived.done():
            self._arrived.set_result(None)
        elif len(self._received) > _MOST_AHEAD:
            self.transport.pause_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """Let go; a client that is gone ends its query at the store."""
        self._leaving = True
        self._clients.forget(self)
        if self._task:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Note that the client does not take what is written."""
        self._room = False

    def resume_writing(self) -> None:
        """Go on writing."""
        self._room = True
        if self._drained and not self._drained.done():
            self._drained.set_result(None)

    # One request after another

    def _next(self) -> None:
        """Begin with the next request, if its head is there."""
        found = self._received.find(wire.END, max(0, self._searched - len(wire.END)), _MOST_HEAD)
        self._searched = len(self._received)
        end = found + len(wire.END)
        try:
            if found < 0:
                self._demand_beginning()
                return
            self.head = wire.request(bytes(self._received[:end]))
        except Malformed as error:
            self._refuse(error)
            return
        del self._received[:end]
        self._searched = 0
        self._unread = self.head.chunked or bool(self.head.length)
        self._task = self._loop.create_task(self._work())

    def _demand_beginning(self) -> None:
        """Raise Malformed where what has come cannot become the head of a request."""
        if len(self._received) > _MOST_HEAD or (self._received and not self._received[:1].isalpha()):
            raise Malformed("this is not HTTP")

    def _refuse(self, error: Malformed) -> None:
        log.debug("%s sent no HTTP: %s", self.peer, error)
        problem = Problem(400, "this is not an HTTP/1.1 request as it should be; send it again")
        self.transport.write(wire.answer_head(400, "", len(problem.body), keep=False) + problem.body)
        self._leave()

    async def _work(self) -> None:
        try:
            await self._clients.handle(self)
        except Exception:  # the handler answers its own
            log.exception("a request failed")
            self._keep = False
        self._task = None
        self._since = self._loop.time()
        if self._leaving:
            return
        if not self._keep:
            self._leave()
            return
        self.transport.resume_reading()
        if self._received:
            self._next()

    def _look(self) -> None:
        """End the connection where it has been waiting for its client for too long."""
        if self._leaving:
            return
        end = self._loop.time() if self._task else self._since
        left = end + _PATIENCE - self._loop.time()
        if left > 0:
            self._loop.call_later(left, self._look)
        else:
            self.transport.close()

    def _leave(self) -> None:
        """End the connection, but let the client read its last answer: a close while input is unread loses it."""
        self._leaving = True
        self._received.clear()
        if not self.transport.can_write_eof():  # TLS
            self.transport.close()
            return
        self.transport.resume_reading()
        self.transport.write_eof()
        self._loop.call_later(_FAREWELL, self.transport.abort)

    def end(self) -> None:
        """Take no further request."""
        if not self._task:
            self.transport.close()


class Clients:
    """All connections of clients."""

    def __init__(self, handle: Callable[[Client], Awaitable[None]], most: int) -> None:
        self.handle = handle
        self.ending = False
        self._most = most
        self._open: set[Client] = set()
        self._empty = asyncio.Event()

    def __call__(self) -> Client:
        """Make the protocol of a new connection."""
        return Client(self)

    def admit(self, client: Client) -> bool:
        """Give a connection a place, if there is one."""
        if len(self._open) >= self._most:
            log.warning("all %d connections are taken: one more is refused (limits.connections)", self._most)
            return False
        self._open.add(client)
        self._empty.clear()
        return True

    def forget(self, client: Client) -> None:
        """Take a connection's place back."""
        self._open.discard(client)
        if not self._open:
            self._empty.set()

    async def end(self, grace: float) -> None:
        """End the connections: those with a request in progress once it is answered, or after a time."""
        self.ending = True
        for client in list(self._open):
            client.end()
        if self._open:
            try:
                async with asyncio.timeout(grace):
                    await self._empty.wait()
            except TimeoutError:
                for client in list(self._open):
                    client.abort()
