"""What a user can do to a job, its processes, its cgroups and its environment changes nobody's labels or numbers."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.support.expectation import key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import NodeTree
from tests.support.process_tree import ProcessTree

Start = Callable[..., JobExporter]
TITLE = ["slurmstepd: [999.batch]"]


def test_a_process_that_calls_itself_slurmstepd(node: NodeTree, start: Start) -> None:
    job = node.job("4711", 5001, 3, name="sEKNKTV3WPV500")
    job.process("step_batch/user/task_0", "slurmstepd", TITLE, start=0)
    job.process(
        "step_batch/user/task_0", "slurmstepd", TITLE, uid=0, start=0
    )  # `sudo` by another name is root's
    assert start().jobs() == pytest.approx(job.expected("alice"))


@pytest.mark.parametrize(
    "lie",
    [
        {"uid": 5001, "comm": "slurmstepd", "words": TITLE},
        {"uid": 0, "comm": "bash", "words": TITLE},
        {"uid": 0, "comm": "slurmstepd", "words": ["x slurmstepd: [999.batch]"]},
        {"uid": 0, "comm": "slurmstepd", "words": ["slurmstepd: [999"]},
        {"uid": 0, "comm": "slurmstepd", "words": ["slurmstepd: [0.batch]"]},
    ],
)
def test_no_job_id_is_better_than_a_wrong_one(node: NodeTree, start: Start, lie: dict[str, object]) -> None:
    job = node.job("4711", 5001, 3, name="sEKNKTV3WPV500")
    for process in job.processes:
        if process.comm == "slurmstepd":
            for name, value in lie.items():
                setattr(process, name, value)
            process.write()
    assert not start().jobs()


def test_a_number_that_has_become_another_process(node: NodeTree, start: Start) -> None:
    """The list still has a process, but that number is by now another job's process."""
    job, other = node.job("101", 5001, 3), node.job("102", 5002, 5)
    process = other.processes[-2]
    with (job.folder / "step_batch/user/task_0/cgroup.procs").open("a") as file:
        file.write(f"{process.pid}\n")
    assert start().jobs() == pytest.approx(job.expected("alice") | other.expected("bob"))


def test_cgroups_named_like_jobs(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    elsewhere = [
        job.folder / "step_batch/user/task_0/job_999",
        node.cgroups / "user.slice/user-5001.slice/user@5001.service/slurmstepd.scope/job_999",
        node.cgroups / "user.slice/slurmstepd.scope.d/job_999",
    ]
    for folder in elsewhere:
        folder.mkdir(parents=True)
        (folder / "memory.current").write_text("999\n")
        (folder / "cgroup.procs").write_text("")
    for name in (
        "job_",
        "job_0",
        "job_1x",
        "job_-1",
        "job_99999999999",
        "sEKNKTV3WPV50I",
        "system",
        "job_\uff11",
    ):
        (job.folder.parent / name).mkdir(exist_ok=True)
    assert start().jobs() == pytest.approx(job.expected("alice"))


def test_the_environment_is_not_read(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    for process in job.processes:
        os.mkfifo(process.folder / "environ")  # whoever opens it waits for ever
    assert start().jobs() == pytest.approx(job.expected("alice"))


def test_user_ids_of_a_container_are_not_the_owner(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    job.process("step_batch/user/task_0", "init", ["/init"], uid=1_005_002, start=100_000)
    node.user("subuid", 1_005_002)
    assert start().jobs() == pytest.approx(job.expected("alice"))


def test_an_idle_job_is_its_users_by_the_prolog(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    job.processes = [process for process in job.processes if not process.uid]
    job.list_processes("step_batch/user/task_0")
    node.write_facts("101", "account=physics\nuid=5002\n")
    assert start().jobs() == pytest.approx(job.expected("bob", "physics"))


def test_facts_that_others_can_write_are_not_believed(node: NodeTree, start: Start) -> None:
    jobs = [node.job(str(number), 5001, number) for number in range(101, 106)]
    paths = [node.write_facts(job.jobid, "account=stolen\nuid=5002\n") for job in jobs]
    paths[0].chmod(0o664)
    paths[1].chmod(0o646)
    moved = paths[2].rename(node.root / "elsewhere")
    paths[2].symlink_to(moved)
    paths[3].unlink()
    os.mkfifo(paths[3])
    paths[4].write_text("account=right\n")
    expected = [job.expected("alice", "right" if job is jobs[4] else "") for job in jobs]
    assert start().jobs() == pytest.approx({name: value for part in expected for name, value in part.items()})
    node.facts.chmod(0o777)
    assert {dict(labels)["account"] for _, labels in start().jobs()} == {""}


def test_program_names_make_no_mischief(node: NodeTree, start: Start) -> None:
    """Names that would look alike on the page, or like the sum of the others, are one series each."""
    job = node.job("101", 5001, 3)
    names = ["other", "a\nb", "a\\nb", 'q"', "x" * 400, "x" * 401, "\\udcff", "\udcff", "%s %b"]
    for name in names:
        job.process("step_batch/user/task_0", "sh", ["sh"], ticks=1000, exe=f"/{name}")
    job.process("step_batch/user/task_0", "other", ["other"], ticks=500)
    job.process("step_batch/user/task_0", ") R 1 (", ["sh"], ticks=300)
    exporter = start(programs=100)
    series = exporter.series()
    assert series[key("jobgauge_collector_success", collector="processes")] == 1
    programs = {
        dict(labels)["exe"]: value
        for (name, labels), value in series.items()
        if name.startswith("hpc_job_process_cpu")
    }
    own = [p for p in job.processes if p.uid]
    assert sum(programs.values()) == pytest.approx(sum(p.ticks for p in own) / 100)
    assert programs["/a\nb"] == programs["/a\\nb"] == programs['/q"'] == programs["/%s %b"] == 10.0
    assert programs[") R 1 ("] == 3.0
    assert programs["other"] == pytest.approx(0.17 + 5.0)
    assert len([name for name in programs if name.startswith("/xxx")]) == 1


def test_a_job_of_many_thousand_processes(node: NodeTree, start: Start) -> None:
    """The list comes in many pieces; numbers that have gone are left out."""
    job = node.job("101", 5001, 3)
    for _ in range(40):
        job.process("step_batch/user/task_0", "a.out", ["a.out"], exe="/a.out")
    with (job.folder / "step_batch/user/task_0/cgroup.procs").open("a") as file:
        file.writelines(f"{pid}\n" for pid in range(4_000_000, 4_008_000))
    assert start().jobs() == pytest.approx(job.expected("alice"))


def test_processes_change_between_scrapes(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    exporter = start()
    group = "step_batch/user/task_0"
    exporter.jobs()
    new: ProcessTree = job.process(group, "a.out", ["a.out"], exe="/a.out", ticks=700, states="RRS")
    assert exporter.jobs() == pytest.approx(job.expected("alice"))
    new.states, new.ticks = "RDDZS", 900
    new.write()
    expected = job.expected("alice")
    assert exporter.jobs() == pytest.approx(expected)
    new.end()
    job.list_processes(group)
    counter = key("hpc_job_process_cpu_seconds_total", exe="/a.out", **job.labels("alice"))
    after = job.expected("alice") | {counter: expected[counter]}  # what it has used stays
    assert exporter.jobs() == pytest.approx(after)
    job.process("step_0/user/task_0", "b.out", ["b.out"], exe="/b.out", ticks=800)
    (job.folder / "cgroup.stat").write_text("nr_descendants 11\nnr_dying_descendants 0\n")
    assert exporter.jobs() == pytest.approx(job.expected("alice") | {counter: expected[counter]})
