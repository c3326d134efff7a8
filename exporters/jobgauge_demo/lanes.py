"""Lanes: each is an endless row of jobs of one kind, one after the other, on CPUs that are its own.

Time since EPOCH is cut into slots, one a job. Which job runs at a time, and everything about it, follows from the lane,
the seed and the slot's number by arithmetic alone, so that any moment can be asked for without those before it.
Runs differ in length, but in a way that what the first n runs lasted together is known without adding them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jobgauge_demo.chance import between, chance
from jobgauge_demo.jobs import Job, Place
from jobgauge_demo.people import User
from jobgauge_demo.story import Template

EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z; nothing ran before
FIRST_ID, LAST_ID = 1_000_000, 9_999_999  # then ids begin again, as the scheduler's own do
_GAP, _REQUEUE_GAP = 5, 120  # seconds, at least, between two jobs of a lane
_FAILS = 0.04


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of jobs. The lanes of an array, `at_once` of them, follow one another and share its slots out."""

    seed: int
    index: int
    template: Template
    user: User
    places: tuple[Place, ...]
    phase: int  # seconds after EPOCH at which its first slot begins
    part: int = 0  # which of its array's lanes it is
    delay: int = field(init=False)  # seconds by which starts differ
    period: int = field(init=False)  # seconds from one slot to the next: room for the longest run
    rounds: int = field(
        init=False
    )  # how many tasks of one array pass through this lane; 1 for what is no array

    def __post_init__(self) -> None:
        """Work out once what every question needs."""
        kind = self.template
        delay = min(kind.run // 50, 120)
        gap = _REQUEUE_GAP if kind.runs > 1 else _GAP
        object.__setattr__(self, "delay", delay)
        object.__setattr__(
            self, "period", kind.run + kind.vary + kind.suspended + kind.habit.tail + delay + gap
        )
        object.__setattr__(self, "rounds", kind.tasks // kind.at_once or 1)

    def slot(self, number: int) -> int:
        """Return when a slot begins."""
        return EPOCH + self.phase + number * self.period

    def _offset(self, number: int) -> int:
        return between(0, self.template.vary, self.seed, self.index, number)

    def active(self, number: int) -> int:
        """Return how many seconds a job works."""
        return self.template.run + self._offset(number + 1) - self._offset(number)

    def active_before(self, number: int) -> int:
        """Return how many seconds all jobs before it worked together."""
        return number * self.template.run + self._offset(number) - self._offset(0)

    def start(self, number: int) -> int:
        """Return when a job starts (or is cancelled, where it never does)."""
        late = between(0, self.delay, self.seed, self.index, number, "delay")
        wait = self.template.wait if self.template.starts else self.active(number)
        return self.slot(number) + wait + late

    def end(self, number: int) -> int:
        """Return when a job ends."""
        kind = self.template
        if not kind.starts:
            return self.start(number)
        return self.start(number) + self.active(number) + kind.suspended + kind.habit.tail

    def current(self, t: float) -> int:
        """Return the number of the only job that can be running at t; all before it have ended."""
        wait = self.template.wait if self.template.starts else 0
        return int((t - EPOCH - self.phase - wait) // self.period)

    def newest(self, t: float) -> int:
        """Return the number of the last job that can have been submitted by t."""
        number = int((t - EPOCH - self.phase) // self.period)
        if self.template.runs > 1:
            return (
                number + 1
            )  # it is submitted again as soon as its first run has ended, before its slot may be
        if self.rounds == 1:
            return number
        # Of an array, all tasks are submitted with the first; its slot is part 0's, which begins a little earlier.
        number = int(
            (t - EPOCH - self.phase + self.part * self.period // self.template.at_once) // self.period
        )
        return (number // self.rounds + 1) * self.rounds - 1


def job_id(lanes: Sequence[Lane], lane: Lane, number: int) -> int:
    """Return a job's id: its rank among the slots of all lanes by the time at which they begin."""
    when = lane.slot(number) - EPOCH
    rank = sum(
        (when - other.phase) // other.period + 1
        if other.index < lane.index
        else -((other.phase - when) // other.period)
        for other in lanes
    )
    return FIRST_ID + rank % (LAST_ID - FIRST_ID + 1)


def make_job(lanes: Sequence[Lane], lane: Lane, number: int) -> Job:
    """Return a lane's job."""
    kind = lane.template
    submit = lane.slot(number)
    start, end = lane.start(number), lane.end(number)
    array_id, task, restarts = 0, -1, 0
    if kind.tasks:
        group, turn = divmod(number, lane.rounds)
        first = lanes[lane.index - lane.part]
        array_id = job_id(lanes, first, group * lane.rounds)
        task = turn * kind.at_once + lane.part
        submit = first.slot(group * lane.rounds)
        # A task gets an id of its own when it is split off; the last one keeps the array's.
        following = task + 1
        at = lanes[first.index + following % kind.at_once], group * lane.rounds + following // kind.at_once
        identity = array_id if following == kind.tasks else job_id(lanes, *at)
    else:
        restarts = number % kind.runs
        identity = job_id(lanes, lane, number - restarts)
        submit = lane.end(number - 1) if restarts else submit
    return Job(
        id=identity,
        template=kind,
        user=lane.user,
        lane=lane.index,
        number=number,
        places=lane.places,
        submit=submit,
        eligible=_eligible(kind, submit, start, restarts),
        start=start,
        end=end,
        active=lane.active(number),
        state_at_end=_state_at_end(lane, number, restarts),
        array_id=array_id,
        task=task,
        restarts=restarts,
    )


def _eligible(kind: Template, submit: int, start: int, restarts: int) -> int:
    if not kind.starts and kind.reason.startswith(("JobHeld", "Dependency")):
        return start
    if restarts or kind.reason in ("Dependency", "BeginTime"):
        return max(submit, start - 60)
    return submit


def _state_at_end(lane: Lane, number: int, restarts: int) -> str:
    kind = lane.template
    if not kind.starts:
        return "CANCELLED"
    if restarts + 1 < kind.runs:
        return "REQUEUED"
    usual = kind.habit.end_state
    fails = usual == "COMPLETED" and chance(lane.seed, lane.index, number, "fails") < _FAILS
    return "FAILED" if fails else usual
