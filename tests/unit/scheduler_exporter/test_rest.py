"""slurmrestd: the same state as by text, on every version; and answers that tell of failures in their own ways."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from jobgauge.errors import SourceError
from jobgauge_scheduler.restclient import RestClient
from jobgauge_scheduler.slurm import accounting, answers, records, sdiag, squeue, sshare
from tests.support.scrape import once
from tests.support.slurm import FIXTURES, MARK, VERSIONS
from tests.support.slurmrestd import server, slurmrestd

COMMAND = "jobgauge-scheduler-exporter"


def recorded(version: str, name: str) -> bytes:
    return (FIXTURES / version / name).read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
def test_jobs_are_the_same_as_by_text(version: str) -> None:
    by_json, by_text = (
        answers.jobs([recorded(version, "rest_jobs.json")]),
        squeue.parse([recorded(version, "squeue.txt")], MARK),
    )
    assert by_json.unreadable == by_text.unreadable == 0
    expected = {job.id: job for job in by_text.value}
    found = {job.id: job for job in by_json.value}
    assert len(found) == len(by_json.value)
    if version.startswith("22."):  # it does not tell where a job is planned
        expected = {name: replace(job, planned_nodes=()) for name, job in expected.items()}
    assert found == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_nodes_are_the_same_as_by_text(version: str) -> None:
    by_json, by_text = (
        answers.nodes([recorded(version, "rest_nodes.json")]),
        records.nodes(recorded(version, "scontrol_node.txt")),
    )
    assert by_json.unreadable == 0
    assert set(by_json.value) == set(by_text.value)


@pytest.mark.parametrize("version", VERSIONS)
def test_partitions_are_the_same_as_by_text(version: str) -> None:
    expected = set(records.partitions(recorded(version, "scontrol_partition.txt")).value)
    if version.startswith("24."):  # it does not tell which is the default
        expected = {replace(partition, default=None) for partition in expected}
    assert set(answers.partitions([recorded(version, "rest_partitions.json")]).value) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_the_rest_is_read_too(version: str) -> None:
    (reservation,) = answers.reservations([recorded(version, "rest_reservations.json")]).value
    assert (reservation.name, reservation.nodes, reservation.flags) == ("maint", ("n3",), "maint,spec_nodes")
    assert reservation.end - reservation.start == 3600
    licences = {
        x.name: (x.total, x.used) for x in answers.licenses([recorded(version, "rest_licenses.json")]).value
    }
    assert licences == {"matlab": (10, 8), "sim": (4, 0)}
    found, text = (
        answers.diagnostics([recorded(version, "rest_diag.json")]).value,
        sdiag.parse(recorded(version, "sdiag.txt")).value,
    )
    assert [cycles.name for cycles in found.cycles] == [cycles.name for cycles in text.cycles]
    for json_cycles, text_cycles in zip(found.cycles, text.cycles, strict=True):
        for name in ("last", "mean", "total", "queue", "when"):
            assert (getattr(json_cycles, name) is None) == (getattr(text_cycles, name) is None), name
    assert (found.queues, found.jobs.keys(), found.events.keys()) == (
        text.queues,
        text.jobs.keys(),
        text.events.keys(),
    )
    assert {call.name for call in found.calls} >= {"REQUEST_SUBMIT_BATCH_JOB"}
    assert {caller.name for caller in found.callers} >= {"root", "alice"}


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_shares_are_the_same_as_by_text(version: str) -> None:
    def rounded(found: answers.Reading) -> set[tuple]:
        return {
            (
                x.account,
                x.user,
                *(
                    None if v is None else round(v, 6)
                    for v in (x.shares, x.usage, x.fairshare, x.level_fairshare)
                ),
            )
            for x in found.value
            if x.account != "root" or x.user
        }

    assert rounded(answers.shares([recorded(version, "rest_shares.json")])) == rounded(
        sshare.parse(recorded(version, "sshare.txt"))
    )


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"", "is not JSON"),
        (b'{"jobs": [', "is not JSON"),
        (b"[]", "not JSON"),
        (b'{"errors": []}', "holds no jobs"),
        (
            b'{"jobs": [], "errors": [{"error": "Unspecified error", "source": "slurm_load_jobs"}]}',
            "Unspecified error",
        ),
    ],
)
def test_an_answer_that_is_none_is_refused(answer: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        answers.jobs([answer])


def test_a_job_that_makes_no_sense_is_left_out_and_counted() -> None:
    document = json.loads(recorded("26.05.5", "rest_jobs.json").decode("utf-8", "surrogateescape"))
    document["jobs"][0]["cpus"] = {"set": False, "infinite": False, "number": 0}
    document["jobs"][1]["array_task_string"] = "1,3,5..."
    reading = answers.jobs([json.dumps(document).encode()])
    assert reading.unreadable == 2
    assert len(reading.value) == len(answers.jobs([recorded("26.05.5", "rest_jobs.json")]).value) - 2


def test_a_token_is_read_anew_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    token, good = tmp_path / "token", tmp_path / "good"
    token.write_text("SLURM_JWT=old")
    good.write_text("new")
    with server(slurmrestd("26.05.5", good)) as url:
        client = RestClient(url, str(token), "svc", 5.0)
        with pytest.raises(SourceError, match="token is refused: renew it"):
            client.get("/openapi/v3", b"".join)
        token.write_text("SLURM_JWT=new\n")
        assert client.get("/slurm/v0.0.45/diag", b"".join) == recorded("26.05.5", "rest_diag.json")
        token.unlink()
        with pytest.raises(SourceError, match=r"token in .* cannot be read"):
            client.get("/openapi/v3", b"".join)


def test_an_answer_that_has_nothing_to_tell_is_no_failure() -> None:
    # what slurmrestd 22.05 answered for the jobs of a moment without any
    error = {"description": "Nothing found", "error_number": 9003, "error": "Nothing found with query"}
    assert accounting.records([json.dumps({"jobs": [], "errors": [error]}).encode()]).value == ()
    with pytest.raises(SourceError, match="Denied"):
        accounting.records([json.dumps({"jobs": [], "errors": [error, {"error": "Denied"}]}).encode()])


def test_a_refused_token_is_told_as_such_where_the_status_does_not() -> None:
    answer = b'{"errors": [{"error": "Protocol authentication error", "error_number": 1007}]}'
    with (
        server(lambda *_: (500, answer)) as url,
        pytest.raises(SourceError, match="500: the token is refused"),
    ):
        RestClient(url, "", "", 5.0).get("/x", b"".join)


def test_errors_of_the_server_are_told_in_its_words() -> None:
    answer = b'{"meta": {}, "errors": [{"description": "Failed while looking for jobs", "error_number": -1}]}'
    with (
        server(lambda *_: (500, answer)) as url,
        pytest.raises(SourceError, match="500: Failed while looking for jobs"),
    ):
        RestClient(url, "", "", 5.0).get("/x", b"".join)


def test_an_answer_that_is_too_large_or_comes_from_nobody() -> None:
    with server(lambda *_: (200, b"x" * 5000)) as url:
        with pytest.raises(SourceError, match="more than 4000 bytes"):
            RestClient(url, "", "", 5.0, max_bytes=4000).get("/x", b"".join)
        assert RestClient(url, "", "", 5.0, max_bytes=5000).get("/x", b"".join) == b"x" * 5000
    with pytest.raises(SourceError, match="cannot be read"):
        RestClient(url, "", "", 5.0).get("/x", b"".join)
    with pytest.raises(SourceError, match="cannot be read"):
        RestClient("unix:/nowhere/sock", "", "", 5.0).get("/x", b"".join)


def test_a_server_that_hangs_is_left() -> None:
    release = threading.Event()

    def hang(*_: object) -> tuple[int, bytes]:
        release.wait(30)
        return 200, b""

    with server(hang) as url:
        with pytest.raises(SourceError, match="cannot be read: timed out"):
            RestClient(url, "", "", 0.1).get("/x", b"".join)
        release.set()


def test_a_wrong_address_is_a_wrong_setting() -> None:
    result = once(COMMAND, "--backend=slurm-rest", "--slurmrest.url=localhost:6820")
    assert result.returncode == 2
    assert "write http://HOST:PORT" in result.stderr
