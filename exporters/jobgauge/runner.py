"""The runner: takes one scrape from all collectors, whatever any of them does.

Collectors run one after another in one worker thread, so a healthy exporter pays a single hand-over a scrape. The
scrape watches from outside. Where a collector keeps the others waiting for longer than PATIENCE, a second worker goes on
with the rest; where it passes its deadline, the scrape answers without it. Such a collector (stuck in the kernel, in a
driver, on a dead mount) is left behind in its thread, reported as failed, and started again only once it has come back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from jobgauge.catalogue import own
from jobgauge.collector import Collector
from jobgauge.errors import JobgaugeError, NoData
from jobgauge.samples import Samples, SteadySeries, Value

log = logging.getLogger(__name__)

PATIENCE = 0.1  # seconds that a collector may keep the others waiting


@dataclass(slots=True, eq=False)
class _State:
    """What the runner remembers of one collector."""

    collector: Collector
    running_since: float | None = None  # set while a thread is inside collect()
    dropped: int = 0
    problem: str = ""  # the last one logged, so that only a change is logged again


@dataclass(slots=True)
class _Result:
    """What one collector gave in one scrape."""

    samples: list[Samples] = field(default_factory=list)
    series: int = 0
    dropped: int = 0
    duration: float = 0.0
    problem: str = ""


class Runner:
    """Runs the collectors of one exporter; scrape() may be called from any number of threads."""

    def __init__(self, collectors: Sequence[Collector], cluster: str = "") -> None:
        self._cluster = cluster
        self._states: dict[str, _State] = {}
        self._workers = _Workers()
        self._collecting = threading.Lock()
        self._sharing = threading.Lock()
        self._shared: dict[frozenset[str], Future[list[Samples]]] = {}
        self.replace(collectors)

    def replace(self, collectors: Sequence[Collector]) -> None:
        """Go on with other collectors (after a reload); counts stay, and a stuck one is not started twice."""
        before = self._states
        states = {
            c.name: before.get(c.name, _State(c)) for c in sorted(collectors, key=lambda c: not c.essential)
        }
        for collector in collectors:
            states[collector.name].collector = collector
        declared = [family for state in states.values() for family in state.collector.families]
        if len(set(declared)) != len(declared):
            raise ValueError("two collectors declare the same family")
        names = [(name,) for name in states]
        self._health = tuple(
            SteadySeries(family, names, self._cluster)
            for family in (
                own.COLLECTOR_DURATION,
                own.COLLECTOR_SUCCESS,
                own.COLLECTOR_SERIES,
                own.DROPPED_SERIES,
                own.UNREADABLE_VALUES,
            )
        )
        self._states = states

    @property
    def collectors(self) -> list[Collector]:
        """The collectors, in the order in which they run."""
        return [state.collector for state in self._states.values()]

    @property
    def failing(self) -> list[str]:
        """Names of the collectors that had a problem when they ran last."""
        return [name for name, state in self._states.items() if state.problem]

    def scrape(self, names: frozenset[str], timeout: float) -> list[Samples]:
        """Return the samples of the named collectors and of those that always run; never later than `timeout`.

        Scrapes of the same collectors at the same time share one collection. Raises TimeoutError only where another
        selection's collection takes all the time.
        """
        with self._sharing:
            shared = self._shared.get(names)
            if leads := shared is None:
                shared = self._shared[names] = Future()
        if not leads:
            return shared.result(timeout)
        try:
            shared.set_result(self._collect(names, time.monotonic() + timeout))
        except BaseException as error:  # noqa: BLE001 - raised again below, here and in those that share
            shared.set_exception(error)
        finally:
            with self._sharing:
                del self._shared[names]
        return shared.result()

    def _collect(self, names: frozenset[str], deadline: float) -> list[Samples]:
        if not self._collecting.acquire(timeout=deadline - time.monotonic()):
            raise TimeoutError("another scrape is still collecting")
        try:
            states, health = self._states, self._health
            chosen = [s for s in states.values() if s.collector.name in names or s.collector.essential]
            results = _Scrape(chosen, self._workers).run(deadline)
            page = [samples for result in results.values() for samples in result.samples]
            rows = [_health(state, results.get(state)) for state in states.values()]
            columns = zip(*rows, strict=True)
            page += [series.samples(column) for series, column in zip(health, columns, strict=True)]
        finally:
            self._collecting.release()
        return page


def _health(state: _State, result: _Result | None) -> tuple[Value | None, ...]:
    """Return what the series of health say of a collector; nothing where it was not asked for."""
    if result is None:
        return (None,) * 5
    return (
        b"%.6f" % result.duration,
        0 if result.problem else 1,
        result.series,
        state.dropped + state.collector.dropped,
        state.collector.unreadable,
    )


class _Scrape:
    """One collection under way: which collectors still have to run, and what the others gave."""

    def __init__(self, states: Sequence[_State], workers: _Workers) -> None:
        self._states = states
        self._workers = workers
        self._todo = deque(state for state in states if state.running_since is None)
        self._results: dict[_State, _Result] = {}
        self._guard = threading.Lock()
        self._news: SimpleQueue[None] = SimpleQueue()  # wakes run(), at a fifth of what a Condition costs
        self._last_start = time.monotonic()

    def run(self, deadline: float) -> dict[_State, _Result]:
        """Start a worker, watch it, and return the results by collector once all are in or out of time."""
        if self._todo:
            self._workers.start(self._work)
        while (wait := self._time_to_wait(deadline)) > 0:
            try:
                self._news.get(timeout=wait)
            except Empty:
                self._help()
        with self._guard:
            self._todo.clear()
            now = time.monotonic()
            results = {state: self._results.get(state) or _left_behind(state, now) for state in self._states}
        for state, result in results.items():
            _note(state, result)
        return results

    def _help(self) -> None:
        """Start another worker where the one at work has been in the same collector for too long."""
        with self._guard:
            now = time.monotonic()
            if not self._todo or now - self._last_start < PATIENCE:
                return
            self._last_start = now
        self._workers.start(self._work)

    def _time_to_wait(self, deadline: float) -> float:
        """Seconds until somebody has to look again; 0 once nobody is left to wait for."""
        if self._todo:
            return min(PATIENCE, deadline - time.monotonic())
        with self._guard:
            ends = [
                min(deadline, state.running_since + state.collector.deadline)
                for state in self._states
                if state not in self._results and state.running_since is not None
            ]
        return max(ends) - time.monotonic() if ends else 0.0

    def _work(self) -> None:
        """Run collectors until none is left: the body of a worker."""
        while True:
            with self._guard:
                if not self._todo:
                    return
                state = self._todo.popleft()
                state.running_since = self._last_start = time.monotonic()
            result = _run(state.collector)
            with self._guard:
                result.duration = time.monotonic() - state.running_since
                state.running_since = None
                state.dropped += result.dropped
                self._results[state] = result
                if not self._todo:
                    self._news.put(None)


def _run(collector: Collector) -> _Result:
    result = _Result()
    families = set(collector.families)
    try:
        for samples in collector.collect():
            try:
                families.remove(samples.family)
            except KeyError:
                result.dropped += samples.count
                result.problem = f"{samples.family.name} is given twice, or is not declared by this collector"
                continue
            if samples.dropped or result.series + samples.count > collector.max_series:
                _add_a_part(result, samples, collector.max_series)
            else:
                result.series += samples.count
                result.samples.append(samples)
    except NoData as reason:
        log.debug("collector %s has nothing to read here: %s", collector.name, reason)
    except JobgaugeError as error:
        result.problem = str(error)
    except BaseException as error:  # nothing that a collector does may end its worker
        result.problem = f"{type(error).__name__}: {error}"
        log.debug("collector %s failed", collector.name, exc_info=True)
    return result


def _add_a_part(result: _Result, samples: Samples, cap: int) -> None:
    """Take one family's samples as far as the collector's cap allows."""
    kept = samples.head(min(samples.count, cap - result.series))
    if samples.dropped:
        result.problem = f"{samples.family.name} has series that are given twice"
    else:
        result.problem = f"more than {cap} series: the rest is dropped"
    result.dropped += samples.count - kept.count + samples.dropped
    result.series += kept.count
    result.samples.append(kept)


def _left_behind(state: _State, now: float) -> _Result:
    since = state.running_since
    if since is None:
        return _Result(problem="not run: others took all the time of the scrape")
    return _Result(
        duration=now - since, problem="still running past its deadline: left behind until it comes back"
    )


def _note(state: _State, result: _Result) -> None:
    """Log a collector's problem, or its end, where it is not what was logged last."""
    if result.problem == state.problem:
        return
    if result.problem:
        log.warning("collector %s: %s", state.collector.name, result.problem)
    else:
        log.info("collector %s works again", state.collector.name)
    state.problem = result.problem


class _Workers:
    """Daemon threads that run tasks. One idle thread is kept; a stuck one is simply replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle = False
        self._tasks: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def start(self, task: Callable[[], None]) -> None:
        with self._lock:
            if self._idle:
                self._idle = False
                self._tasks.put(task)
                return
        threading.Thread(target=self._run, args=(task,), name="collect", daemon=True).start()

    def _run(self, task: Callable[[], None]) -> None:
        while True:
            task()
            del task  # a thread that waits would keep the page
            with self._lock:
                if self._idle:
                    return
                self._idle = True
            task = self._tasks.get()
