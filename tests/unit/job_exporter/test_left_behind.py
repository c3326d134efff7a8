"""Cgroups that a job left behind when it ended, and jobs that only look so."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable

import pytest

from jobgauge_job.watch import Watch
from tests.support.expectation import key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import JobTree, NodeTree

Start = Callable[..., JobExporter]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobgauge_job.jobs._LEFT", 0.0)


def leave(job: JobTree, *, everything: bool = True) -> None:
    """End the job's processes, or the scheduler's only; the cgroups stay."""
    for process in [p for p in job.processes if everything or not p.uid]:
        process.end()
        job.processes.remove(process)
    for procs in job.folder.rglob("cgroup.procs"):
        job.list_processes(os.path.relpath(procs.parent, job.folder))
    if everything and not job.trees:
        (job.folder / "cgroup.events").write_text("populated 0\nfrozen 0\n")


@pytest.mark.parametrize("everything", [True, False])
def test_a_job_that_has_ended_but_for_its_cgroup(node: NodeTree, start: Start, *, everything: bool) -> None:
    """Also where a process is left that could not be killed."""
    job, other = node.job("101", 5001, 3), node.job("102", 5002, 5)
    exporter = start(keep_ended=3600.0)
    exporter.jobs()
    leave(job, everything=everything)
    series = exporter.jobs()
    assert (
        time.time() - 60 < series[key("hpc_job_end_time_seconds", **job.labels("alice"))] <= time.time() + 1
    )
    assert series[key("hpc_job_node_exclusive", **other.labels("bob"))] == 1
    assert {dict(labels)["jobid"] for _, labels in start(keep_ended=3600.0).jobs()} == {"102"}


@pytest.mark.parametrize("below", ["slurm/uid_5001/job_101", "pbs_jobs.service/jobid/101.head"])
def test_a_job_on_cgroup_v1_that_has_ended_but_for_its_cgroups(
    node: NodeTree, start: Start, below: str
) -> None:
    job = node.job_v1(below.rpartition("/")[2].removeprefix("job_"), 5001, 3, below)
    exporter = start(keep_ended=0.0)
    assert exporter.jobs() == pytest.approx(job.expected("alice"))
    leave(job)
    assert not exporter.jobs()
    assert not start().jobs()


def test_a_job_without_processes_is_no_such_thing_while_the_prologs_file_is_there(
    node: NodeTree, start: Start
) -> None:
    """It may hold GPUs."""
    job = node.job("101", 5001, 3)
    facts = node.write_facts("101", "account=physics\nuid=5001\n")
    exporter = start(keep_ended=0.0)
    exporter.jobs()
    leave(job)
    limit = key("hpc_job_cpus", **job.labels("alice", "physics"))
    assert limit in exporter.jobs()
    assert limit in start().jobs()
    facts.unlink()
    assert not exporter.jobs()


def test_a_directory_that_the_scheduler_fills_again(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    exporter = start(keep_ended=0.0)
    exporter.jobs()
    leave(job)
    assert not exporter.jobs()
    job.stepd("7")
    job.process("step_7/user/task_0", "a.out", ["a.out"], start=900)
    assert key("hpc_job_processes", **job.labels("alice")) in exporter.jobs()


class Poll:
    """Tells of events as the kernel does for a cgroup: the files of these tests are no such thing."""

    def __init__(self) -> None:
        self._real = select.poll()
        self.urgent: set[int] = set()
        self.happened: list[tuple[int, int]] = []

    def register(self, fd: int, events: int) -> None:
        if events == select.POLLPRI:
            self.urgent.add(fd)
        else:
            self._real.register(fd, events)

    def unregister(self, fd: int) -> None:
        self.urgent.remove(fd)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        happened, self.happened = self.happened, []
        return happened or self._real.poll(min(timeout, 10))


def test_the_last_process_of_a_job_ends(
    node: NodeTree, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the job used since the last look is read before the cgroup goes."""
    job = node.job("101", 5001, 3)
    exporter = start(keep_ended=3600.0, watch_interval=3600.0)
    exporter.jobs()
    poll = Poll()
    monkeypatch.setattr("jobgauge_job.watch.select.poll", lambda: poll)
    table = exporter.running.collectors[0].table  # type: ignore[attr-defined]
    watch = Watch(table, 0.01, [])
    monkeypatch.setattr(table, "watch", lambda _: None)  # from here on nothing but the event makes it read
    while not poll.urgent:
        time.sleep(0.01)
    job.figures.seed = 4
    job.write(job.figures.files() | {"cgroup.events": "populated 0\nfrozen 0\n"})
    poll.happened = [(fd, select.POLLPRI) for fd in poll.urgent]
    usage = table.running[0].file("memory.current")
    while usage.text != b"4001792\n":
        time.sleep(0.01)
    watch.close()
