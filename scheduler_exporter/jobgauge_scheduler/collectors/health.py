"""The scheduler's own health: its cycles, its queues, and who asks it how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from jobgauge.catalogue.scheduler import health as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples, Value
from jobgauge_scheduler.model import Cycles, Diagnostics, Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector

_TOP_USERS = 20

_CYCLES = (
    (catalogue.CYCLE, "last"),
    (catalogue.CYCLE_MEAN, "mean"),
    (catalogue.CYCLES, "total"),
    (catalogue.CYCLE_DEPTH, "depth"),
    (catalogue.CYCLE_TIME, "when"),
)


class HealthCollector(SchedulerCollector):
    """Figures of the scheduler as a program."""

    name = "health"
    about = "the scheduler's own health: cycle times, queue lengths, requests by type and by user"
    sources = (Source.DIAGNOSTICS,)
    families: ClassVar[tuple[Family, ...]] = (
        *(family for family, _ in _CYCLES),
        catalogue.QUEUE_LENGTHS,
        catalogue.SERVER_THREADS,
        catalogue.CONTROLLER_JOBS,
        catalogue.JOB_EVENTS,
        catalogue.RPC,
        catalogue.RPC_SECONDS,
        catalogue.USER_RPC,
        catalogue.USER_RPC_SECONDS,
    )

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Tell what there is of each."""
        found = snapshot.diagnostics or Diagnostics()
        callers = sorted(found.callers, key=lambda caller: -caller.seconds)[:_TOP_USERS]
        figures: list[tuple[Family, Mapping[str, Value]]] = [
            *((family, _of_cycles(found.cycles, name)) for family, name in _CYCLES),
            (
                catalogue.QUEUE_LENGTHS,
                {**found.queues, **{c.name: c.queue for c in found.cycles if c.queue is not None}},
            ),
            (catalogue.CONTROLLER_JOBS, found.jobs),
            (catalogue.JOB_EVENTS, found.events),
            (catalogue.RPC, {call.name: call.count for call in found.calls}),
            (catalogue.RPC_SECONDS, {call.name: round(call.seconds, 6) for call in found.calls}),
            (catalogue.USER_RPC, {caller.name: caller.count for caller in callers}),
            (catalogue.USER_RPC_SECONDS, {caller.name: round(caller.seconds, 6) for caller in callers}),
        ]
        for family, values in figures:
            yield Samples.of(family, {(label,): value for label, value in values.items()}, cluster)
        threads: dict[tuple[str, ...], Value] = {} if found.threads is None else {(): found.threads}
        yield Samples.of(catalogue.SERVER_THREADS, threads, cluster)


def _of_cycles(cycles: Iterable[Cycles], attribute: str) -> dict[str, Value]:
    values = {c.name: getattr(c, attribute) for c in cycles}
    return {name: round(value, 6) for name, value in values.items() if value is not None}
