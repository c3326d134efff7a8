"""The queue's text: what a real Slurm printed, compared with what it says task by task, and what users may do to it."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import Job
from jobgauge_scheduler.slurm import squeue
from tests.support.slurm import FIXTURES, MARK, VERSIONS

FIELDS = {
    "JobID": "7", "ArrayJobID": "7", "ArrayTaskID": "N/A", "UserName": "alice", "UserID": "1000", "Account": "physics",
    "Partition": "batch", "QOS": "normal", "State": "RUNNING", "Reason": "None", "NumCPUs": "2", "NumNodes": "1",
    "tres-alloc": "cpu=2,mem=300M,node=1,billing=2", "tres-per-job": "N/A", "tres-per-node": "N/A",
    "tres-per-socket": "N/A", "tres-per-task": "N/A", "PriorityLong": "5000", "SubmitTime": "100", "EligibleTime": "110",
    "StartTime": "120", "EndTime": "1920", "TimeLimit": "30:00", "NodeList": "n1", "SchedNodes": "(null)", "Name": "x",
}  # fmt: skip


def record(**fields: str) -> bytes:
    values = FIELDS | {name.replace("_", "-"): value for name, value in fields.items()}
    return ("\x1f".join(values.values()) + MARK + "\n").encode("utf-8", "surrogateescape")


def one(**fields: str) -> Job:
    reading = squeue.parse([record(**fields)], MARK)
    assert reading.unreadable == 0
    (job,) = reading.value
    return job


@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_queue_task_by_task(version: str) -> None:
    reading = squeue.parse([(FIXTURES / version / "squeue.txt").read_bytes()], MARK)
    found: Counter[tuple[str, ...]] = Counter()
    for job in reading.value:
        times = (job.submit_time, job.start_time, job.end_time)
        key = (
            job.id, job.user, job.account, job.partition, job.qos, job.state, str(job.cpus), str(job.nodes),
            *(str(time) if time is not None else "N/A" for time in times), str(job.priority),
        )  # fmt: skip
        found[key] += job.tasks
    expected: Counter[tuple[str, ...]] = Counter()
    for line in (FIXTURES / version / "squeue_tasks.txt").read_text().splitlines():
        job_id, user, uid, account, partition, qos, state, _, cpus, nodes, *rest = line.split("|")
        owner = uid if user == "nobody" else user
        expected[(job_id, owner, account, partition, qos, state.lower(), cpus, nodes, *rest)] += 1
    assert reading.unreadable == 0
    assert found == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_hostile_names_come_through_as_they_are(version: str) -> None:
    reading = squeue.parse([(FIXTURES / version / "squeue.txt").read_bytes()], MARK)
    names = {job.name for job in reading.value}
    assert {
        'a "quoted" |pipe|, comma; semi=x', "new\nline\ttab", "naïve-日本-🚀", "bad-utf8-\udcff\udcfe", "long" * 250,
        'back\\slash %j {x="y"}', "x\x1f\x1e0123abce\n99\x1fevil",
    } <= names  # fmt: skip


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_no_name_reaches_another_field_or_job(name: str) -> None:
    reading = squeue.parse([record(Name=name), record(JobID="8")], MARK)
    assert [(job.id, job.name) for job in reading.value] == [("7", name), ("8", "x")]


def test_a_stranger_s_guess_of_the_mark_differs_at_each_start() -> None:
    assert len(squeue.MARK) == 9
    assert squeue.layout().endswith(f"Name:{squeue.MARK}")
    assert squeue.layout().count("\x1f") == len(FIELDS) - 1


def test_a_record_that_makes_no_sense_is_left_out_and_counted() -> None:
    output = (
        record(NumCPUs="many")
        + record()
        + record(tres_alloc="cpu=1,mem=?")
        + b"7\x1f8"
        + MARK.encode()
        + b"\n"
    )
    reading = squeue.parse([output], MARK)
    assert ([job.id for job in reading.value], reading.unreadable) == (["7"], 3)


@given(st.lists(st.integers(0, 300)))
def test_it_does_not_matter_where_the_answer_is_cut_into_pieces(cuts: list[int]) -> None:
    output = record(Name=MARK) + record(JobID="8")
    places = [0, *sorted(cuts), len(output)]
    pieces = [output[first:last] for first, last in pairwise(places)]
    assert squeue.parse(pieces, MARK) == squeue.parse([output], MARK)


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_an_answer_that_breaks_off_is_refused(cut: int) -> None:
    with pytest.raises(SourceError, match="middle of a record"):
        squeue.parse([record(), record()[:-cut]], MARK)


def test_an_empty_queue_is_an_answer() -> None:
    assert squeue.parse([], MARK) == squeue.Reading((), 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("None", ""),
        ("Priority", "Priority"),
        ("ReqNodeNotAvail, UnavailableNodes:n4", "ReqNodeNotAvail"),
        ("ReqNodeNotAvail(Unavailable:n4)", "ReqNodeNotAvail"),
        (
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
            "Resources",
        ),
        ("job requeued in held state", "JobHeldUser"),
        ("launch failed requeued held", "launch failed requeued held"),
        ("what an admin wrote", "Other"),
    ],
)
def test_reasons_are_of_a_closed_set(text: str, reason: str) -> None:
    assert one(State="PENDING", Reason=text).reason == reason


@pytest.mark.parametrize("per", ["tres_per_job", "tres_per_node", "tres_per_socket", "tres_per_task"])
def test_gpus_have_the_type_that_was_asked_for(per: str) -> None:
    job = one(tres_alloc="cpu=2,node=2,gres/gpu=4", **{per: "gres/gpu:a100:2"})
    assert (job.gpus, job.gpus_by_type) == (4, (("a100", 4),))
    assert one(**{per: "gres/gpu:a100:2"}).gpus_by_type == ()


@pytest.mark.parametrize(
    ("task", "tasks", "array", "index"),
    [("N/A", 1, "", ""), ("0", 1, "7", "0"), ("5-9", 5, "7", ""), ("1,3,5-9:2%7", 5, "7", "")],
)
def test_arrays(task: str, tasks: int, array: str, index: str) -> None:
    job = one(ArrayTaskID=task)
    assert (job.tasks, job.array_job_id, job.array_task_id) == (tasks, array, index)


@pytest.mark.parametrize(
    ("name", "uid", "user"),
    [("nobody", "1005", "1005"), ("nobody", "65534", "nobody"), ("1005", "1005", "1005")],
)
def test_users_without_a_name_are_numbers(name: str, uid: str, user: str) -> None:
    assert one(UserName=name, UserID=uid).user == user


@given(st.lists(st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["a", "b"])), max_size=9), max_size=5))
def test_a_queue_read_after_others_is_as_read_by_itself(readings: list[list[tuple[int, str]]]) -> None:
    reader = squeue.Reader(MARK)
    for jobs in readings:
        output = b"".join(record(JobID=str(number), Name=name) for number, name in jobs)
        found = reader([output])
        assert found == squeue.parse([output], MARK)
        assert [(job.id, job.name) for job in found.value] == [(str(number), name) for number, name in jobs]


def test_a_record_that_stays_as_it_was_is_not_read_again() -> None:
    reader = squeue.Reader(MARK)
    first = reader([record(), record(JobID="8"), record(NumCPUs="many")])
    second = reader([record(JobID="8"), record(State="COMPLETING"), record(NumCPUs="many")])
    assert second.value[0] is first.value[1]
    assert (second.value[1].state, second.unreadable) == ("completing", 1)
    with pytest.raises(SourceError):
        reader([record(JobID="8")[:-1]])
    assert reader([record(JobID="8")]).value == first.value[1:], "an answer that broke off leaves nothing"


def test_two_queues_are_never_held_at_once() -> None:
    def answer(priority: int) -> Iterator[bytes]:
        return (record(JobID=str(job), PriorityLong=str(priority)) for job in range(1000, 3000))

    reader = squeue.Reader(MARK)
    reader(answer(5000))  # fills caches, too
    tracemalloc.start()
    reader(answer(6000))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    reader(answer(7000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.6 * held
