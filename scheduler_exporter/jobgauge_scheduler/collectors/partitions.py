"""Partitions: whether they take jobs, for how long, and what is free in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue.scheduler import nodes as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Node, Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector

Key = tuple[str, ...]

_DEFAULT = {True: "true", False: "false", None: ""}


class PartitionsCollector(SchedulerCollector):
    """Series of each partition."""

    name = "partitions"
    about = "partitions: state, time limit, nodes by state, CPUs and GPUs allocated, idle and unusable"
    sources = (Source.PARTITIONS, Source.NODES)
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.PARTITION_INFO,
        catalogue.PARTITION_TIME_LIMIT,
        catalogue.PARTITION_NODES,
        catalogue.PARTITION_CPUS,
        catalogue.PARTITION_GPUS,
    )

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Sum up the nodes of each partition."""
        partitions = snapshot.partitions or ()
        info = {(p.name, p.state, _DEFAULT[p.default]): 1 for p in partitions}
        yield Samples.of(catalogue.PARTITION_INFO, info, cluster)
        limits = {(p.name,): p.time_limit for p in partitions if p.time_limit is not None}
        yield Samples.of(catalogue.PARTITION_TIME_LIMIT, limits, cluster)
        nodes: Counter[Key] = Counter()
        cpus: Counter[Key] = Counter()
        gpus: Counter[Key] = Counter()
        for node in snapshot.nodes or ():
            for partition in node.partitions:
                nodes[partition, node.state] += 1
                _add(cpus, partition, node, node.cpus, node.cpus_allocated)
                if node.gpus:
                    _add(gpus, partition, node, node.gpus, node.gpus_allocated)
        yield Samples.of(catalogue.PARTITION_NODES, nodes, cluster)
        yield Samples.of(catalogue.PARTITION_CPUS, cpus, cluster)
        yield Samples.of(catalogue.PARTITION_GPUS, gpus, cluster)


def _add(sums: Counter[Key], partition: str, node: Node, total: int, allocated: int) -> None:
    """Add a node's part: what is not allocated is idle only where a job can start."""
    free = "idle" if node.usable else "unusable"
    sums[partition, "allocated"] += allocated
    sums[partition, free] += max(0, total - allocated)
