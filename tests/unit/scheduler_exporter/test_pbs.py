"""PBS: what a real OpenPBS printed as text, compared with what it says as JSON; awkward values; Torque."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.errors import SourceError
from jobgauge_scheduler.backends import BACKENDS
from jobgauge_scheduler.config import BACKEND_NAMES
from jobgauge_scheduler.model import Job
from jobgauge_scheduler.pbs import cluster, jobs, torque, units
from tests.support.pbs import OPENPBS, TORQUE, clients, plain, told
from tests.support.scrape import once, parse
from tests.support.slurm import program

COMMAND = "jobgauge-scheduler-exporter"
LETTERS = {"Q": "pending", "H": "pending", "W": "pending", "R": "running", "S": "suspended"}
SECRETS = ("PBS_O_", "/home/alice", "BURN")


def recorded_jobs() -> list[Job]:
    reading = jobs.parse((OPENPBS / "qstat_f.txt").read_bytes())
    assert reading.unreadable == 0
    return list(reading.value)


def test_each_job_is_as_json_tells_it() -> None:
    expected = told("qstat_f_json.json", "Jobs")
    singles = {job.id: job for job in recorded_jobs() if not job.array_job_id}
    assert singles.keys() == {name for name in expected if "[" not in name}
    for name, job in singles.items():
        attributes = expected[name]
        asked = attributes["Resource_List"]
        assert job.state == LETTERS[attributes["job_state"]]
        assert (job.user, job.account, job.partition) == (
            attributes["euser"], attributes["Account_Name"], attributes["queue"],
        )  # fmt: skip
        assert (job.cpus, job.nodes, job.gpus) == (asked["ncpus"], asked["nodect"], asked.get("ngpus", 0))
        assert job.memory == (int(asked["mem"].removesuffix("gb")) * 2**30 if "mem" in asked else None)
        hours, minutes, seconds = (int(part) for part in asked.get("walltime", "0:0:0").split(":"))
        assert (job.time_limit or 0) == hours * 3600 + minutes * 60 + seconds
        assert job.name == attributes["Job_Name"]
        assert job.node_list.split(",") == re.findall(r"([^/+]+)/", attributes.get("exec_host", "")) or [""]
        assert job.priority is None, "PBS tells what the user asked for, not a priority"


def test_a_begun_array_is_counted_by_the_state_of_its_tasks() -> None:
    array = {(job.state, job.tasks, job.cpus) for job in recorded_jobs() if job.id == "14[].head01"}
    # Queued:2 Running:2 Exiting:0 Expired:6, four CPUs each
    assert array == {("pending", 2, 4), ("running", 2, 4)}


def test_times_are_those_of_the_json_in_the_same_zone() -> None:
    job = next(job for job in recorded_jobs() if job.id == "18.head01")
    # Sat Nov 21 09:07:12 2026 and the estimate Sat Nov 21 17:07:12 2026
    assert job.submit_time == 1795252032
    assert job.start_time == 1795252032 + 8 * 3600
    assert job.planned_nodes == ("gpu01",)


def test_reasons() -> None:
    reasons = {job.id.split(".")[0]: job.reason for job in recorded_jobs() if job.pending}
    assert reasons == {
        "14[]": "",
        "15": "Dependency",
        "18": "Insufficient amount of resource: ngpus",
        "19": "JobHeldUser",
        "21": "User has reached queue long running job limit",
        "22": "BeginTime",
        "23": "Queue not started",
        "25": "JobHeldAdmin",
        "30": "Insufficient amount of server resource: matlab",
        "31": "Can Never Run: Insufficient amount of resource: ncpus",
        "32": "Insufficient amount of resource: ncpus",
    }


@pytest.mark.parametrize("path", sorted((OPENPBS / "quirks").iterdir()), ids=lambda path: path.name)
def test_awkward_values_come_through_or_are_at_least_alone(path: Path) -> None:
    text = path.read_bytes()
    reading = jobs.parse(text + (OPENPBS / "qstat_f.txt").read_bytes())
    assert reading.unreadable == 0
    first, *others = reading.value
    assert others == recorded_jobs(), "no other job is touched"
    case = path.name.split(".")[0].split("_", 1)[1]
    names = {"job_name_nan": "nan", "job_name_1e5": "1e5", "job_name_plus5": "+5"}
    assert first.name == names.get(case, "quick.sh")
    if case == "account_trailing_backslash":
        assert first.account == "x\\"
    if path.name.startswith("head_account_e"):
        assert first.account == "é"


def test_nothing_of_an_environment_is_kept() -> None:
    assert b"PBS_O_HOME" in (OPENPBS / "qstat_f.txt").read_bytes()
    assert not [secret for secret in SECRETS if secret in repr(recorded_jobs())]


@given(
    st.text(st.characters(blacklist_categories=["Cs", "Cc"])),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"])),
)
def test_no_value_reaches_another_field_or_job(name: str, account: str) -> None:
    attributes = {"job_state": "R", "euser": "u", "queue": "q"}
    text = plain(
        "Job Id: ", {"1.s": {"Job_Name": name, "Account_Name": account, **attributes}, "2.s": attributes}
    )
    first, second = jobs.parse(text.encode()).value
    assert (first.id, first.user, first.name, first.account, first.state) == (
        "1.s",
        "u",
        name,
        account,
        "running",
    )
    assert second.id == "2.s"


@pytest.mark.parametrize(
    ("letter", "states"),
    [("Q", ["pending"]), ("T", ["pending"]), ("R", ["running"]), ("E", ["completing"]), ("U", ["suspended"])]
    + [(letter, []) for letter in "CFMX"],
)
def test_letters(letter: str, states: list[str]) -> None:
    text = plain("Job Id: ", {"1.s": {"job_state": letter, "euser": "u", "queue": "q"}})
    assert [job.state for job in jobs.parse(text.encode()).value] == states


def test_a_job_that_makes_no_sense_is_left_out_and_counted() -> None:
    good = {"job_state": "R", "euser": "u", "queue": "q"}
    text = plain(
        "Job Id: ",
        {"1.s": {**good, "job_state": "?"}, "2.s": good, "3.s": {**good, "Resource_List": {"ncpus": "@x"}}},
    )
    reading = jobs.parse(text.encode())
    assert ([job.id for job in reading.value], reading.unreadable) == (["2.s"], 2)


def test_nodes_are_as_json_tells_them() -> None:
    expected = told("pbsnodes_av_json.json", "nodes")
    found = {node.name: node for node in cluster.nodes((OPENPBS / "pbsnodes_av.txt").read_bytes()).value}
    assert found.keys() == expected.keys()
    for name, node in found.items():
        has, gives = expected[name]["resources_available"], expected[name]["resources_assigned"]
        assert (node.cpus, node.cpus_allocated) == (has["ncpus"], gives.get("ncpus", 0))
        assert (node.gpus, node.gpus_allocated) == (has.get("ngpus", 0), gives.get("ngpus", 0))
        assert node.memory == int(has["mem"].removesuffix("mb")) * 2**20
        assert node.memory_allocated == int(str(gives.get("mem", "0kb")).removesuffix("kb")) * 2**10
    assert {name: node.state for name, node in found.items()} == {
        "node01": "mixed", "node02": "mixed", "node03": "drained", "node04": "down", "gpu01": "mixed",
    }  # fmt: skip
    assert found["node03"].reason == "PSU failed, ticket #4711; do not clear"


@pytest.mark.parametrize(
    ("text", "used", "summary"),
    [
        ("free", False, "idle"),
        ("free", True, "mixed"),
        ("job-busy", True, "allocated"),
        ("job-exclusive", True, "allocated"),
        ("offline", False, "drained"),
        ("job-busy, offline", True, "draining"),
        ("state-unknown,down", False, "down"),
        ("Stale", False, "down"),
        ("maintenance", False, "maint"),
        ("sleep", False, "power_saving"),
        ("something-new", False, "other"),
    ],
)
def test_states_of_nodes(text: str, used: bool, summary: str) -> None:
    line = f"n\n     state = {text}\n     resources_assigned.ncpus = {int(used)}\n"
    (node,) = cluster.nodes(line.encode()).value
    assert node.state == summary


def test_a_resource_that_stands_at_another_vnode_is_counted_there() -> None:
    text = b"gpu01\n     state = free\n     resources_available.ncpus = @gpu01[0]\n     resources_available.mem = @gpu01[0]\n"
    (node,) = cluster.nodes(text).value
    assert (node.cpus, node.memory) == (0, None)


def test_queues_reservations_and_licences() -> None:
    queues = cluster.queues(plain("Queue: ", told("qstat_Q_f_json.json", "Queue")).encode()).value
    assert {(queue.name, queue.state, queue.time_limit) for queue in queues} == {
        ("workq", "up", 24 * 3600), ("long", "up", 168 * 3600), ("gpu", "up", None), ("maint", "down", None),
    }  # fmt: skip
    first, second = cluster.reservations((OPENPBS / "pbs_rstat_f.txt").read_bytes()).value
    assert (first.name, first.state, first.nodes, first.end - first.start) == (
        "R27.head01",
        "confirmed",
        ("node01",),
        3600,
    )
    assert (second.state, second.nodes, second.end - second.start) == ("running", ("node02",), 18000)
    server = plain("Server: ", told("qstat_B_f_json.json", "Server")).encode()
    assert [(x.name, x.total, x.used) for x in cluster.licenses(server).value] == [("matlab", 2, 2)]
    assert cluster.server(server).value.jobs == {"pending": 10, "running": 10}
    with pytest.raises(SourceError, match="no server"):
        cluster.server(b"")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("16gb", 2**34),
        ("8212kb", 8212 * 1024),
        ("0b", 0),
        ("3mw", 24 * 2**20),
        ("7", 7),
        ("2TB", 2**41),
        ("@x", None),
        ("", None),
    ],
)
def test_sizes(text: str, number: int | None) -> None:
    assert units.size(text) == number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("100:00:00", 360_000),
        ("02:57:11", 10_631),
        ("90", 90),
        ("1:00:00:00", 86_400),
        ("", None),
        ("x:00", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Sat Nov 21 09:07:11 2026", 1795252031),
        ("Thu Jan  1 00:00:10 1970", 10),
        ("1795252031", 1795252031),
        ("UNKNOWN", None),
        ("", None),
    ],
)
def test_times(text: str, when: int | None) -> None:
    assert units.moment(text) == when


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("node01/0*8+node02/0*8", ("node01", "node02")),
        ("n1/0+n1/1+n2/0-7", ("n1", "n2")),
        ("(node01:ncpus=8:mem=1kb)+(node02:ncpus=8)", ("node01", "node02")),
        ("(gpu01[0]:ncpus=1+gpu01[1]:ncpus=1)", ("gpu01[0]", "gpu01[1]")),
        ("", ()),
    ],
)
def test_places(text: str, hosts: tuple[str, ...]) -> None:
    assert units.hosts(text) == hosts


def test_torque() -> None:
    found = torque.jobs((TORQUE / "torque-handmade_qstat_x.xml").read_bytes())
    told = {(job.id, job.state, job.cpus, job.nodes, job.gpus, job.time_limit) for job in found.value}
    # 2:ppn=8 · 1:ppn=4:gpus=2 · an array · and one that is completed and so not in the queue
    assert {("4201.head01", "running", 16, 2, 0, 43200), ("4202.head01", "pending", 4, 1, 2, 28800)} <= told
    assert found.unreadable == 0
    assert len(told) == 3
    assert not [secret for secret in SECRETS if secret in repr(found)]
    nodes = {
        node.name: node
        for node in torque.nodes((TORQUE / "torque-handmade_pbsnodes_x.xml").read_bytes()).value
    }
    assert {name: (node.cpus, node.cpus_allocated, node.state) for name, node in nodes.items()} == {
        "node01": (8, 8, "allocated"), "node02": (32, 0, "down"), "gpu01": (32, 3, "mixed"),
    }  # fmt: skip


def test_an_environment_that_older_torque_did_not_escape_breaks_nothing() -> None:
    text = (TORQUE / "torque-handmade_qstat_x.xml").read_bytes()
    broken = re.sub(rb"<Variable_List>", b"<Variable_List>A=<b & c>,", text)
    assert broken != text
    assert torque.jobs(broken) == torque.jobs(text)


@pytest.mark.parametrize("text", [b"", b"<Data></Data>", b"<Data></Data>\n<Data></Data>\n"])
def test_an_empty_torque_queue_is_an_answer(text: bytes) -> None:
    assert torque.jobs(text).value == ()


@pytest.mark.parametrize(
    "text",
    [
        b"<Data><Job><Job_Id>1</Job_Id>",
        b"qstat: cannot connect to server",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Data>&b;</Data>',
    ],
)
def test_what_is_not_torque_s_xml_is_refused(text: bytes) -> None:
    with pytest.raises(SourceError):
        torque.jobs(text)


def test_the_whole_command_on_pbs(tmp_path: Path) -> None:
    result = once(COMMAND, "--backend=pbs", f"--pbs.bin-dir={clients(tmp_path)}")
    assert result.returncode == 0, result.stderr
    page = parse(result.stdout)
    expected: Counter[str] = Counter()
    for name, attributes in told("qstat_f_json.json", "Jobs").items():
        if "[" not in name:
            expected[LETTERS[attributes["job_state"]]] += 1
    expected += Counter({"pending": 2, "running": 2})
    found: Counter[str] = Counter()
    for (name, labels), value in page.items():
        if name == "hpc_sched_jobs":
            found[dict(labels)["state"]] += int(value)
    assert found == expected
    sources = {
        dict(labels)["source"]: value for (name, labels), value in page.items() if name == "hpc_sched_up"
    }
    assert sources == dict.fromkeys(
        ("jobs", "nodes", "partitions", "reservations", "licenses", "diagnostics", "history"), 1
    )
    meanings = {dict(labels)["reason"] for (name, labels) in page if name == "hpc_sched_reason_info"}
    assert meanings == {job.reason for job in recorded_jobs() if job.reason}, "every reason is explained"


def test_a_pbs_server_that_does_not_answer_is_not_an_empty_queue(tmp_path: Path) -> None:
    program(clients(tmp_path) / "qstat", "echo 'Connection refused' >&2; exit 255")
    result = once(COMMAND, "--backend=pbs", f"--pbs.bin-dir={tmp_path}")
    assert result.returncode == 1
    assert "Connection refused" in result.stderr
    assert "hpc_sched_jobs{" not in result.stdout
    program(tmp_path / "qstat", f'[ "$*" = "-f -w" ] || exec cat {tmp_path}/B.txt')
    result = once(COMMAND, "--backend=pbs", f"--pbs.bin-dir={tmp_path}")
    assert "query_other_jobs hides them" in result.stderr


@pytest.mark.parametrize(
    ("programs", "chosen"),
    [
        (["squeue"], "slurm-cli"),
        (["qstat", "pbsnodes", "pbs_rstat"], "pbs"),
        (["qstat", "pbsnodes"], "torque"),
    ],
)
def test_the_backend_is_found_by_its_clients(tmp_path: Path, programs: list[str], chosen: str) -> None:
    for name in programs:
        program(tmp_path / name, "exit 1")
    result = once(COMMAND, f"--pbs.bin-dir={tmp_path}", f"--slurm.bin-dir={tmp_path}")
    assert f"by {chosen}" in result.stderr


def test_every_backend_can_be_named() -> None:
    assert tuple(backend.name for backend in BACKENDS) == BACKEND_NAMES
