"""Usage: counters never fall, limits hold, and habits do what they are said to do."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobgauge_demo import nodes
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.lanes import EPOCH
from jobgauge_demo.processes import processes
from jobgauge_demo.usage import usage

DAY = 86400
CLUSTER = Cluster(seed=11)
STARTING = [lane for lane in CLUSTER.lanes if lane.template.starts]
LANES = st.sampled_from(STARTING)
NUMBERS = st.integers(0, 400)
SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=6)


def _counters(used) -> list[int]:
    disk = used.disk
    return [
        used.user,
        used.system,
        used.memory.peak,
        *used.events.values(),
        *used.pressure.values(),
        disk.read_bytes,
        disk.written_bytes,
        disk.reads,
        disk.writes,
    ]


@settings(max_examples=80, deadline=None)
@given(LANES, NUMBERS, SHARES)
def test_counters_never_fall_and_memory_keeps_its_limit(lane, number, shares):
    job = CLUSTER.job(lane, number)
    node = job.places[-1].node
    times = sorted(job.start + share * (job.end - job.start) for share in shares)
    all_used = [usage(job, node, t) for t in times]
    for before, after in pairwise(all_used):
        assert all(one <= other for one, other in zip(_counters(before), _counters(after), strict=True))
    for t, used in zip(times, all_used, strict=True):
        memory = used.memory
        assert min(memory.anonymous, memory.file, memory.kernel) >= 0
        assert memory.current <= memory.peak <= memory.limit == job.template.memory
        assert memory.shared + memory.mapped <= memory.file
        assert used.cpu <= 1e6 * (t - job.start) * job.template.cpus + 1
        assert all(0 <= gpu.utilization <= 100 for gpu in used.gpus)
        assert all(0 < gpu.memory_used <= gpu.memory_total for gpu in used.gpus)
        assert all(waited <= 1e6 * (t - job.start) + 1 for waited in used.pressure.values())


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CLUSTER.nodes), st.lists(st.floats(EPOCH, EPOCH + 400 * DAY), min_size=2, max_size=5))
def test_a_node_s_counters_never_fall(node, times):
    for before, after in pairwise(nodes.counters(CLUSTER, node, t) for t in sorted(times)):
        for one, other in zip(_totals(before), _totals(after), strict=True):
            assert one <= other


def _totals(counters: nodes.Counters) -> list[float]:
    tables = (
        counters.disk_bytes,
        counters.lustre_bytes,
        counters.lustre_operations,
        counters.energy,
        counters.gpu_energy,
    )
    single = [counters.cpu, counters.infiniband_bytes, counters.network_bytes]
    return [*single, *(value for table in tables for value in table.values())]


def test_a_node_s_counters_are_the_sum_of_its_jobs():
    start = EPOCH + 40 * DAY
    for node in (CLUSTER.nodes[0], CLUSTER.nodes[4], CLUSTER.nodes[-1]):
        end = start + 5 * 3600 + 17
        present = {
            (job.id, job.restarts): job for t in range(start, end, 5) for job in CLUSTER.running(t, node.name)
        }
        used = sum(
            usage(job, node.name, end).cpu - usage(job, node.name, start).cpu for job in present.values()
        )
        before, after = (nodes.counters(CLUSTER, node, t).cpu for t in (start, end))
        assert used / 1e6 == pytest.approx(after - before, rel=1e-3)


def _job(habit: str):
    lane = next(lane for lane in STARTING if lane.template.habit.name == habit)
    return CLUSTER.job(lane, 3)


def _late(habit: str):
    job = _job(habit)
    return job, job.start + 0.9 * job.active


@pytest.mark.parametrize(
    "habit", ["mpi", "whole-node", "threads-fit", "pipeline", "scripts", "training", "local-disk"]
)
def test_what_wastes_nothing_uses_what_it_holds(habit):
    job, t = _late(habit)
    assert not job.template.habit.wastes
    for place in job.places:
        used = usage(job, place.node, t)
        assert used.cpu / 1e6 / (t - job.start) >= 0.75 * job.template.cpus
        assert used.memory.peak >= 0.6 * job.template.memory
        assert all(gpu.utilization >= 80 for gpu in used.gpus)
        assert used.events["oom_kill"] == 0


def test_one_core_of_many():
    job, t = _late("one-core")
    assert job.template.cpus == 32
    assert usage(job, job.places[0].node, t).cpu / 1e6 == pytest.approx(t - job.start, rel=0.01)


def test_a_hoard_of_memory():
    job, t = _late("memory-hoard")
    assert job.template.memory / usage(job, job.places[0].node, t).memory.peak == pytest.approx(20, rel=0.01)


def test_an_idle_node():
    job, t = _late("idle-node")
    busy, idle = (usage(job, place.node, t).cpu for place in job.places)
    assert busy > 1000 * idle > 0


def test_a_leak_is_killed_at_its_limit():
    job = _job("leak")
    node = job.places[0].node
    killed = job.start + job.active
    before, after, end = (usage(job, node, t) for t in (killed - 1, killed, job.end))
    assert before.memory.current > 0.99 * job.template.memory
    assert (before.events["oom_kill"], after.events["oom_kill"]) == (0, 1)
    assert after.memory.current < 0.02 * job.template.memory
    assert after.memory.peak == job.template.memory
    assert end.cpu == after.cpu
    assert job.state(job.end) == "OUT_OF_MEMORY"


@pytest.mark.parametrize(
    ("habit", "loads"),
    [("training", [1, 1]), ("gpu-idle", [0]), ("gpu-half-idle", [1, 0]), ("gpu-low", [0.1])],
)
def test_gpus(habit, loads):
    job, t = _late(habit)
    found = [gpu.utilization / 100 for gpu in usage(job, job.places[0].node, t).gpus]
    assert found == pytest.approx(loads, abs=0.1)


def test_too_many_threads():
    job, t = _late("too-many-threads")
    found = processes(CLUSTER, job, job.places[0].node)
    assert sum(process.running for process in found) == 8 * job.template.cpus
    assert usage(job, job.places[0].node, t).pressure["cpu", "some"] > 0.8e6 * (t - job.start)


def test_a_metadata_storm():
    job, t = _late("metadata-storm")
    node = next(node for node in CLUSTER.nodes if node.name == job.places[0].node)
    before, after = (nodes.counters(CLUSTER, node, at).lustre_operations for at in (t - 60, t))
    assert sum(after.values()) - sum(before.values()) > 60 * 15_000


def test_a_suspended_job_keeps_its_memory_and_uses_no_cpu():
    lane = next(lane for lane in STARTING if lane.template.suspended)
    job = CLUSTER.job(lane, 9)
    node = job.places[0].node
    stop = job.start + job.suspended_from + 1
    first, second = usage(job, node, stop), usage(job, node, stop + lane.template.suspended - 2)
    assert first == second
    assert first.memory.current > 0.5 * job.template.memory


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CLUSTER.nodes), st.floats(EPOCH + DAY, EPOCH + 400 * DAY))
def test_process_numbers_are_unique_on_a_node(node, t):
    numbers = [
        number
        for job in CLUSTER.running(t, node.name)
        for process in processes(CLUSTER, job, node.name)
        for number in range(process.pid, process.pid + process.threads)
    ]
    assert len(numbers) == len(set(numbers))
    assert all(2 < number < 1 << 22 for number in numbers)
    for job in CLUSTER.running(t, node.name):
        shares = sum(process.share for process in processes(CLUSTER, job, node.name))
        assert shares == pytest.approx(1)
