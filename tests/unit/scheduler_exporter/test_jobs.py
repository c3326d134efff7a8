"""Single jobs: which are listed when there are too many, their place in the queue, and what is told of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jobgauge.exposition import render
from jobgauge_scheduler.collectors.jobs import JobsCollector, keep, ranks
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Job, Snapshot
from tests.support.scrape import parse

JOB = Job(
    "1", "alice", "physics", "batch", "normal", "pending", cpus=1, nodes=1, priority=10, submit_time=100
)

some_jobs = st.lists(
    st.builds(
        lambda user, state, cpus, submit: replace(JOB, user=user, state=state, cpus=cpus, submit_time=submit),
        st.sampled_from("abcd"),
        st.sampled_from(["pending", "running"]),
        st.integers(1, 4),
        st.integers(0, 5),
    ),
    max_size=40,
).map(lambda jobs: [replace(job, id=str(number)) for number, job in enumerate(jobs)])


@given(some_jobs, st.integers(1, 20))
def test_a_cap_keeps_as_many_as_it_can_and_is_fair(jobs: list[Job], most: int) -> None:
    kept = keep(jobs, most)
    assert len(kept) == min(most, len(jobs))
    assert len({job.id for job in kept}) == len(kept)
    has = Counter(job.user for job in jobs)
    gets = Counter(job.user for job in kept)
    for user in has:
        # nobody who could have one more stands two behind another
        assert gets[user] == has[user] or gets[user] >= max(gets.values()) - 1
        own = [job for job in jobs if job.user == user]
        left = [job for job in own if job not in kept]
        worst = max(
            ((job.pending, -job.cpus, job.submit_time) for job in kept if job.user == user), default=None
        )
        assert worst is None or all((job.pending, -job.cpus, job.submit_time) >= worst for job in left)


def test_one_user_s_flood_leaves_the_others_their_jobs() -> None:
    flood = [replace(JOB, id=f"f{n}", user="mallory", cpus=64, state="running") for n in range(5000)]
    kept = keep([*flood, *(replace(JOB, id=user, user=user) for user in "abc")], 50)
    assert {"a", "b", "c"} <= {job.id for job in kept}
    assert len(kept) == 50


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["p", "q", "p,q"]), st.sampled_from(["pending", "running"]), st.integers(0, 3)
        ),
        max_size=15,
    )
)
def test_a_place_is_one_more_than_the_jobs_before_it(rows: list[tuple[str, str, int]]) -> None:
    jobs = [
        replace(JOB, id=str(n), partition=partition, state=state, priority=priority, submit_time=n)
        for n, (partition, state, priority) in enumerate(rows)
    ]
    expected = {}
    for job in jobs:
        if job.pending and job.priority:
            places = []
            for partition in job.partition.split(","):
                others = [o for o in jobs if o.pending and o.priority and partition in o.partition.split(",")]
                before = [
                    o
                    for o in others
                    if (-(o.priority or 0), o.submit_time) < (-job.priority, job.submit_time)
                ]
                places.append(1 + len(before))
            expected[job.id] = min(places)
    assert {job.id: place for job, place in ranks(jobs)} == expected


def told(*jobs: Job, now: float = 1000) -> dict[str, float]:
    """Return what is told of a single job, by the metric's name."""
    samples = JobsCollector([], SchedulerConfig()).draw(Snapshot(time=now, jobs=jobs), "")
    return {name: value for (name, _), value in parse(render(samples).decode()).items()}


def test_what_is_not_known_is_left_out() -> None:
    bare = replace(JOB, priority=None, submit_time=None)
    assert set(told(bare)) == {
        "hpc_job_info", "hpc_job_requested_cpus", "hpc_job_requested_nodes", "hpc_sched_unlisted_jobs",
    }  # fmt: skip


def test_a_start_is_a_fact_of_running_jobs_and_an_estimate_of_pending_ones() -> None:
    running = told(replace(JOB, state="running", start_time=900))
    assert running["hpc_job_start_time_seconds"] == 900
    assert "hpc_job_estimated_start_time_seconds" not in running
    waiting = told(replace(JOB, start_time=1100))
    assert waiting["hpc_job_estimated_start_time_seconds"] == 1100
    assert "hpc_job_start_time_seconds" not in waiting
    assert "hpc_job_estimated_start_time_seconds" not in told(replace(JOB, start_time=999)), (
        "a plan that has passed"
    )


def test_tasks_of_an_array_that_is_not_listed_are_counted() -> None:
    config = SchedulerConfig(jobs_max=1)
    jobs = (replace(JOB, cpus=8), replace(JOB, id="2", tasks=1000))
    page = parse(render(JobsCollector([], config).draw(Snapshot(jobs=jobs), "")).decode())
    assert page["hpc_sched_unlisted_jobs", frozenset()] == 1000
