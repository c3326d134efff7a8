"""The poller: how often it asks, what it does about failures, and what it keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from jobgauge.errors import NoData, SourceError
from jobgauge_scheduler.collectors.queue import QueueCollector
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Diagnostics, Job, Reading, Snapshot, Source
from jobgauge_scheduler.poller import Poller

JOB = Job("1", "alice", "physics", "batch", "normal", "running", 1, 1)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_until_next(self, poller: Poller) -> None:
        """Let the poller do what is due, and then the time pass until the next read is."""
        rest = poller.step()
        self.now += rest


class Queue:
    """A source that takes a time and gives or fails as told."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.takes = 0.1
        self.error: Exception | None = None
        self.asked: list[float] = []

    def __call__(self) -> Reading[tuple[Job, ...]]:
        self.asked.append(self.clock.now)
        self.clock.now += self.takes
        if self.error:
            raise self.error
        return Reading((JOB,) * len(self.asked), unreadable=2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Queue:
    return Queue(clock)


@pytest.fixture
def poller(clock: Clock, queue: Queue) -> Poller:
    return Poller({Source.JOBS: queue}, {Source.JOBS: 60.0}, 300.0, clock=clock)


def rests(poller: Poller, clock: Clock, queue: Queue, rounds: int) -> list[float]:
    """Let the time pass from one due read to the next; return the seconds between their starts."""
    for _ in range(rounds + 1):
        clock.pass_until_next(poller)
    return [later - earlier for earlier, later in zip(queue.asked, queue.asked[1:], strict=False)]


def test_it_asks_once_an_interval(poller: Poller, clock: Clock, queue: Queue) -> None:
    between = rests(poller, clock, queue, 20)
    assert all(57.0 <= seconds <= 63.01 for seconds in between)
    assert len(set(between)) > 10, "with a little chance, so that many exporters do not ask in step"


def test_a_source_that_hangs_is_not_asked_twice_before_the_others_are_once(clock: Clock) -> None:
    hanging = [Queue(clock) for _ in range(3)]
    for each in hanging:
        each.takes, each.error = 20.0, SourceError("it did not answer in time")
    sources = (Source.JOBS, Source.NODES, Source.DIAGNOSTICS)
    poller = Poller(dict(zip(sources, hanging, strict=True)), dict.fromkeys(sources, 1.0), clock=clock)
    for turn in (1, 2, 3):
        for _ in sources:
            clock.pass_until_next(poller)
        assert [len(each.asked) for each in hanging] == [turn] * 3


def test_it_asks_at_most_a_tenth_of_the_time(poller: Poller, clock: Clock, queue: Queue) -> None:
    queue.takes = 20.0
    assert all(190.0 <= seconds <= 210.01 for seconds in rests(poller, clock, queue, 5))


def test_failures_double_the_rest_up_to_five_minutes(poller: Poller, clock: Clock, queue: Queue) -> None:
    queue.error = SourceError("no answer")
    assert [round(seconds / 60) for seconds in rests(poller, clock, queue, 5)] == [2, 4, 5, 5, 5]
    queue.error = None
    clock.pass_until_next(poller)
    assert rests(poller, clock, queue, 2)[-1] <= 63.01


def test_a_failure_keeps_the_last_figures_until_they_are_stale(
    poller: Poller, clock: Clock, queue: Queue
) -> None:
    assert poller.stale(Source.JOBS)
    assert poller.age(Source.JOBS) is None
    collector = QueueCollector([poller], SchedulerConfig())
    clock.pass_until_next(poller)
    assert poller.snapshot.jobs == (JOB,)
    good = list(collector.collect())
    assert [sample.count for sample in good[:1]] == [1]
    queue.error = SourceError("no answer")
    clock.pass_until_next(poller)
    health = poller.health[Source.JOBS]
    assert (health.up, health.problem, health.unreadable) == (False, "no answer", 2)
    assert list(collector.collect()) == good
    clock.now = queue.asked[0] + 301
    assert poller.age(Source.JOBS) == 301
    with pytest.raises(SourceError, match="no fresh jobs: no answer"):
        list(collector.collect())


def test_a_queue_is_let_go_before_the_next_is_read(clock: Clock) -> None:
    held: list[object] = []

    def read() -> Reading[tuple[Job, ...]]:
        held.append(poller.snapshot.jobs)
        return Reading((JOB,))

    poller = Poller({Source.JOBS: read}, {Source.JOBS: 60.0}, clock=clock)
    for _ in range(2):
        clock.pass_until_next(poller)
    assert (held, poller.snapshot.jobs) == ([None, None], (JOB,))


def test_records_left_out_add_up(poller: Poller, clock: Clock, queue: Queue) -> None:
    rests(poller, clock, queue, 2)
    assert poller.health[Source.JOBS].unreadable == 6


@pytest.mark.parametrize("error", [SourceError("squeue ended with status 1"), KeyError("defect")])
def test_any_error_is_a_failed_read(poller: Poller, queue: Queue, error: Exception) -> None:
    queue.error = error
    poller.step()
    health = poller.health[Source.JOBS]
    assert not health.up
    assert str(error) in health.problem


def test_a_hung_read_is_not_started_twice_and_a_start_does_not_wait_for_it_forever() -> None:
    release, calls = threading.Event(), []

    def hang() -> Reading[object]:
        calls.append(threading.get_ident())
        release.wait(30)
        return Reading(())

    poller = Poller({Source.JOBS: hang}, {Source.JOBS: 0.001})
    poller.start()
    poller.wait(0.05)
    assert poller.health == {}
    assert len(calls) == 1
    poller.close()
    release.set()


def test_listeners_hear_of_each_new_snapshot_before_it_counts_as_read(
    poller: Poller, clock: Clock, queue: Queue
) -> None:
    heard: list[tuple[Source, int, bool]] = []
    listener: Callable[[Poller, Source], None] = lambda p, source: heard.append(  # noqa: E731
        (source, len(p.snapshot.jobs or ()), p.stale(source))
    )
    poller.listeners.append(listener)
    rests(poller, clock, queue, 1)
    assert heard == [(Source.JOBS, 1, True), (Source.JOBS, 2, False)]


def test_the_first_success_after_failures_has_the_others_tried_again(clock: Clock, queue: Queue) -> None:
    other = Queue(clock)
    reads = {Source.JOBS: queue, Source.NODES: other}
    poller = Poller(reads, {Source.JOBS: 60.0, Source.NODES: 60_000.0}, 300.0, clock=clock)
    queue.error = other.error = SourceError("no answer")
    rests(poller, clock, queue, 6)
    asked = len(other.asked)
    queue.error = other.error = None
    while not poller.health[Source.JOBS].up:
        clock.pass_until_next(poller)
    assert len(other.asked) == asked
    clock.pass_until_next(poller)
    assert len(other.asked) == asked + 1
    assert poller.health[Source.NODES].up


def test_rests_begin_anew_once_the_scheduler_answers_again(clock: Clock, queue: Queue) -> None:
    other = Queue(clock)
    poller = Poller(
        {Source.JOBS: queue, Source.NODES: other}, dict.fromkeys(Source, 60.0), 300.0, clock=clock
    )
    queue.error = other.error = SourceError("no answer")
    rests(poller, clock, queue, 6)
    queue.error = None
    while not poller.health[Source.JOBS].up:
        clock.pass_until_next(poller)
    asked = len(other.asked)
    for _ in range(10):
        clock.pass_until_next(poller)
    first, second = other.asked[asked : asked + 2]
    assert second - first == pytest.approx(120, rel=0.06)
    assert poller.health[Source.NODES].problem == "no answer"


def test_what_stands_first_is_read_first(clock: Clock) -> None:
    first, second = Queue(clock), Queue(clock)
    poller = Poller({Source.NODES: first, Source.JOBS: second}, dict.fromkeys(Source, 60.0), clock=clock)
    first.takes = second.takes = 10.0
    poller.step()
    assert (len(first.asked), len(second.asked)) == (1, 0)


def test_an_overloaded_scheduler_is_asked_less(poller: Poller, clock: Clock, queue: Queue) -> None:
    poller.snapshot = Snapshot(diagnostics=Diagnostics(threads=199))
    assert all(seconds <= 63.01 for seconds in rests(poller, clock, queue, 3))
    poller.snapshot = Snapshot(diagnostics=Diagnostics(threads=200))
    assert all(228.0 <= seconds <= 252.01 for seconds in rests(poller, clock, queue, 3)[4:])


def test_what_the_scheduler_does_not_have_is_not_told_of(clock: Clock, queue: Queue) -> None:
    shares = Queue(clock)
    shares.error = NoData("this version has no shares")
    poller = Poller(
        {Source.JOBS: queue, Source.SHARES: shares}, {Source.JOBS: 60.0, Source.SHARES: 60.0}, clock=clock
    )
    for _ in range(2):
        clock.pass_until_next(poller)
    poller.wait(60.0)  # returns at once, for all were tried
    assert poller.sources == set(poller.health) == {Source.JOBS}
    queue.error = shares.error = SourceError("down")
    for _ in range(2):
        clock.pass_until_next(poller)
    assert (len(shares.asked), poller.sources, set(poller.health)) == (2, {Source.JOBS}, {Source.JOBS})
    queue.error = shares.error = None  # a newer version was started
    for _ in range(4):
        clock.pass_until_next(poller)
    assert poller.sources == set(poller.health) == {Source.JOBS, Source.SHARES}
    assert poller.snapshot.shares is not None
