"""Reservations: which nodes are kept, from when until when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import nodes as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector


class ReservationsCollector(SchedulerCollector):
    """Series of each reservation, maintenances included."""

    name = "reservations"
    about = "reservations: state, flags, nodes, begin and end"
    sources = (Source.RESERVATIONS,)
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.RESERVATION_INFO,
        catalogue.RESERVATION_START,
        catalogue.RESERVATION_END,
        catalogue.RESERVATION_NODES,
    )

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Tell each reservation."""
        found = snapshot.reservations or ()
        yield Samples.of(
            catalogue.RESERVATION_INFO, {(r.name, r.state, r.flags, r.node_list): 1 for r in found}, cluster
        )
        yield Samples.of(catalogue.RESERVATION_START, {(r.name,): r.start for r in found}, cluster)
        yield Samples.of(catalogue.RESERVATION_END, {(r.name,): r.end for r in found}, cluster)
        yield Samples.of(catalogue.RESERVATION_NODES, {(r.name,): len(r.nodes) for r in found}, cluster)
