"""The gateway's life in several processes: one that binds and watches, and workers that share its sockets.

A worker that dies loses the requests that it was answering, and nothing else: connections that nobody has taken yet wait
in the shared socket for the next worker. The configuration in force is handed to workers, so that one that starts again
does not read a file that is being changed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from jobgauge import log as logs
from jobgauge import notify, signals
from jobgauge.config import Loader
from jobgauge.errors import JobgaugeError, SourceError
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.figures import Figures, Now
from jobgauge_gateway.serving import GRACE, PROGRAM, Service, bind, check, loaded, ready, telemetry

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 2.0  # for figures: a scrape does not wait for a worker that hangs
_RELOAD_SECONDS = 90.0  # longer than sources of people may take
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0  # seconds before a worker that died starts again, doubled each time
_STEADY = 60.0  # seconds after which a worker's death is the first again
_FIGURES, _END = "figures", "end"  # what a worker is asked, beside a configuration

_start = multiprocessing.get_context(
    "spawn"
)  # a fork would copy this process' threads in the middle of their work


def share(config: GatewayConfig) -> GatewayConfig:
    """Return what one worker gets of the limits, so that together they keep what the site has set."""

    def part(limit: int) -> int:
        return -(-limit // config.workers)

    return replace(
        config,
        limit_concurrent=part(config.limit_concurrent),
        limit_per_user=part(config.limit_per_user),
        limit_waiting=part(config.limit_waiting),
        limit_connections=part(config.limit_connections),
    )


# In a worker


def work(config: GatewayConfig, sockets: Sequence[socket.socket], boss: Connection) -> None:
    """Be a worker, until told to end or left alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C goes to all; the first process tells when to end
    logs.set_up(config.log_level, config.log_format)
    try:
        asyncio.run(_work(config, sockets, boss))
    except JobgaugeError as error:
        sys.exit(f"{PROGRAM}: {error}")


async def _work(config: GatewayConfig, sockets: Sequence[socket.socket], boss: Connection) -> None:
    loop = asyncio.get_running_loop()
    service = Service(config)
    await service.start(sockets)
    told: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()

    def listen_to_boss() -> None:
        try:
            told.put_nowait(boss.recv())
        except (EOFError, OSError):  # it has died: without it nobody would start or end workers
            loop.remove_reader(boss.fileno())
            told.put_nowait((0, _END))

    loop.add_reader(boss.fileno(), listen_to_boss)
    loop.add_signal_handler(signal.SIGTERM, told.put_nowait, (0, _END))
    _say(boss, 0, {})
    while (message := await told.get())[1] != _END:
        number, wanted = message
        if wanted == _FIGURES:
            _say(boss, number, {"figures": service.figures().plain(), "now": service.now().plain()})
            continue
        try:
            await service.reload(wanted)
        except JobgaugeError as error:
            _say(boss, number, {"problem": str(error)})
        else:
            _say(boss, number, {})
    service.refuse()
    _say(boss, message[0], {})
    await service.stop()


def _say(boss: Connection, number: int, answer: dict[str, Any]) -> None:
    """Answer as JSON: the first process unpickles nothing that comes from those who talk with strangers."""
    try:
        boss.send_bytes(json.dumps([number, answer]).encode())
    except OSError:
        log.debug("nobody listens to this worker any more")


# In the first process


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep a new process from running the command's file, which would start a gateway of its own where it has no guard."""
    main = vars(sys.modules["__main__"])
    before: dict[str, object] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main |= dict.fromkeys(before)
    try:
        yield
    finally:
        main |= before


@dataclass
class _Worker:
    """One place for a worker, and the process that fills it now."""

    number: int
    process: Any = None  # a multiprocessing process of _start
    pipe: Connection | None = None
    deaths: int = 0  # in a row
    due: float = 0.0  # when to start it again
    since: float = 0.0
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, config: GatewayConfig, sockets: Sequence[socket.socket]) -> None:
        """Start a process; it tells when it serves. Raise OSError where the system has none left."""
        ours, theirs = _start.Pipe()
        process = _start.Process(target=work, args=(config, sockets, theirs), daemon=True)
        with _without_main(), theirs:
            process.start()
        self.process, self.pipe, self.since = process, ours, time.monotonic()
        log.info("worker %d is process %d", self.number, process.pid)

    def wait_for_start(self) -> None:
        """Wait until the worker serves; raise SourceError where it does not."""
        try:
            self._answer(0, _RELOAD_SECONDS)
        except (OSError, EOFError) as error:
            raise SourceError(f"worker {self.number} cannot start; the log says why") from error

    def ask(self, wanted: str | GatewayConfig, seconds: float) -> dict[str, Any]:
        """Tell the worker something and return its answer; raise SourceError where it gives none."""
        with self.lock:
            self.asked += 1
            try:
                if self.pipe:
                    self.pipe.send((self.asked, wanted))
                return self._answer(self.asked, seconds)
            except (OSError, EOFError) as error:
                raise SourceError(f"worker {self.number} has gone") from error

    def _answer(self, number: int, seconds: float) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while self.pipe is not None and self.pipe.poll(max(0.0, end - time.monotonic())):
            answered, answer = json.loads(self.pipe.recv_bytes())
            if answered == number:  # others came too late
                return dict(answer)
        raise SourceError(f"worker {self.number} does not answer")

    def bury(self) -> None:
        """Take note of the process' end, and when to start another."""
        self.process.join()
        log.error(
            "worker %d (process %d) ended with %s", self.number, self.process.pid, self.process.exitcode
        )
        with self.lock:
            if self.pipe:
                self.pipe.close()
            self.pipe = None
        self.process.close()
        self.process = None
        if time.monotonic() - self.since > _STEADY:
            self.deaths = 0
        self.put_off()

    def put_off(self) -> None:
        """Say when to start again: later each time."""
        self.deaths += 1
        self.due = time.monotonic() + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self.deaths - 1))


class _Totals:
    """The sums over all workers; what one counted stays counted when it ends."""

    def __init__(self, workers: Sequence[_Worker]) -> None:
        self._workers = workers
        self._of_ended = Figures()
        self._seen: dict[int, Figures] = {}
        self._now: dict[int, Now] = {}
        self._lock = threading.Lock()

    def figures(self) -> Figures:
        """Ask all workers; those that do not answer count as they were."""
        with self._lock:
            for worker in self._workers:
                try:
                    answer = worker.ask(_FIGURES, _ANSWER_SECONDS)
                except SourceError:
                    continue
                self._seen[worker.number] = Figures.of(answer["figures"])
                self._now[worker.number] = Now.of(answer["now"])
            return sum(self._seen.values(), self._of_ended)

    def now(self) -> Now:
        """Return how things stood when the figures were asked."""
        with self._lock:
            return Now.together(self._now.values())

    def forget(self, number: int) -> None:
        """A worker has ended: keep what it counted."""
        with self._lock:
            self._of_ended += self._seen.pop(number, Figures())
            self._now.pop(number, None)


class Supervisor:
    """Binds, starts the workers, and keeps them."""

    def __init__(self, loader: Loader[GatewayConfig], config: GatewayConfig) -> None:
        self._loader = loader
        self._config = config
        self._workers = [_Worker(number) for number in range(1, config.workers + 1)]
        self._totals = _Totals(self._workers)
        self._sockets: list[socket.socket] = []

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raise JobgaugeError where it cannot begin."""
        check(self._config)
        listeners = bind(self._config)
        self._sockets = [listener.socket for listener in listeners]
        pages = telemetry(self._config, self._totals.figures, self._totals.now)
        expected = signals.expect(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        try:
            for worker in self._workers:
                worker.start(share(self._config), self._sockets)
            for worker in self._workers:
                worker.wait_for_start()
            ready(self._config, listeners)
            caught = self._watch(expected)
            log.info("%s ends on %s", PROGRAM, caught.name)
            notify.tell("STOPPING=1")
            self._tell_all(_END, _ANSWER_SECONDS)
        finally:
            for listener in listeners:
                listener.close()
            self._end()
            pages.stop()

    def _watch(self, expected: int) -> signal.Signals:
        """Start workers again where they end, until a signal says to end."""
        while True:
            processes = {worker.process.sentinel: worker for worker in self._workers if worker.process}
            for found in wait([expected, *processes], self._until_next()):
                if found == expected:
                    caught = signals.caught(expected)
                    if caught is not signal.SIGHUP:
                        return caught
                    self._reload()
                else:
                    worker = processes[found]
                    worker.bury()
                    self._totals.forget(worker.number)
            self._start_again()

    def _until_next(self) -> float | None:
        due = [worker.due for worker in self._workers if not worker.process]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _start_again(self) -> None:
        for worker in self._workers:
            if not worker.process and time.monotonic() >= worker.due:
                try:
                    worker.start(share(self._config), self._sockets)
                except OSError as error:
                    log.error("worker %d cannot be started: %s", worker.number, error.strerror)  # noqa: TRY400 - for the operator
                    worker.put_off()

    def _reload(self) -> None:
        notify.tell("RELOADING=1")
        try:
            config = replace(loaded(self._loader, self._config), workers=self._config.workers)
            check(config)
        except JobgaugeError as error:
            log.error("the new configuration is not used: %s", error)  # noqa: TRY400 - for the operator
        else:
            self._config = config
            self._tell_all(share(config), _RELOAD_SECONDS)
            log.info("configuration reloaded")
        notify.tell("READY=1")

    def _tell_all(self, message: str | GatewayConfig, seconds: float) -> None:
        for worker in self._workers:
            try:
                problem = worker.ask(message, seconds).get("problem")
            except SourceError as error:
                problem = str(error)
            if problem:
                log.error("worker %d: %s", worker.number, problem)

    def _end(self) -> None:
        end = time.monotonic() + GRACE + 5.0
        for worker in self._workers:
            if worker.process:
                worker.process.join(max(0.0, end - time.monotonic()))
                worker.process.kill()
                worker.process.join()
