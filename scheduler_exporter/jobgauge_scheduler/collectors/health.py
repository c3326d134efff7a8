"""The scheduler's own health: its cycles, its queues, and who asks it how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from jobgauge.catalogue import scheduler
from jobgauge.family import Family
from jobgauge.samples import Samples, Value
from jobgauge_scheduler.model import Cycles, Diagnostics, Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector

_TOP_USERS = 20

_CYCLES = (
    (scheduler.CYCLE, "last"),
    (scheduler.CYCLE_MEAN, "mean"),
    (scheduler.CYCLES, "total"),
    (scheduler.CYCLE_DEPTH, "depth"),
    (scheduler.CYCLE_TIME, "when"),
)


class HealthCollector(SchedulerCollector):
    """Figures of the scheduler as a program."""

    name = "health"
    about = "the scheduler's own health: cycle times, queue lengths, requests by type and by user"
    sources = (Source.DIAGNOSTICS,)
    families: ClassVar[tuple[Family, ...]] = (
        *(family for family, _ in _CYCLES),
        scheduler.QUEUE_LENGTHS,
        scheduler.SERVER_THREADS,
        scheduler.CONTROLLER_JOBS,
        scheduler.JOB_EVENTS,
        scheduler.RPC,
        scheduler.RPC_SECONDS,
        scheduler.USER_RPC,
        scheduler.USER_RPC_SECONDS,
    )

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Tell what there is of each."""
        found = snapshot.diagnostics or Diagnostics()
        callers = sorted(found.callers, key=lambda caller: -caller.seconds)[:_TOP_USERS]
        figures: list[tuple[Family, Mapping[str, Value]]] = [
            *((family, _of_cycles(found.cycles, name)) for family, name in _CYCLES),
            (
                scheduler.QUEUE_LENGTHS,
                {**found.queues, **{c.name: c.queue for c in found.cycles if c.queue is not None}},
            ),
            (scheduler.CONTROLLER_JOBS, found.jobs),
            (scheduler.JOB_EVENTS, found.events),
            (scheduler.RPC, {call.name: call.count for call in found.calls}),
            (scheduler.RPC_SECONDS, {call.name: round(call.seconds, 6) for call in found.calls}),
            (scheduler.USER_RPC, {caller.name: caller.count for caller in callers}),
            (scheduler.USER_RPC_SECONDS, {caller.name: round(caller.seconds, 6) for caller in callers}),
        ]
        for family, values in figures:
            yield Samples.of(family, {(label,): value for label, value in values.items()}, cluster)
        threads: dict[tuple[str, ...], Value] = {} if found.threads is None else {(): found.threads}
        yield Samples.of(scheduler.SERVER_THREADS, threads, cluster)


def _of_cycles(cycles: Iterable[Cycles], attribute: str) -> dict[str, Value]:
    values = {c.name: getattr(c, attribute) for c in cycles}
    return {name: round(value, 6) for name, value in values.items() if value is not None}
