"""The whole command: clients that refuse, hang, break off or are not there, and what can be set."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobgauge.config import duration
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Source
from tests.support.scrape import once, parse, series
from tests.support.slurm import FIXTURES, VERSIONS, clients, program

COMMAND = "jobgauge-scheduler-exporter"


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
    assert not [
        name for name, _ in page if name.startswith(("hpc_sched_job", "hpc_job", "hpc_sched_unlisted"))
    ]
    assert problem in result.stderr


@pytest.mark.parametrize("gone", ["scontrol", "sdiag", "sshare", "sacct"])
def test_one_source_that_fails_leaves_the_others(tmp_path: Path, gone: str) -> None:
    program(clients(tmp_path, VERSIONS[0]) / gone, "echo 'error: no' >&2; exit 1")
    result = once(COMMAND, f"--slurm.bin-dir={tmp_path}")
    assert result.returncode == 1
    up = series(parse(result.stdout), "hpc_sched_up", "source")
    down = {
        "scontrol": {"nodes", "partitions", "reservations", "licenses", "limits"},
        "sdiag": {"diagnostics"},
        "sshare": {"shares"},
        "sacct": {"history"},
    }[gone]
    assert {source for (source,), value in up.items() if value == 0} == down
    assert up.keys() == {(source,) for source in Source}
    assert series(parse(result.stdout), "hpc_sched_jobs", "state", "user", "partition", "account", "qos")


@pytest.mark.parametrize("gone", ["sshare", "sacct", "sdiag"])
def test_a_client_that_is_not_installed_is_not_missed(tmp_path: Path, gone: str) -> None:
    (clients(tmp_path, VERSIONS[0]) / gone).unlink()
    result = once(COMMAND, f"--slurm.bin-dir={tmp_path}")
    assert result.returncode == 0, result.stderr
    assert len(series(parse(result.stdout), "hpc_sched_up", "source")) == len(Source) - 1


def test_a_queue_that_is_hidden_is_not_an_empty_one(tmp_path: Path) -> None:
    program(clients(tmp_path, "26.05.5") / "squeue", "exit 0")
    result = once(COMMAND, f"--slurm.bin-dir={tmp_path}")
    assert result.returncode == 1
    assert "PrivateData hides them" in result.stderr
    assert "hpc_sched_jobs{" not in result.stdout
    program(
        tmp_path / "sdiag",
        f"exec sed -E 's/^(Jobs (pending|running)): .*/\\1: 0/' {FIXTURES}/26.05.5/sdiag.txt",
    )
    result = once(COMMAND, f"--slurm.bin-dir={tmp_path}")
    assert result.returncode == 0, result.stderr
    assert parse(result.stdout)["hpc_sched_up", frozenset({("source", "jobs")})] == 1


def test_only_what_is_wanted_is_asked(tmp_path: Path) -> None:
    folder = clients(tmp_path / "bin", VERSIONS[0])
    for name in ("scontrol", "sdiag", "sshare", "sacct"):
        program(folder / name, f"touch {tmp_path}/{name}")
    off = [f"--no-collector.{name}" for name in (
        "nodes", "partitions", "backfill", "limits", "fairshare", "reservations", "licenses", "history", "health"
    )]  # fmt: skip
    result = once(COMMAND, f"--slurm.bin-dir={folder}", *off)
    assert result.returncode == 0, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_names_of_jobs_can_be_kept_back_and_jobs_capped(tmp_path: Path) -> None:
    folder = clients(tmp_path, VERSIONS[0])
    result = once(COMMAND, f"--slurm.bin-dir={folder}", "--no-jobs.names", "--jobs.max=7")
    page = parse(result.stdout)
    info = series(page, "hpc_job_info", "jobid", "name", "user")
    assert {name for _, name, _ in info} == {""}
    assert len(info) == 7
    assert {user for *_, user in info} == {"alice", "bob", "carol", "dave", "1006"}, "each user keeps some"
    every = parse(once(COMMAND, f"--slurm.bin-dir={folder}").stdout)
    assert sum(v for (name, _), v in every.items() if name == "hpc_sched_jobs") == 481
    assert page["hpc_sched_unlisted_jobs", frozenset()] == 474


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


def test_the_example_configuration_is_good_and_shows_the_defaults(tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "scheduler_exporter" / "config.example.yaml"
    folder = clients(tmp_path, VERSIONS[0])
    plain = parse(once(COMMAND, f"--slurm.bin-dir={folder}").stdout)
    result = once(COMMAND, f"--slurm.bin-dir={folder}", f"--config.file={example}")
    assert result.returncode == 0, result.stderr
    changing = (
        "process_",
        "jobgauge_collector_duration",
        "hpc_sched_source_duration",
        "hpc_sched_snapshot_age",
    )
    assert {key for key in parse(result.stdout) if not key[0].startswith(changing)} == {
        key for key in plain if not key[0].startswith(changing)
    }
    config = yaml.safe_load(example.read_text())
    defaults = SchedulerConfig()
    assert config["backend"] == defaults.backend
    assert tuple(config["web"]["listen-address"]) == defaults.listen_address
    assert (config["jobs"]["max"], config["jobs"]["names"]) == (defaults.jobs_max, defaults.jobs_names)
    for name, text in config["interval"].items():
        assert duration(text) == getattr(defaults, f"interval_{name}")
    assert (duration(config["max-age"]), duration(config["command-timeout"])) == (
        defaults.max_age, defaults.command_timeout,
    )  # fmt: skip
