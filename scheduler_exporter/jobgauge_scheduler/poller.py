"""The poller: reads one scheduler in the background, so that no scrape ever does.

One thread reads the sources of one scheduler one after another, each at its interval: the scheduler never has two
questions of ours at once, and a read that hangs is not started again beside itself. A slow answer stretches the
interval (a tenth of the time at most is spent asking), and so does a scheduler that says it is overloaded. Failures
double it up to five minutes; the first success after failures has the others tried again. A little chance keeps
exporters of many clusters from asking in step.
"""

from __future__ import annotations

import gc
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobgauge.errors import JobgaugeError, NoData
from jobgauge_scheduler.model import Reading, Snapshot, Source

log = logging.getLogger(__name__)

Read = Callable[[], Reading[object]]

_SHARE = 10  # a source rests at least this many times as long as its last read took
_MERCY = 4  # how much longer it rests while the scheduler is overloaded
_LONGEST_REST = 300.0
_JITTER = 0.05


@dataclass(frozen=True)
class Health:
    """How one source does."""

    up: bool
    duration: float  # of the last read, failed or not
    read_at: float | None = None  # monotonic time of the last good read
    problem: str = ""
    failures: int = 0  # since the last good read
    unreadable: int = 0  # records left out so far


class Poller:
    """Reads the sources of one scheduler and tells listeners of each new snapshot, in its own thread."""

    def __init__(
        self,
        reads: Mapping[Source, Read],
        intervals: Mapping[Source, float],
        max_age: float = _LONGEST_REST,
        *,
        cluster: str = "",
        done: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Take what to read and how often (seconds); figures older than `max_age` and three intervals are stale.

        `done` is called in the thread that reads, once it has been closed.
        """
        self.cluster = cluster
        self.snapshot = Snapshot()
        self.listeners: list[Callable[[Poller, Source], None]] = []
        self._reads = reads
        self._intervals = intervals
        self._max_age = max_age
        self._clock = clock
        self._wall_clock = wall_clock
        self._due = dict.fromkeys(reads, clock())
        self._health: dict[Source, Health] = {}
        self._absent: set[Source] = set()  # what this scheduler does not have, as its last answer said
        self._done = done
        self._before: list[threading.Thread] = []
        self._stop = threading.Event()
        self._complete = threading.Event()  # once every source was tried
        self._thread = threading.Thread(target=self._run, name=f"poll {cluster}", daemon=True)

    @property
    def sources(self) -> frozenset[Source]:
        """What is read, and is not known to be missing from this scheduler."""
        return frozenset(self._reads) - self._absent

    @property
    def health(self) -> dict[Source, Health]:
        """How each source that was tried does."""
        return dict(self._health)

    def start(self, after: Iterable[Poller] = ()) -> None:
        """Start to read, once those before it, which were closed, have ended what they were reading."""
        if self._reads:
            self._before = [poller._thread for poller in after if poller._thread.is_alive()]  # noqa: SLF001 - its own kind
            self._thread.start()
        else:
            self._complete.set()

    def wait(self, patience: float) -> None:
        """Return once every source was tried, or `patience` seconds have passed."""
        self._complete.wait(max(0.0, patience))

    def close(self) -> None:
        """Stop reading; a read under way is left to end by itself."""
        self._stop.set()

    def age(self, source: Source) -> float | None:
        """Return how old the figures of a source are; None where there are none."""
        health = self._health.get(source)
        return None if health is None or health.read_at is None else self._clock() - health.read_at

    def stale(self, source: Source) -> bool:
        """Whether the figures of a source are missing, or too old to be shown."""
        age = self.age(source)
        return age is None or age > max(self._max_age, 3 * self._intervals[source])

    def step(self) -> float:
        """Read the source that has been due longest, if one is; return the seconds until the next one is."""
        source = min(self._due, key=self._due.__getitem__)
        if self._due[source] <= self._clock():
            self._read(source)
        return max(0.0, min(self._due.values()) - self._clock())

    def _run(self) -> None:
        for thread in self._before:
            thread.join()
        self._before = []
        while not self._stop.is_set() and not self._stop.wait(self.step()):
            pass
        self._done()

    def _read(self, source: Source) -> None:
        started = self._clock()
        before = self._health.get(source, Health(up=False, duration=0.0))
        if source is Source.JOBS:  # what was drawn of them stays; a client that holds as many starts now
            self.snapshot = replace(self.snapshot, jobs=None)
            gc.collect()  # each tuple that Python keeps for reuse would hold on to a MiB in which jobs were
        try:
            reading = self._reads[source]()
        except NoData:
            self._leave_out(source)
            return
        except Exception as error:  # noqa: BLE001 - a defect in a reader must not end the reading of the others
            duration = self._clock() - started
            problem = str(error) if isinstance(error, JobgaugeError) else f"{type(error).__name__}: {error}"
            self._note(source, before.problem, problem)
            health = replace(
                before, up=False, duration=duration, problem=problem, failures=before.failures + 1
            )
        else:
            duration = self._clock() - started
            self._note(source, before.problem, "")
            health = Health(
                up=True,
                duration=duration,
                read_at=started,
                unreadable=before.unreadable + reading.unreadable,
            )
            news: dict[str, Any] = {source: reading.value, "time": self._wall_clock()}
            self.snapshot = replace(self.snapshot, **news)
            for listener in self.listeners:
                listener(self, source)
            self._absent.discard(source)
            if before.failures:
                self._try_again()
        if source not in self._absent:
            self._health[source] = health
        self._due[source] = started + self._rest(source, health)
        self._check_complete()

    def _leave_out(self, source: Source) -> None:
        """Tell nothing of a source that the scheduler does not have; ask again, for it may be another version then."""
        self._absent.add(source)
        self._health.pop(source, None)
        self._due[source] = self._clock() + self._intervals[source]
        self._check_complete()

    def _check_complete(self) -> None:
        if len(self._health) + len(self._absent) == len(self._reads):
            self._complete.set()

    def _try_again(self) -> None:
        """Read at once what failed, too, now that the scheduler answers again; their rests begin anew."""
        for source, health in self._health.items():
            if not health.up:
                self._health[source] = replace(health, failures=0)
                self._due[source] = self._clock()

    def _rest(self, source: Source, health: Health) -> float:
        interval = self._intervals[source]
        if health.up:
            rest = max(interval, _SHARE * health.duration)
            if self.snapshot.diagnostics is not None and self.snapshot.diagnostics.overloaded:
                rest *= _MERCY
        else:
            rest = max(interval, min(_LONGEST_REST, interval * 2**health.failures))
        return rest * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - not for secrets

    def _note(self, source: Source, before: str, now: str) -> None:
        """Log a source's problem, or its end, where it is not what was logged last."""
        where = f"{source} of {self.cluster}" if self.cluster else source
        if now and now != before:
            log.warning("%s cannot be read: %s", where, now)
        elif before and not now:
            log.info("%s can be read again", where)
