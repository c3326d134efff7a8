"""Gaps that a job could use now: on how many nodes, with how much free, and for how long."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from jobgauge.catalogue.scheduler import nodes as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_scheduler.model import Node, Snapshot, Source
from jobgauge_scheduler.view import SchedulerCollector

_GIB = 1 << 30

Gap = tuple[int, float]  # what is free on a node, and for how many seconds


class BackfillCollector(SchedulerCollector):
    """The longest job that fits, by partition, free CPUs, GPUs or GiB of memory a node, and number of nodes.

    A gap on a node ends where the first job planned there or the first reservation begins. Where the scheduler says that
    something is planned on a node but not what, the node is left out: a gap that may not be there is worse than none.
    """

    name = "backfill"
    about = "gaps that a job could use now: free CPUs, GPUs and memory, on how many nodes, for how long"
    sources = (Source.NODES, Source.JOBS)
    also = (Source.PARTITIONS, Source.RESERVATIONS)
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.BACKFILL_WINDOW,
        catalogue.BACKFILL_GPU_WINDOW,
        catalogue.BACKFILL_MEMORY_WINDOW,
    )

    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Find the gaps of each partition that starts jobs."""
        windows = _windows(snapshot)
        closed = {p.name for p in snapshot.partitions or () if p.state != "up"}
        cpus: dict[str, list[Gap]] = defaultdict(list)
        gpus: dict[str, list[Gap]] = defaultdict(list)
        memory: dict[str, list[Gap]] = defaultdict(list)
        for node in snapshot.nodes or ():
            window = windows.get(node.name, 0.0)
            if window <= 0 or (node.memory is not None and node.memory_allocated >= node.memory):
                continue
            for partition in set(node.partitions) - closed:
                cpus[partition].append((node.cpus - node.cpus_allocated, window))
                # neither a GPU nor memory is of use without a CPU
                if node.cpus > node.cpus_allocated:
                    gpus[partition].append((node.gpus - node.gpus_allocated, window))
                    if node.memory is not None:
                        memory[partition].append(((node.memory - node.memory_allocated) // _GIB, window))
        yield Samples.of(catalogue.BACKFILL_WINDOW, _longest(cpus), cluster)
        yield Samples.of(catalogue.BACKFILL_GPU_WINDOW, _longest(gpus), cluster)
        yield Samples.of(catalogue.BACKFILL_MEMORY_WINDOW, _longest(memory), cluster)


def _windows(snapshot: Snapshot) -> dict[str, float]:
    """Return for how long from now each node where a job can start stays as it is."""
    now = snapshot.time
    ends: dict[str, float] = {}
    for job in snapshot.jobs or ():
        if job.pending and job.start_time is not None:
            _put_earlier(ends, job.planned_nodes, job.start_time)
    planned = set(ends)
    for reservation in snapshot.reservations or ():
        if reservation.end > now:
            _put_earlier(ends, reservation.nodes, reservation.start)
    return {
        node.name: ends.get(node.name, math.inf) - now
        for node in snapshot.nodes or ()
        if _open(node, planned)
    }


def _open(node: Node, planned: set[str]) -> bool:
    return node.usable and ("planned" not in node.states or node.name in planned)


def _put_earlier(ends: dict[str, float], nodes: Iterable[str], when: float) -> None:
    for node in nodes:
        ends[node] = min(when, ends.get(node, math.inf))


def _longest(gaps: Mapping[str, list[Gap]]) -> dict[tuple[str, ...], float]:
    """Return the longest window of so many nodes with so much free each, for powers of two of both."""
    found: dict[tuple[str, ...], float] = {}
    for partition, rows in sorted(gaps.items()):
        for least in _powers(max(free for free, _ in rows)):
            windows = sorted((window for free, window in rows if free >= least), reverse=True)
            for nodes in _powers(len(windows)):
                found[partition, str(least), str(nodes)] = round(windows[nodes - 1], 3)
    return found


def _powers(most: int) -> Iterator[int]:
    """Return 1, 2, 4, … up to `most`, and `most` itself."""
    power = 1
    while power < most:
        yield power
        power *= 2
    if most > 0:
        yield most
