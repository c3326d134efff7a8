"""One client of the web server: handshake, requests, answers, in a thread of its own.

Every wait for the client has an end, and the connection says at any time whether it waits, so that the server can close
the one that has waited longest when it needs the place.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from jobgauge.http1 import END, HttpError, Request, Response, encode, parse
from jobgauge.webaccess import Access, InForce, certificate_names, is_plain_http

log = logging.getLogger(__name__)

Handler = Callable[[Request], Response]

_PIECE = 256 * 1024  # bytes that a client has to take within `send_seconds`
_FAREWELL = 1.0  # seconds that a client has to read its last answer


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take."""

    connections: int = 256
    header_bytes: int = 16 * 1024
    header_seconds: float = 5.0  # for a handshake, a connection's first request, and the rest of a begun one
    idle_seconds: float = 300.0  # between requests: longer than any scrape interval
    send_seconds: float = 10.0
    body_bytes: int = 0  # of a request; it has as long to arrive as a head


class Stage(IntEnum):
    """What a connection is at; the lower, the sooner it may be closed to make room."""

    WAITING = 0  # for a handshake, a request, or the client's end
    SENDING = 1
    WORKING = 2  # on a request that arrived whole: never closed


class Connection:
    """A connection; serve() is its life."""

    def __init__(
        self, sock: socket.socket, peer: str, handler: Handler, access: Access, limits: Limits
    ) -> None:
        self._socket = sock
        self._peer = peer
        self._handler = handler
        self._access = access
        self._limits = limits
        self._received = b""
        self._names: frozenset[str] | None = None  # in the client's certificate, where it showed one
        self.ending = False
        self.enter(Stage.WAITING)

    def enter(self, stage: Stage) -> None:
        """Note what the connection is at, and since when."""
        self.stage = stage
        self.since = time.monotonic()

    def end(self, *, at_once: bool = False) -> None:
        """End the connection from another thread: once a request that is being answered is done, or at once."""
        self.ending = True
        try:
            # socket.socket's own, since SSLSocket's would take the TLS state away from the thread that uses it.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR if at_once else socket.SHUT_RD)
        except OSError:
            log.debug("%s has gone already", self._peer)

    def serve(self) -> None:
        """Answer requests until the client goes, breaks a rule or runs out of time. Never raises."""
        try:
            in_force = self._access.now()
            if self._secure(in_force):
                self._converse(in_force)
        except OSError as error:  # a reset, a timeout, a failed handshake: the client's affair
            log.debug("connection of %s: %s", self._peer, error)
        except Exception:
            log.exception("connection of %s", self._peer)

    def close(self) -> None:
        """Free the socket."""
        self._socket.close()

    def _secure(self, in_force: InForce) -> bool:
        """Do the TLS handshake where there is one to do."""
        self._socket.settimeout(self._limits.header_seconds)
        if in_force.context is None:
            return True
        secured = in_force.context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        self._socket = secured
        if self.ending:  # end() may have found the socket while it changed hands
            return False
        try:
            secured.do_handshake()
        except OSError as error:
            if not is_plain_http(error):
                raise
            head, body = encode(Response(400, b"this server speaks HTTPS only\n"), None, (), keep=False)
            socket.socket.sendall(secured, head + body)
            self._take_leave()
            return False
        self._names = certificate_names(secured)
        return True

    def _converse(self, accepted: InForce) -> None:
        patience = self._limits.header_seconds
        keep = True
        while keep:
            request = None
            try:
                head = self._receive_head(patience)
                if head is None:
                    return
                request, keep = parse(head, self._limits.body_bytes)
                if request.length:
                    request = replace(request, body=self._receive_body(request.length))
                self.enter(Stage.WORKING)
                in_force = self._access.now()
                response = self._respond(request, in_force)
                # A connection made under other TLS rules gets this answer, and has to come again for the next.
                keep = keep and in_force.context is accepted.context
            except HttpError as error:
                in_force, response, keep = accepted, error.response, False
            keep = keep and not self.ending
            self.enter(Stage.SENDING)
            self._send(*encode(response, request, in_force.config.headers, keep=keep))
            self.enter(Stage.WAITING)
            patience = self._limits.idle_seconds
        self._take_leave()

    def _receive_head(self, patience: float) -> bytes | None:
        """Return the next request's head; None where the client has gone or sends nothing for too long."""
        deadline = 0.0
        while (end := self._received.find(END)) < 0:
            if len(self._received) > self._limits.header_bytes:
                raise HttpError(431, f"the request's head has more than {self._limits.header_bytes} bytes")
            if self._received:
                if not self._received[:1].isalpha():
                    raise HttpError(400, "this is not HTTP; for HTTPS, --web.config.file has to set it up")
                deadline = deadline or time.monotonic() + self._limits.header_seconds
                patience = deadline - time.monotonic()
                if patience <= 0:
                    raise HttpError(408, "the request did not arrive in time")
            self._socket.settimeout(patience)
            try:
                data = self._socket.recv(self._limits.header_bytes + 1 - len(self._received))
            except TimeoutError:
                if self._received:
                    continue
                return None
            if not data or self.ending:
                return None
            self._received += data
        head, self._received = self._received[:end], self._received[end + len(END) :]
        return head

    def _receive_body(self, length: int) -> bytes:
        deadline = time.monotonic() + self._limits.header_seconds
        while len(self._received) < length:
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError("a request's body did not arrive in time")
            self._socket.settimeout(left)
            data = self._socket.recv(length - len(self._received))
            if not data or self.ending:
                raise ConnectionError("it ended within a request's body")
            self._received += data
        body, self._received = self._received[:length], self._received[length:]
        return body

    def _respond(self, request: Request, in_force: InForce) -> Response:
        try:
            in_force.admit(request.headers.get("authorization", ""), self._peer, self._names)
            return self._handler(request)
        except HttpError as error:
            return error.response
        except Exception:
            log.exception("no answer to %s %s", request.method, request.path)
            return Response(500, b"internal error: the program's log says more\n")

    def _send(self, head: bytes, body: bytes) -> None:
        self._socket.settimeout(self._limits.send_seconds)
        rest = memoryview(head + body)  # one write costs less than two and a copy
        while rest:
            self._socket.sendall(rest[:_PIECE])
            rest = rest[_PIECE:]

    def _take_leave(self) -> None:
        """Let the client read its last answer: a close while input is unread resets the connection and loses it."""
        sock = self._socket
        socket.socket.shutdown(sock, socket.SHUT_WR)
        deadline = time.monotonic() + _FAREWELL
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if not socket.socket.recv(sock, _PIECE):
                return
