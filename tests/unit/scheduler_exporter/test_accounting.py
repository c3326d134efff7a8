"""What slurmdbd tells as JSON, held to what sacct and slurmctld print as text of the same moment."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from jobgauge_scheduler.backends.slurm_rest import SlurmRest
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Job, Limit
from jobgauge_scheduler.slurm import accounting, answers, dblimits, limits, sacct
from tests.support.slurm import FIXTURES, VERSIONS
from tests.support.slurmrestd import server, slurmrestd

OVER_TIME = (
    "cpus_seconds",
    "cpus_seconds_running",
    "wall_seconds",
)  # what the queue does not tell the use of


def recorded(version: str, name: str) -> bytes:
    return (FIXTURES / version / name).read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", ["sacct.json", "rest_history.json"])
def test_jobs_are_the_same_as_by_text(version: str, document: str) -> None:
    by_json = accounting.records([recorded(version, document)])
    by_text = sacct.parse(recorded(version, "history.txt"))
    assert by_json.unreadable == by_text.unreadable == 0
    assert set(by_json.value) == set(by_text.value)
    states = {record.state for record in by_json.value}
    assert {"completed", "failed", "cancelled", "requeued", "running"} <= states


@pytest.mark.parametrize("version", VERSIONS)
def test_jobs_that_never_could_have_started_are_asked_for_too(version: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    asked = slurmrestd(version, token)

    def answer(path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        # as a real one told them: to whoever asks for the state, and for an end
        if re.search(r"&state=CANCELLED&end_time=uts\d+$", path):
            return 200, recorded(version, "rest_cancelled.json")
        return asked(path, headers)

    with server(answer) as url:
        config = SchedulerConfig(slurmrest_url=url, slurmrest_token_file=str(token))
        found = SlurmRest(config)._accounting(0)
    expected = Counter(
        record
        for name in ("history.txt", "cancelled.txt")
        for record in sacct.parse(recorded(version, name)).value
    )
    assert expected == Counter(found.value)
    assert {record.id for record in found.value if record.eligible is None} >= {"5", "10"}


@pytest.mark.parametrize("version", VERSIONS)
def test_jobs_without_nodes_never_started_and_jobs_with_nodes_did(version: str) -> None:
    never = sacct.parse(recorded(version, "cancelled.txt")).value
    assert {(record.state, record.start) for record in never} == {("cancelled", None)}
    ran = [
        record
        for record in sacct.parse(recorded(version, "history.txt")).value
        if record.state == "cancelled"
    ]
    assert all(record.start for record in ran)
    if version.startswith("22."):
        assert [record.id for record in ran if record.start == record.end] == ["10"]


def test_a_job_that_never_started_has_no_start() -> None:
    """As slurmrestd 24.11 and 26.05 told of a job that was cancelled while it waited."""
    record = json.loads(recorded("26.05.5", "rest_history.json"))["jobs"][0]
    record["state"]["current"] = ["CANCELLED"]
    record["time"] |= {"start": 4294967294, "end": 1795271912}
    (told,) = accounting.records([json.dumps({"jobs": [record]}).encode()]).value
    assert (told.start, told.end) == (None, 1795271912)


def by_rest(version: str, recording: str, jobs: tuple[Job, ...] | None) -> tuple[Limit, ...]:
    rows = dblimits.associations([recorded(version, f"{recording}_associations.json")])
    levels = dblimits.qos([recorded(version, f"{recording}_qos.json")])
    assert rows.unreadable == levels.unreadable == 0
    return dblimits.limits(rows.value, levels.value, jobs)


@pytest.mark.parametrize("version", VERSIONS)
def test_limits_and_what_jobs_use_of_them_are_as_slurmctld_counts(version: str) -> None:
    jobs = answers.jobs([recorded(version, "rest_jobs.json")]).value
    by_json = by_rest(version, "rest", jobs)
    by_text = limits.parse(recorded(version, "scontrol_assoc_mgr.txt"))

    def rows(found: tuple) -> dict:
        return {(x.level, x.resource, x.account, x.user, x.qos): (x.limit, x.usage) for x in found}

    expected = {
        row: (limit, None if row[1] in OVER_TIME else used)
        for row, (limit, used) in rows(by_text.value).items()
    }
    if version.startswith("26."):  # its controller left out one part of the heterogeneous job
        for resource, amount in (("cpus", 1), ("memory_bytes", 60 << 20)):
            limit, used = expected["account", resource, "chemistry", "", ""]
            expected["account", resource, "chemistry", "", ""] = (limit, used + amount)
    assert rows(by_json) == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_every_kind_of_limit_is_found(version: str) -> None:
    """One account and one QOS on which each limit was set to a number of its own."""
    by_json = by_rest(version, "probe", ())
    by_text = limits.parse(recorded(version, "probe_assoc_mgr.txt"))
    found = {(x.level, x.resource): x.limit for x in by_json}
    expected = {(x.level, x.resource): x.limit for x in by_text.value}
    if version.startswith("22."):  # it does not tell these
        del expected["qos", "submitted_jobs"], expected["qos", "cpus_seconds"]
    assert len(found) == (15 if version.startswith("22.") else 17)
    assert found == expected


def test_without_the_queue_nobody_knows_what_is_used() -> None:
    found = by_rest("26.05.5", "rest", None)
    assert found
    assert {limit.usage for limit in found} == {None}
