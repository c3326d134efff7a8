"""A job: what it asked for and got, and where it stands at a given time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jobgauge_demo.people import User
from jobgauge_demo.story import LOGIN, Template

_SWING = 900  # seconds, about, of one swing of the load
_BURST = 600  # seconds, about, between two bursts of writing
_BURST_SHARE = 0.25  # of that time


@dataclass(frozen=True, slots=True)
class Place:
    """What a job holds on one node."""

    node: str
    cpus: range
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a job; a requeued job has two, with the same id and different `restarts`. Times are whole seconds."""

    id: int
    template: Template
    user: User
    lane: int
    number: int  # within the lane
    places: tuple[Place, ...]
    submit: int
    eligible: int  # `start` where nobody knows before
    start: int  # equals `end` for a job that is cancelled before it starts
    end: int
    active: int  # seconds of work between start and end
    state_at_end: str
    array_id: int = 0
    task: int = -1
    restarts: int = 0

    @property
    def shown_id(self) -> str:
        """Return what the job exporter calls it: the scheduler's id, or on a login node the slice of the user."""
        return f"user-{self.user.uid}.slice" if self.session else str(self.id)

    @property
    def session(self) -> bool:
        """Tell whether it is no job, but what a user does on a login node."""
        return self.template.partition == LOGIN

    @property
    def suspended_from(self) -> int:
        """Seconds of work after which it is stopped for a while, if it is."""
        return self.active // 2

    def worked(self, t: float) -> float:
        """Return the seconds that it has worked by t: while it was neither waiting, nor suspended, nor past its work."""
        seconds = t - self.start
        if self.template.suspended and seconds > self.suspended_from:
            seconds = max(self.suspended_from, seconds - self.template.suspended)
        return min(max(0.0, seconds), float(self.active))

    def state(self, t: float) -> str:
        """Return its state at t, in the scheduler's word."""
        if t < self.start:
            return "PENDING"
        if t >= self.end:
            return self.state_at_end
        stopped = (
            self.template.suspended and 0 <= t - self.start - self.suspended_from < self.template.suspended
        )
        return "SUSPENDED" if stopped else "RUNNING"

    def reason(self, t: float) -> str:
        """Return why it waits at t; "None" while it does not."""
        if t >= self.start:
            return "None"
        if self.restarts:
            return "BeginTime"
        if self.eligible <= t and self.template.reason in ("Dependency", "BeginTime"):
            return "Priority"
        return self.template.reason

    @property
    def exit_code(self) -> str:
        """What it ends with: status and signal."""
        return {"FAILED": "1:0", "OUT_OF_MEMORY": "0:125", "CANCELLED": "0:15"}.get(self.state_at_end, "0:0")

    def place(self, node: str) -> Place:
        """Return what it holds on a node that it runs on."""
        return next(place for place in self.places if place.node == node)

    def idle_on(self, node: str) -> bool:
        """Tell whether it does nothing on a node that it holds."""
        idle = self.template.habit.idle_nodes
        return idle > 0 and any(place.node == node for place in self.places[-idle:])

    def swing(self, worked: float) -> float:
        """Return the load after so many seconds of work, 1 being its mean."""
        return 1.0 + self.template.habit.wave * math.sin(self._turn * worked)

    def smooth(self, worked: float) -> float:
        """Return the integral of swing: what a counter of the load has gathered. Over the whole run it is `active`."""
        turn = self._turn
        return worked + self.template.habit.wave / turn * (1.0 - math.cos(turn * worked))

    def bursts(self, worked: float) -> float:
        """Return what a counter has gathered that moves only now and then. Over the whole run it is `active`."""
        length = self.active / max(1, self.active // _BURST)
        whole, rest = divmod(worked, length)
        return (whole + min(1.0, rest / (length * _BURST_SHARE))) * length

    @property
    def _turn(self) -> float:
        return 2.0 * math.pi * max(1, self.active // _SWING) / self.active
