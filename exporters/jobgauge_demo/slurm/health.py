"""How the simulated scheduler itself does: figures that swing, and counters since midnight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from jobgauge_demo.chance import between
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.people import STAFF
from jobgauge_demo.slurm.view import View

_DAY = 86400
_CALLER_MICROSECONDS = 900
# Remote procedure calls: name, number, how many a minute, microseconds each
_CALLS = (
    ("REQUEST_SUBMIT_BATCH_JOB", 4003, 5.6, 1100),
    ("REQUEST_COMPLETE_BATCH_SCRIPT", 5018, 5.6, 2800),
    ("MESSAGE_EPILOG_COMPLETE", 6012, 6.0, 800),
    ("REQUEST_JOB_INFO", 2003, 4.0, 2300),
    ("REQUEST_PARTITION_INFO", 2009, 4.0, 90),
    ("REQUEST_NODE_INFO", 2007, 2.5, 160),
    ("MESSAGE_NODE_REGISTRATION_STATUS", 1002, 0.6, 240),
    ("REQUEST_STATS_INFO", 2035, 1.0, 130),
    ("REQUEST_ASSOC_MGR_INFO", 2043, 0.5, 210),
    ("REQUEST_SHARE_INFO", 2022, 0.5, 130),
    ("REQUEST_CANCEL_JOB_STEP", 5005, 0.1, 600),
)


@dataclass(frozen=True)
class Cycles:
    """What one of the scheduler's loops does; times in microseconds."""

    every: int  # seconds
    last: int
    longest: int
    mean: int
    total: int
    depth: int
    when: int


@dataclass(frozen=True)
class Calls:
    """Remote procedure calls of one kind, or of one user."""

    name: str
    number: int  # of the kind, or the user's
    count: int
    each: int  # microseconds

    @property
    def total(self) -> int:
        """Return the microseconds that all of them took."""
        return self.count * self.each


@dataclass(frozen=True)
class Health:
    """All of it."""

    since: int
    threads: int
    agents: int
    database: int
    events: Mapping[str, int]  # of jobs, by what happened to them
    main: Cycles
    backfill: Cycles
    calls: tuple[Calls, ...]
    callers: tuple[Calls, ...]


def health(view: View) -> Health:
    """Return how the scheduler does; its counters begin at midnight, as the real one's do."""
    since = int(view.now) // _DAY * _DAY
    minutes = (view.now - since) / 60

    def turn(name: str, low: int, high: int, seconds: int = 30) -> int:
        """Return a figure that changes every so many seconds."""
        return between(low, high, view.cluster.seed, name, int(view.now) // seconds)

    def cycles(every: int, last: int, mean: int, depth: int) -> Cycles:
        when = int(view.now) // every * every
        return Cycles(every, last, 9 * mean, mean, (when - since) // every + 1, depth, when)

    return Health(
        since=since,
        threads=turn("threads", 1, 6),
        agents=turn("agents", 0, 3),
        database=turn("database", 0, 8),
        events=_events(view, since),
        main=cycles(20, turn("main", 300, 2500), turn("main mean", 800, 1100, _DAY), 14),
        backfill=cycles(
            30, turn("backfill", 4000, 60_000), turn("backfill mean", 20_000, 26_000, _DAY), len(view.pending)
        ),
        calls=tuple(
            Calls(name, number, int(rate * minutes) + 1, each) for name, number, rate, each in _CALLS
        ),
        callers=tuple(
            Calls(name, uid, int(rate * minutes) + 1, _CALLER_MICROSECONDS)
            for name, uid, rate in _callers(view)
        ),
    )


def _callers(view: View) -> list[tuple[str, int, float]]:
    """Return who calls, and how often a minute: users as often as they submit."""
    rates = dict.fromkeys(STAFF, 0.2)
    for lane in view.cluster.lanes:
        rates[lane.user.name] = rates.get(lane.user.name, 0.0) + 60 / lane.period
    return [("root", 0, 12.0), *((user.name, user.uid, rates[user.name]) for user in view.cluster.users)]


def _events(view: View, since: int) -> dict[str, int]:
    now, before = _counts(view.cluster, view.now), _counts_at_midnight(view.cluster, since)
    return {event: count - before[event] for event, count in now.items()}


@lru_cache(8)
def _counts_at_midnight(cluster: Cluster, midnight: int) -> dict[str, int]:
    return _counts(cluster, midnight)


def _counts(cluster: Cluster, t: float) -> dict[str, int]:
    """Count what happened to jobs by t, from some beginning that is the same for all times."""
    found = dict.fromkeys(("submitted", "started", "completed", "canceled", "failed"), 0)
    for lane in cluster.lanes:
        number = lane.current(t)
        job = cluster.job(lane, number)
        started, ended = (job.start <= t, job.end <= t) if job else (False, False)
        found["submitted"] += lane.newest(t)
        if not lane.template.starts:
            found["canceled"] += number + ended
            continue
        found["started"] += number + started
        found["completed" if lane.template.habit.end_state == "COMPLETED" else "failed"] += number + ended
    return found
