"""PBS's and Torque's jobs that started and ended, and tasks of arrays: held to the server's own accounting log."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from jobgauge_scheduler.backends import choose
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.history import History
from jobgauge_scheduler.model import Reading, Record, Source
from jobgauge_scheduler.pbs import cluster, history, torque
from tests.support.pbs import OPENPBS, TORQUE, clients, plain, told
from tests.support.scrape import once, parse
from tests.support.slurm import program

OUTCOMES = {"0": "completed", "3": "failed", "-29": "timeout", "271": "cancelled"}
RECORDED_AT = 1795252200  # qstat was asked some seconds before; the log goes on for some minutes


def parsed() -> tuple[Record, ...]:
    reading = history.parse(plain("Job Id: ", told("qstat_x_t_f_json.json", "Jobs")).encode())
    assert reading.unreadable == 0
    return reading.value


def logged(kind: str) -> dict[str, dict[str, str]]:
    """Return the log's starts (S) or ends (E) before the recording, by job."""
    found = {}
    for line in (OPENPBS / "oracle_accounting.txt").read_text().splitlines():
        _, what, job, fields = line.split(";", 3)
        values = dict(re.findall(r"(\w+)=(\S*)", fields))
        if what == kind and int(values.get("end", values["start"])) < RECORDED_AT and "[]" not in job:
            found[job] = values
    return found


def test_every_end_is_as_the_server_logged_it() -> None:
    ends = logged("E")
    assert len(ends) >= 9, "four single jobs and the tasks of an array that had ended"
    found = {record.id: record for record in parsed() if record.end is not None}
    assert found.keys() == {
        job for job, values in ends.items() if int(values["end"]) <= max(r.end for r in found.values())
    }
    for job, record in found.items():
        values = ends[job]
        assert (record.start, record.end, record.eligible) == tuple(
            int(values[k]) for k in ("start", "end", "etime")
        )
        assert (record.user, record.partition) == (values["user"], values["queue"])
        assert record.account == values.get("account", "").strip('"')
        assert record.state == OUTCOMES[values["Exit_status"]]


def test_every_start_is_as_the_server_logged_it() -> None:
    starts = logged("S")
    found = {record.id: record.start for record in parsed() if record.end is None}
    assert len(found) == 10
    assert found == {job: int(starts[job]["start"]) for job in found}


def test_one_that_the_kernel_killed_for_its_memory() -> None:
    jobs = plain("Job Id: ", told("qstat_x_f_json_oom_job.json", "Jobs"))
    (record,) = history.parse(jobs.encode()).value
    assert record.state == "out_of_memory"


@pytest.mark.parametrize(
    ("attributes", "state", "start"),
    [
        ({"Exit_status": "-27", "substate": "93", "stime": "100"}, "out_of_memory", 100),
        ({"Exit_status": "271", "substate": "93", "stime": "100"}, "failed", 100),
        ({"substate": "91"}, "cancelled", None),
    ],
)
def test_outcomes(attributes: dict[str, str], state: str, start: int | None) -> None:
    common = {"job_state": "F", "euser": "u", "queue": "q", "mtime": "200"}
    (record,) = history.parse(plain("Job Id: ", {"1.s": {**common, **attributes}}).encode()).value
    assert (record.state, record.start, record.end) == (state, start, 200)


@pytest.mark.parametrize("letter", "QHWTBM")
def test_what_neither_started_nor_ended_is_not_told(letter: str) -> None:
    text = plain("Job Id: ", {"1.s": {"job_state": letter, "euser": "u", "queue": "q", "stime": "100"}})
    assert history.parse(text.encode()) == Reading(())


def test_an_ended_job_that_the_server_remembers_for_weeks_is_counted_once_over_restarts(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "state.json")
    ended = [record for record in parsed() if record.end is not None]
    start = min(record.end for record in ended) - 1000
    for count in (3, 3, len(ended), len(ended)):
        ends = sorted(ended, key=lambda record: record.end)[:count]
        counting = History(lambda _, ends=ends: Reading(tuple(ends)), path, clock=lambda: float(start))
        tally = counting().value
        assert sum(tally.ended.values()) == count
        assert sum(sum(h.counts) for h in tally.runs.values()) == count
    by_state: Counter[str] = Counter()
    for (state, *_), count in tally.ended.items():
        by_state[state] += count
    assert by_state == Counter(record.state for record in ended)


def test_torque_keeps_those_that_ended_for_a_while() -> None:
    reading = torque.history((TORQUE / "torque-handmade_qstat_x.xml").read_bytes())
    assert reading.unreadable == 0
    told_of = {record.id: record for record in reading.value}
    assert told_of.keys() == {"4198.head01", "4201.head01"}
    ended = told_of["4198.head01"]
    assert (ended.state, ended.eligible, ended.start, ended.end) == (
        "completed",
        1795251900,
        1795251921,
        1795251930,
    )
    assert told_of["4201.head01"].end is None


def queue(folder: Path):
    config = SchedulerConfig(backend="pbs", pbs_bin_dir=str(folder))
    return choose(config).reads()[Source.JOBS]().value


def test_tasks_of_an_array_that_run_are_told_one_by_one(tmp_path: Path) -> None:
    jobs = queue(clients(tmp_path))
    tasks = {job.id: job for job in jobs if job.array_job_id == "14[].head01"}
    assert {(name, job.state, job.tasks, job.array_task_id) for name, job in tasks.items()} == {
        ("14[6].head01", "running", 1, "6"),
        ("14[7].head01", "running", 1, "7"),
        ("14[].head01", "pending", 2, ""),
    }
    assert tasks["14[7].head01"].node_list == "node02"
    assert len(jobs) == len({(job.id, job.state) for job in jobs})


@pytest.mark.parametrize("broken", ["qselect", "qstat"])
def test_where_tasks_cannot_be_asked_for_they_stay_a_number(tmp_path: Path, broken: str) -> None:
    folder = clients(tmp_path)
    if broken == "qselect":
        program(folder / "qselect", "exit 1")
    else:
        program(folder / "qselect", "echo '15[3].head01'")
    tasks = {(job.id, job.state, job.tasks) for job in queue(folder) if job.array_job_id == "14[].head01"}
    assert tasks == {("14[].head01", "running", 2), ("14[].head01", "pending", 2)}


def test_a_queue_s_nodes_are_those_bound_to_it_or_all_that_have_what_its_jobs_need() -> None:
    queues = {
        "bound": {"hasnodes": "True"},
        "all": {},
        "gpu": {"default_chunk": {"ngpus": 1}},
        "big": {"default_chunk": {"mem": "64gb"}},
        "named": {"default_chunk": {"Qlist": "b"}},
        "other": {"partition": "p2"},
        "R27": {},
    }
    text = plain("Queue: ", {name: {"queue_type": "Execution", **rest} for name, rest in queues.items()})
    text += plain("Queue: ", {"closed": {"queue_type": "Route"}})
    nodes = {
        "n1": {"queue": "bound"},
        "n2": {"resources_available": {"mem": "32gb", "Qlist": "a,b"}},
        "n3": {"resources_available": {"mem": "131072mb", "ngpus": 2, "Qlist": "a"}},
        "n4": {"partition": "p2"},
    }
    listing = plain("", {name: {"state": "free", **rest} for name, rest in nodes.items()})
    found = cluster.nodes(listing.encode(), cluster.rules(text.encode()).value)
    assert {node.name: node.partitions for node in found.value} == {
        "n1": ("bound",),
        "n2": ("all", "named"),
        "n3": ("all", "gpu", "big"),
        "n4": ("other",),
    }


def test_gaps_of_the_recorded_cluster(tmp_path: Path) -> None:
    flags = ("--backend=pbs", f"--pbs.bin-dir={clients(tmp_path)}")
    result = once("jobgauge-scheduler-exporter", *flags, at=RECORDED_AT)
    gaps = {
        tuple(dict(labels)[name] for name in ("partition", "cpus", "nodes")): value
        for (name, labels), value in parse(result.stdout).items()
        if name == "hpc_sched_backfill_window_seconds"
    }
    # 16 CPUs are free on gpu01 until 17:07:12 and 4 on node01 until 09:39:25, when jobs are planned there; somebody's
    # reservation is on node02; two nodes are down
    expected = {("gpu", str(cpus), "1"): 28632 for cpus in (1, 2, 4, 8, 16)}
    for queue in ("workq", "long"):
        expected |= {(queue, str(cpus), "1"): 28632 for cpus in (1, 2, 4, 8, 16)}
        expected |= {(queue, str(cpus), "2"): 1765 for cpus in (1, 2, 4)}
    assert gaps == pytest.approx(expected, abs=60), "and maint starts nothing"
