"""Gaps: what is told must fit when tried on the nodes one by one, and nothing longer may."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.exposition import render
from jobgauge_scheduler.collectors.backfill import BackfillCollector
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Job, Node, Partition, Reservation, Snapshot
from tests.support.scrape import parse

NOW = 1000
NODE = Node("n1", frozenset({"idle"}), ("p",), cpus=8, memory=100)
PLAN = Job("1", "u", "a", "p", "q", "pending", 1, 1, start_time=NOW + 60, planned_nodes=("n1",))
Gaps = dict[tuple[str, int, int], float]


def gaps(snapshot: Snapshot, what: str = "cpus") -> Gaps:
    kind = {"cpus": "", "gpus": "gpu_", "gibibytes": "memory_"}[what]
    name = f"hpc_sched_backfill_{kind}window_seconds"
    page = parse(render(BackfillCollector([], SchedulerConfig()).draw(snapshot, "")).decode())
    rows = [(dict(labels), value) for (found, labels), value in page.items() if found == name]
    return {(row["partition"], int(row[what]), int(row["nodes"])): value for row, value in rows}


def snapshot(
    *nodes: Node, jobs: tuple[Job, ...] = (), reservations: tuple[Reservation, ...] | None = None
) -> Snapshot:
    return Snapshot(time=NOW, nodes=nodes, jobs=jobs, reservations=reservations)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 8),  # CPUs allocated
            st.sampled_from([None, 10, 500, 4000]),  # a job is planned there, in so many seconds
            st.sampled_from([None, 100, 3000]),  # it is reserved
            st.sampled_from([("p",), ("p", "q"), ("q",)]),
        ),
        max_size=8,
    )
)
def test_every_gap_fits_and_no_longer_one_does(
    rows: list[tuple[int, int | None, int | None, tuple[str, ...]]],
) -> None:
    nodes, jobs, reservations = [], [], []
    for number, (allocated, planned, reserved, partitions) in enumerate(rows):
        name = f"n{number}"
        nodes.append(replace(NODE, name=name, cpus_allocated=allocated, partitions=partitions))
        if planned is not None:
            jobs.append(replace(PLAN, id=name, start_time=NOW + planned, planned_nodes=(name,)))
        if reserved is not None:
            reservations.append(Reservation(name, "inactive", NOW + reserved, NOW + reserved + 9, (name,)))

    def fitting(partition: str, cpus: int, seconds: float) -> int:
        """Count the nodes on which a job with so many CPUs could run for so long from now on."""
        count = 0
        for allocated, planned, reserved, partitions in rows:
            undisturbed = all(when is None or when >= seconds for when in (planned, reserved))
            count += partition in partitions and 8 - allocated >= cpus and undisturbed
        return count

    found = gaps(snapshot(*nodes, jobs=tuple(jobs), reservations=tuple(reservations)))
    for (partition, cpus, count), seconds in found.items():
        assert fitting(partition, cpus, seconds) >= count
        assert math.isinf(seconds) or fitting(partition, cpus, seconds + 1) < count
    for partition in "pq":
        for cpus in (1, 2, 4, 8):
            for count in (1, 2, 4, 8):
                assert ((partition, cpus, count) in found) >= (
                    fitting(partition, cpus, 1) >= count
                    and cpus in {c for p, c, _ in found if p == partition}
                )


@pytest.mark.parametrize(
    "change",
    [
        {"states": frozenset({"idle", "drain"})},
        {"states": frozenset({"down"})},
        {"states": frozenset({"idle", "not_responding"})},
        {"states": frozenset({"idle", "powered_down"})},
        {"states": frozenset({"idle", "planned"})},  # for a job that we do not see
        {"cpus_allocated": 8},
        {"memory_allocated": 100},
    ],
)
def test_a_node_where_nothing_can_start_has_no_gap(change: dict) -> None:
    assert gaps(snapshot(NODE)) == {("p", cpus, 1): math.inf for cpus in (1, 2, 4, 8)}
    assert gaps(snapshot(replace(NODE, **change))) == {}


def test_a_planned_node_is_free_until_its_job() -> None:
    node = replace(NODE, states=frozenset({"idle", "planned"}), cpus_allocated=7)
    later = replace(PLAN, id="2", start_time=NOW + 600)
    assert gaps(snapshot(node, jobs=(PLAN, later))) == {("p", 1, 1): 60}
    assert gaps(snapshot(node, jobs=(replace(PLAN, start_time=NOW - 5),))) == {}


def test_a_reservation_that_is_over_blocks_nothing_and_one_that_runs_all() -> None:
    over = Reservation("r", "inactive", NOW - 100, NOW - 10, ("n1",))
    assert gaps(snapshot(NODE, reservations=(over,)))["p", 8, 1] == math.inf
    assert gaps(snapshot(NODE, reservations=(replace(over, end=NOW + 1),))) == {}


def test_a_partition_that_starts_nothing_has_no_gap() -> None:
    both = replace(
        snapshot(replace(NODE, partitions=("p", "q"))),
        partitions=(Partition("p", "down"), Partition("q", "up")),
    )
    assert {partition for partition, *_ in gaps(both)} == {"q"}


def test_gpus_count_only_beside_a_free_cpu() -> None:
    node = replace(NODE, gpus=4, gpus_allocated=1)
    assert gaps(snapshot(node), "gpus") == {("p", gpus, 1): math.inf for gpus in (1, 2, 3)}
    assert gaps(snapshot(replace(node, cpus_allocated=8)), "gpus") == {}


def test_memory_counts_in_whole_gibibytes_and_only_beside_a_free_cpu() -> None:
    gib = 1 << 30
    node = replace(NODE, memory=5 * gib, memory_allocated=gib + 1)
    assert gaps(snapshot(node), "gibibytes") == {("p", amount, 1): math.inf for amount in (1, 2, 3)}
    assert gaps(snapshot(replace(node, cpus_allocated=8)), "gibibytes") == {}
    assert gaps(snapshot(replace(node, memory=None, memory_allocated=0)), "gibibytes") == {}
