"""The whole command, on clients that answer, refuse, hang or break off."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.scrape import once, parse
from tests.support.slurm import FIXTURES, VERSIONS, clients, program

COMMAND = "jobgauge-scheduler-exporter"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_jobs_as_task_by_task(tmp_path: Path, version: str) -> None:
    result = once(COMMAND, f"--slurm.bin-dir={clients(tmp_path, version)}")
    assert result.returncode == 0, result.stderr
    page = parse(result.stdout)
    jobs: Counter[tuple[str, ...]] = Counter()
    cpus: Counter[tuple[str, ...]] = Counter()
    for line in (FIXTURES / version / "squeue_tasks.txt").read_text().splitlines():
        _, user, uid, account, partition, qos, state, _, number, *_ = line.split("|")
        key = (state.lower(), partition, uid if user == "nobody" else user, account, qos)
        jobs[key] += 1
        cpus[key] += int(number)
    labels = ("state", "partition", "user", "account", "qos")
    for name, expected in (("hpc_sched_jobs", jobs), ("hpc_sched_job_cpus", cpus)):
        found = {tuple(dict(k)[label] for label in labels): v for (n, k), v in page.items() if n == name}
        assert found == expected
    reasons = {dict(k)["reason"] for (name, k) in page if name == "hpc_sched_pending_jobs"}
    assert {"JobHeldUser", "JobHeldAdmin", "Dependency", "BeginTime", "PartitionDown"} <= reasons
    assert not [reason for reason in reasons if " " in reason]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", "Unable to contact"),
        ("sleep 60", "did not answer in time"),
        ("printf '7\\0377'", "middle of a record"),
    ],
    ids=["refuses", "hangs", "breaks off"],
)
def test_a_scheduler_that_does_not_answer_has_no_jobs_rather_than_none(
    tmp_path: Path, script: str, problem: str
) -> None:
    program(tmp_path / "squeue", script)
    result = once(COMMAND, f"--slurm.bin-dir={tmp_path}", "--command-timeout=1s", "--cluster=c")
    assert result.returncode == 1
    page = parse(result.stdout)
    assert page["hpc_sched_up", frozenset({("source", "jobs"), ("cluster", "c")})] == 0
    assert not [name for name, _ in page if name.startswith("hpc_sched_job")]
    assert problem in result.stderr


def test_a_machine_without_a_scheduler_is_told_what_is_missing(tmp_path: Path) -> None:
    result = once(COMMAND, f"--slurm.bin-dir={tmp_path}")
    assert result.returncode == 2
    assert f"no squeue in {tmp_path}" in result.stderr


def test_the_environment_of_the_exporter_does_not_reach_the_clients(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SQUEUE_STATES", "RUNNING")
    monkeypatch.setenv("SLURM_TIME_FORMAT", "relative")
    program(tmp_path / "squeue", f"env > {tmp_path}/seen")
    once(COMMAND, f"--slurm.bin-dir={tmp_path}", "--slurm.conf=/site/slurm.conf")
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    assert "SQUEUE_STATES" not in seen
    expected = {
        "SLURM_TIME_FORMAT": "%s",
        "SLURM_BITSTR_LEN": "0",
        "TZ": "UTC",
        "SLURM_CONF": "/site/slurm.conf",
    }
    assert expected.items() <= seen.items()
