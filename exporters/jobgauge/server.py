"""The web server of every exporter: cheap at each scrape, and no client can keep the others out.

Blocking sockets, and one thread a connection: a scraper keeps its connection, so a scrape costs one read, the page and
one write. When all places are taken, the connection that has waited longest for its client makes room for a new one.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence

from jobgauge import listen
from jobgauge.connection import Connection, Handler, Limits, Stage
from jobgauge.errors import ConfigError
from jobgauge.http1 import Request, Response
from jobgauge.listen import Listener
from jobgauge.webaccess import Access

__all__ = ["Handler", "Limits", "Request", "Response", "Server"]

log = logging.getLogger(__name__)

_STACK = 512 * 1024  # bytes; the usual 8 MiB each are too much where a node does not overcommit memory
_STARTING = threading.Lock()  # the stack's size is a setting of the whole process
_PATIENCE = 1.0  # seconds that a new connection waits for a place


class Server:
    """Serves a handler on any number of addresses."""

    def __init__(
        self,
        addresses: Sequence[str],
        handler: Handler,
        web_config_file: str = "",
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        """Check the addresses and the web configuration; raise ConfigError where one is wrong."""
        self._wanted = [listen.parse(address) for address in addresses]
        self._access = Access(web_config_file)
        self._handler = handler
        self._limits = limits
        self._listeners: list[Listener] = []
        self._acceptors: list[threading.Thread] = []
        self._open: set[Connection] = set()
        self._changed = threading.Condition()  # guards _open
        self._stopping = False

    @property
    def addresses(self) -> list[str]:
        """What the server is bound to, with real port numbers."""
        return [listener.name for listener in self._listeners]

    def start(self) -> None:
        """Bind all addresses and serve; raise ConfigError, with nothing left bound, where one cannot be had."""
        try:
            for address in self._wanted:
                self._listeners.append(Listener(address))
        except ConfigError:
            self.stop()
            raise
        self._acceptors = [_start(self._accept, listener.socket) for listener in self._listeners]

    def stop(self, grace: float = 5.0) -> None:
        """Accept no more, and end the connections: those with a request in progress once it is answered."""
        self._stopping = True
        while self._listeners:
            self._listeners.pop().close()
        for acceptor in self._acceptors:
            acceptor.join(grace)
        with self._changed:
            for connection in self._open:
                connection.end()
            self._changed.wait_for(lambda: not self._open, grace)
            for connection in self._open:
                connection.end(at_once=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, address = listener.accept()
            except OSError as error:
                if self._stopping:
                    return
                log.error("no connection can be accepted: %s", error)  # noqa: TRY400 - its place says nothing more
                self._make_room()
                time.sleep(_PATIENCE)
                continue
            peer = address[0] if isinstance(address, tuple) else "a unix socket"
            connection = Connection(sock, peer, self._handler, self._access, self._limits)
            if not self._admit(connection):
                connection.close()

    def _admit(self, connection: Connection) -> bool:
        """Find a place for a connection and start it."""
        with self._changed:
            while len(self._open) >= self._limits.connections:
                self._make_room()
                if not self._changed.wait(_PATIENCE):
                    log.warning("all %d connections are at work: one more is refused", len(self._open))
                    return False
            self._open.add(connection)
        try:
            _start(self._serve, connection)
        except RuntimeError as error:  # no more threads for this process
            log.error("no connection can be served: %s", error)  # noqa: TRY400 - its place says nothing more
            with self._changed:
                self._open.discard(connection)
            return False
        return True

    def _make_room(self) -> None:
        """End the connection that has waited longest for its client, if any does."""
        with self._changed:
            waiting = [c for c in self._open if c.stage is not Stage.WORKING and not c.ending]
            if waiting:
                oldest = min(waiting, key=lambda c: (c.stage, c.since))
                oldest.end(at_once=oldest.stage is Stage.SENDING)

    def _serve(self, connection: Connection) -> None:
        connection.serve()
        with self._changed:  # before its number is free for another file, nobody may end it any more
            self._open.discard(connection)
            self._changed.notify_all()
        connection.close()


def _start(target: Callable[..., None], argument: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=(argument,), name="web", daemon=True)
    with _STARTING:
        before = threading.stack_size(_STACK)
        try:
            thread.start()
        finally:
            threading.stack_size(before)
    return thread
