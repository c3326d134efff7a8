"""Children: start them, see that they are ready, restart one that dies, and end them all, whatever happens."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from jobgauge import process
from jobgauge.errors import JobgaugeError

GRACE = 8.0  # seconds between TERM and KILL; Prometheus writes its head block within them
RESTARTS, WINDOW = 3, 60.0  # so many restarts of a child are made within so many seconds
_BACK_OFF = 1.0  # seconds before the first restart; doubled for each further one
_PAUSE = 0.1  # seconds between two looks at the children
_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LAST_LINES = 8
_TAIL_BYTES = 4096


class ChildError(JobgaugeError):
    """A child does not stay alive, or does not become ready."""


@dataclass(frozen=True)
class Target:
    """How Prometheus knows what it scrapes."""

    job: str
    instance: str
    port: int


@dataclass(frozen=True)
class Service:
    """One child: what runs, where it listens, how it is seen to be ready, and what it is to others."""

    name: str
    argv: Sequence[str]
    ports: Sequence[int] = ()
    ready: Callable[[], bool] = lambda: True
    environment: Mapping[str, str] = field(default_factory=dict)
    target: Target | None = None
    page: str = ""  # what a person finds at its first port; empty: nothing worth a visit

    @property
    def url(self) -> str:
        """The address of its first port."""
        return f"http://127.0.0.1:{self.ports[0]}"


@dataclass(eq=False)
class _Running:
    service: Service
    child: process.Child
    deaths: deque[float] = field(default_factory=deque)  # when it died, within WINDOW
    restart_at: float | None = None  # set while it waits for its restart


class Supervisor:
    """Holds the children; used in the main thread only (see process.start), as a context that ends them all.

    Within the context, whoever wants the program to end (Ctrl-C, SIGTERM, a closed terminal) raises KeyboardInterrupt in it.
    """

    def __init__(self, log_directory: str, say: Callable[[str], None], grace: float = GRACE) -> None:
        self._logs = log_directory
        self._say = say
        self._grace = grace
        self._children: dict[str, _Running] = {}
        self.deaths: dict[str, int] = {}  # how often each child died, by name
        os.makedirs(log_directory, exist_ok=True)

    def __enter__(self) -> Self:
        for number in _END:
            signal.signal(number, signal.default_int_handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in _END:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave the ending half done
        self.stop()
        for number in _END:
            signal.signal(number, signal.SIG_DFL)

    @property
    def count(self) -> int:
        """How many children there are."""
        return len(self._children)

    def start(self, services: Sequence[Service], timeout: float = 60.0) -> None:
        """Start children and return once all are ready; raise ChildError where one is not in time."""
        for service in services:
            self._children[service.name] = _Running(service, self._launch(service, "w"))
        waiting = [self._children[service.name] for service in services]
        deadline = time.monotonic() + timeout
        while waiting := [running for running in waiting if not self._is_ready(running)]:
            if time.monotonic() > deadline:
                names = ", ".join(running.service.name for running in waiting)
                raise ChildError(
                    f"not ready after {timeout:.0f} s: {names}\n{self._tail(waiting[0].service)}"
                )
            time.sleep(_PAUSE)
            self.check()

    def check(self) -> None:
        """Look at every child once: report one that died and restart it; raise ChildError where it keeps dying."""
        now = time.monotonic()
        for running in self._children.values():
            if running.restart_at is not None:
                if now >= running.restart_at:
                    running.restart_at = None
                    running.child = self._launch(running.service, "a")
            elif (status := running.child.status()) is not None:
                self._died(running, status, now)

    def wait(self, seconds: float) -> None:
        """Let time pass with an eye on the children."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            time.sleep(min(_PAUSE, left))

    def stop(self, names: Sequence[str] | None = None) -> None:
        """End children (all of them where none is named): TERM, then KILL for those that are still there after a while."""
        ending = list(self._children) if names is None else names
        children = [self._children[name].child for name in ending]
        for child in children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        while (
            alive := [child for child in children if child.status() is None]
        ) and time.monotonic() < deadline:
            time.sleep(_PAUSE / 2)
        for child in alive:
            child.signal(signal.SIGKILL)
        while any(child.status() is None for child in alive):
            time.sleep(_PAUSE / 2)
        for name in ending:
            del self._children[name]

    def _launch(self, service: Service, mode: str) -> process.Child:
        with open(self._log(service), mode, encoding="utf-8") as log:
            log.write(f"--- {time.strftime('%F %T')} {shlex.join(service.argv)}\n")
        return process.start(service.argv, log=self._log(service), environment=service.environment)

    def _is_ready(self, running: _Running) -> bool:
        if running.restart_at is not None or running.child.status() is not None:
            return False
        return running.service.ready()

    def _died(self, running: _Running, status: int, now: float) -> None:
        name = running.service.name
        self.deaths[name] = self.deaths.get(name, 0) + 1
        running.deaths.append(now)
        while now - running.deaths[0] > WINDOW:
            running.deaths.popleft()
        ended = (
            f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        )
        message = f"{name} {ended}\n{self._tail(running.service)}"
        if len(running.deaths) > RESTARTS:
            raise ChildError(
                f"{message}\nIt died {len(running.deaths)} times within {WINDOW:.0f} s: given up."
            )
        pause = _BACK_OFF * 2 ** (len(running.deaths) - 1)
        running.restart_at = now + pause
        self._say(f"{message}\nIt is started again in {pause:.0f} s.")

    def _log(self, service: Service) -> str:
        return os.path.join(self._logs, service.name + ".log")

    def _tail(self, service: Service) -> str:
        """Return the last lines of a child's log, indented, under the log's path."""
        path = self._log(service)
        with open(path, "rb") as log:
            log.seek(max(0, os.path.getsize(path) - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join([f"  last lines of {path}:", *(f"    {line}" for line in lines[-_LAST_LINES:])])
