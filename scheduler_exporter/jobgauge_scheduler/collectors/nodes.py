"""Nodes: the states they are in, what they have and what of it is allocated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import nodes as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples, Value
from jobgauge_scheduler.model import Node, Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector

_FIGURES: tuple[tuple[Family, Callable[[Node], tuple[int | None, int]]], ...] = (
    (catalogue.NODE_CPUS, lambda node: (node.cpus, node.cpus_allocated)),
    (catalogue.NODE_MEMORY, lambda node: (node.memory, node.memory_allocated)),
    (catalogue.NODE_GPUS, lambda node: (node.gpus or None, node.gpus_allocated)),
)


class NodesCollector(SchedulerCollector):
    """Series of each node."""

    name = "nodes"
    about = "nodes: all states and flags, CPUs, memory and GPUs in total and allocated, why they are drained"
    sources = (Source.NODES,)
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.NODE_STATE,
        *(family for family, _ in _FIGURES),
        catalogue.NODE_GPUS_BY_TYPE,
        catalogue.NODE_DRAIN_INFO,
    )
    max_series = 200_000

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Tell each node once, in however many partitions it is."""
        nodes = snapshot.nodes or ()
        states = {(node.name, state): 1 for node in nodes for state in sorted(node.states)}
        yield Samples.of(catalogue.NODE_STATE, states, cluster)
        for family, figures in _FIGURES:
            values: dict[tuple[str, ...], Value] = {}
            for node in nodes:
                total, allocated = figures(node)
                if total is not None:
                    values[node.name, "total"] = total
                    values[node.name, "allocated"] = allocated
            yield Samples.of(family, values, cluster)
        typed: dict[tuple[str, ...], Value] = {}
        for node in nodes:
            typed |= {(node.name, kind, "total"): count for kind, count in node.gpus_by_type}
            typed |= {
                (node.name, kind, "allocated"): count for kind, count in node.gpus_allocated_by_type or ()
            }
        yield Samples.of(catalogue.NODE_GPUS_BY_TYPE, typed, cluster)
        drained = {(node.name, node.reason, node.reason_by): 1 for node in nodes if node.reason}
        yield Samples.of(catalogue.NODE_DRAIN_INFO, drained, cluster)
