"""The queue's text: what a real Slurm printed, compared with what it says task by task, and what users may do to it."""

from __future__ import annotations

import re
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
    "JobID": "7", "ArrayJobID": "7", "ArrayTaskID": "N/A", "PriorityLong": "5000", "SubmitTime": "100",
    "EligibleTime": "110", "StartTime": "120", "NodeList": "n1", "SchedNodes": "(null)",
}  # fmt: skip
COMMON = {
    "UserName": "alice", "UserID": "1000", "Account": "physics", "Partition": "batch", "QOS": "normal",
    "State": "RUNNING", "Reason": "None", "NumCPUs": "2", "NumNodes": "1", "tres-alloc": "cpu=2,mem=300M,node=1,billing=2",
    "tres-per-job": "N/A", "tres-per-node": "N/A", "tres-per-socket": "N/A", "tres-per-task": "N/A", "TimeLimit": "30:00",
}  # fmt: skip


def record(Name: str = "x", **fields: str) -> bytes:  # noqa: N803 - as Slurm calls it
    said = {name.replace("_", "-"): value for name, value in fields.items()}
    own, common = ([said.pop(name, value) for name, value in group.items()] for group in (FIELDS, COMMON))
    assert not said
    return ("\x1f".join((*own, "\x1d".join(common), Name)) + MARK + "\n").encode("utf-8", "surrogateescape")


def one(**fields: str) -> Job:
    reading = squeue.parse([record(**fields)], MARK)
    assert reading.unreadable == 0
    (job,) = reading.value
    return job


def test_partitions_in_any_order_are_the_same() -> None:
    assert {one(Partition=given).partition for given in ("long,batch", "batch,long", "batch,long,batch")} == {
        "batch,long"
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_queue_task_by_task(version: str) -> None:
    reading = squeue.parse([(FIXTURES / version / "squeue.txt").read_bytes()], MARK)
    found: Counter[tuple[str, ...]] = Counter()
    for job in reading.value:
        times = (job.submit_time, job.start_time)
        key = (
            job.id, job.user, job.account, job.partition, job.qos, job.state, str(job.cpus), str(job.nodes),
            *(str(time) if time is not None else "N/A" for time in times), str(job.priority),
        )  # fmt: skip
        found[key] += job.tasks
    expected: Counter[tuple[str, ...]] = Counter()
    for line in (FIXTURES / version / "squeue_tasks.txt").read_text().splitlines():
        job_id, user, uid, account, partition, qos, state, _, cpus, nodes, submit, start, _, priority = (
            line.split("|")
        )
        owner = uid if user == "nobody" else user
        expected[
            job_id, owner, account, partition, qos, state.lower(), cpus, nodes, submit, start, priority
        ] += 1
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
    named = re.findall(r"([A-Za-z-]+):", squeue.layout())
    assert named == [*FIELDS, *COMMON, "Name"], "in the order in which they are read"


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


def test_users_make_no_fields_by_what_they_ask_for() -> None:
    for separator in ("\x1d", "\x1f"):
        hostile = record(JobID="8", tres_per_node=f"gres:gpu:a{separator}b:1")
        reading = squeue.parse([record(), hostile], MARK)
        assert ([job.id for job in reading.value], reading.unreadable) == (["7"], 1)


def test_what_jobs_have_in_common_is_there_once_and_nothing_is_left_of_them() -> None:
    def answer(site: str) -> Iterator[bytes]:
        for job in range(1000, 3000):
            user, nodes = f"{site}{job % 7}", f"{site}{job % 50}"
            yield record(JobID=str(job), UserName=user, Account=f"group{job % 3}", SchedNodes=nodes)

    squeue.parse(answer("a"), MARK)  # imports and such
    tracemalloc.start()
    jobs = squeue.parse(answer("b"), MARK).value
    assert len({id(job.user) for job in jobs}) == 7
    assert len({id(job.account) for job in jobs}) == 3
    held, _ = tracemalloc.get_traced_memory()
    assert held / len(jobs) < 400
    del jobs
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < 5000
