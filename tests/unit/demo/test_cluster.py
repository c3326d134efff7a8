"""The simulated cluster keeps its promises at any time, whatever was asked before."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.habits import HABITS
from jobgauge_demo.lanes import EPOCH
from jobgauge_demo.placing import LOGIN_NODES

DAY = 86400
CLUSTER = Cluster(seed=7)
CLUSTERS = [CLUSTER, Cluster(seed=3, nodes=8), Cluster(seed=1, nodes=33, users=20)]
TIMES = st.floats(EPOCH + DAY, EPOCH + 700 * DAY)


@settings(max_examples=30, deadline=None)
@given(TIMES, st.lists(TIMES, max_size=3))
def test_state_depends_on_seed_and_time_only(t, asked_before):
    used = Cluster(seed=7)
    for other in asked_before:
        used.running(other)
        used.pending(other)
    assert used.running(t) == Cluster(seed=7).running(t)
    assert used.pending(t) == Cluster(seed=7).pending(t)


def test_another_seed_is_another_cluster():
    t = EPOCH + 100 * DAY
    assert [job.start for job in Cluster(seed=1).running(t)] != [
        job.start for job in Cluster(seed=2).running(t)
    ]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(CLUSTERS), TIMES)
def test_no_node_is_oversubscribed(cluster, t):
    for node in cluster.nodes:
        held = [(job, job.place(node.name)) for job in cluster.running(t, node.name)]
        cpus = [cpu for _, place in held for cpu in place.cpus]
        gpus = [gpu for _, place in held for gpu in place.gpus]
        assert len(cpus) == len(set(cpus))
        assert set(cpus) <= set(range(node.cpus))
        assert len(gpus) == len(set(gpus))
        assert set(gpus) <= set(range(node.gpus))
        assert sum(job.template.memory for job, _ in held) <= node.memory
        assert all(job.template.partition in node.partitions for job, _ in held)
        assert not (node.drained and held)
        if any(job.template.exclusive for job, _ in held):
            assert len(held) == 1


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(CLUSTERS), TIMES)
def test_a_job_is_in_one_state_and_its_times_are_in_order(cluster, t):
    running, pending = cluster.running(t), cluster.pending(t)
    keys = Counter((job.id, job.restarts) for job in [*running, *pending])
    assert set(keys.values()) == {1}
    # A requeued job is here once, whether it runs or waits.
    assert len({job.id for job in [*running, *pending]}) == len(keys)
    assert {job.state(t) for job in running} <= {"RUNNING", "SUSPENDED"}
    assert {job.state(t) for job in pending} == {"PENDING"}
    for job in [*running, *pending]:
        assert job.submit <= job.eligible <= job.start <= job.end
        assert (job.start < job.end) == job.template.starts
        assert (job.reason(t) == "None") == (job in running)
        assert job.end - job.start <= job.template.time_limit or not job.template.starts
        assert job.state(job.end) not in ("PENDING", "RUNNING", "SUSPENDED")


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(CLUSTERS), TIMES)
def test_what_is_found_by_arithmetic_is_what_is_found_by_looking_at_every_job(cluster, t):
    for lane in cluster.lanes:
        near = range(max(0, lane.current(t) - 3), lane.newest(t) + 4)
        jobs = [cluster.job(lane, number) for number in near]
        assert [job for job in jobs if job.start <= t < job.end] == [
            job for job in cluster.running(t) if job.lane == lane.index
        ]
        assert [job for job in jobs if job.submit <= t < job.start] == [
            job for job in cluster.pending(t) if job.lane == lane.index
        ]
        assert all(one.end < other.start or not lane.template.starts for one, other in pairwise(jobs))


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(CLUSTERS), TIMES)
def test_ids_are_unique_and_grow_with_submission(cluster, t):
    jobs = [*cluster.ended(t - 6 * 3600, t), *cluster.running(t), *cluster.pending(t)]
    runs = [(job.id, job.restarts) for job in jobs]
    assert len(runs) == len(set(runs))
    assert all(1_000_000 <= job.id <= 9_999_999 for job in jobs)
    plain = sorted((job.id, job.submit) for job in jobs if not job.array_id and not job.restarts)
    assert [submit for _, submit in plain] == sorted(submit for _, submit in plain)
    tasks = {job.id: job for job in jobs if job.array_id}
    for job in tasks.values():
        assert (job.id == job.array_id) == (job.task == job.template.tasks - 1)
        assert job.id >= job.array_id
    assert len({(job.array_id, job.task) for job in tasks.values()}) == len(tasks)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(CLUSTERS), TIMES)
def test_ended_is_what_no_longer_runs(cluster, t):
    before, after = cluster.running(t), cluster.running(t + 600)
    ended = list(cluster.ended(t, t + 600))
    assert all(t < job.end <= t + 600 for job in ended)
    assert {job.id for job in before} - {job.id for job in after} <= {job.id for job in ended}
    assert not [job for job in after if job in ended]


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(CLUSTERS), TIMES)
def test_every_habit_and_reason_is_there_within_two_hours(cluster, t):
    moments = [t + minutes * 60 for minutes in range(0, 121, 5)]
    everywhere = [
        job
        for moment in moments
        for job in (*cluster.running(moment), *cluster.running(moment, LOGIN_NODES[0].name))
    ]
    assert {job.template.habit.name for job in everywhere} == set(HABITS)
    reasons = {job.reason(moment) for moment in moments for job in cluster.pending(moment)}
    assert {
        "Priority",
        "Resources",
        "QOSMaxCpuPerUserLimit",
        "AssocGrpCpuLimit",
        "Dependency",
        "BeginTime",
    } <= reasons
    assert {"JobHeldUser", "JobArrayTaskLimit", "Reservation", "Licenses"} <= reasons
    assert any(reason.startswith("ReqNodeNotAvail") for reason in reasons)


def test_size_of_the_usual_cluster():
    times = range(EPOCH + 90 * DAY, EPOCH + 91 * DAY, 3600)
    on_nodes = [sum(len(cluster_job.places) for cluster_job in CLUSTER.running(t)) for t in times]
    assert 90 <= sum(on_nodes) / len(on_nodes) <= 110
    own = {job.template.habit.name for t in times for job in CLUSTER.running(t) if job.user.name == "alice"}
    assert {"mpi", "one-core", "training", "gpu-idle", "threads-fit"} <= own


def test_a_requeued_job_keeps_its_id():
    lane = next(lane for lane in CLUSTER.lanes if lane.template.runs == 2)
    first, second = CLUSTER.job(lane, 10), CLUSTER.job(lane, 11)
    assert (first.id, first.restarts, second.restarts) == (second.id, 0, 1)
    assert second.submit == first.end
    assert first.state(first.end) == "REQUEUED"
    assert second.reason(second.submit) == "BeginTime"


def test_a_suspended_job_does_not_work():
    lane = next(lane for lane in CLUSTER.lanes if lane.template.suspended)
    job = CLUSTER.job(lane, 5)
    stop = job.start + job.suspended_from
    resume = stop + lane.template.suspended
    assert [job.state(t) for t in (stop - 1, stop, resume - 1, resume)] == [
        "RUNNING",
        "SUSPENDED",
        "SUSPENDED",
        "RUNNING",
    ]
    assert job.worked(stop) == job.worked(resume)
    assert job.worked(job.end) == job.active


@pytest.mark.parametrize(("arguments", "message"), [({"nodes": 7}, "7 nodes"), ({"users": 11}, "11 users")])
def test_a_cluster_too_small_for_its_habits_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Cluster(**arguments)
