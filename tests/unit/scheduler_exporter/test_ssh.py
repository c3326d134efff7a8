"""Clients on another machine: what is sent over ssh must arrive as it would here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scrape import once, parse
from tests.support.slurm import clients, program

COMMAND = "jobgauge-scheduler-exporter"


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for ssh and sshd: what comes after the host goes through a shell, in an environment of its own."""
    script = f'printf "%s\\n" "$@" > {tmp_path}/said; env > {tmp_path}/seen; exec env -i PATH="$PATH" sh -c "${{!#}}"'
    path = program(tmp_path / "local" / "ssh", script)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def test_the_page_is_the_same_as_here(tmp_path: Path, ssh: Path) -> None:
    folder = clients(tmp_path / "remote", "26.05.5")
    here = parse(once(COMMAND, f"--slurm.bin-dir={folder}").stdout)
    result = once(COMMAND, "--ssh.host=head01", f"--slurm.bin-dir={folder}")
    assert result.returncode == 0, result.stderr
    there = parse(result.stdout)
    same = (
        "hpc_job_",
        "hpc_sched_jobs",
        "hpc_sched_node",
        "hpc_sched_limit",
        "hpc_sched_licenses",
        "hpc_sched_up",
    )
    assert {k: v for k, v in there.items() if k[0].startswith(same)} == {
        k: v for k, v in here.items() if k[0].startswith(same)
    }


def test_nobody_is_asked_and_no_unknown_host_trusted(
    tmp_path: Path, ssh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    monkeypatch.setenv("SECRET", "x")
    program(tmp_path / "bin dir" / "squeue", f"env > {tmp_path}/remote-seen")
    off = [f"--no-collector.{name}" for name in (
        "nodes", "partitions", "backfill", "limits", "fairshare", "reservations", "licenses", "history", "health"
    )]  # fmt: skip
    once(
        COMMAND,
        "--ssh.host=-oProxyCommand=evil",
        "--ssh.config=/etc/c",
        f"--slurm.bin-dir={tmp_path}/bin dir",
        *off,
    )
    said = (tmp_path / "said").read_text().splitlines()
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes"} <= set(said)
    assert said[:2] == ["-F", "/etc/c"]
    assert said[said.index("--") + 1] == "-oProxyCommand=evil", "a host cannot become an option"
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    assert seen["SSH_AUTH_SOCK"] == "/agent"
    assert "SECRET" not in seen
    remote = dict(line.split("=", 1) for line in (tmp_path / "remote-seen").read_text().splitlines())
    assert (
        remote.items()
        >= {"SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8"}.items()
    )


def test_a_machine_that_cannot_be_reached_is_told(tmp_path: Path, ssh: Path) -> None:
    program(ssh, "echo 'ssh: connect to host head01 port 22: Connection refused' >&2; exit 255")
    result = once(COMMAND, "--ssh.host=head01")
    assert result.returncode == 1
    assert "Connection refused" in result.stderr
    page = parse(result.stdout)
    assert {value for (name, _), value in page.items() if name == "hpc_sched_up"} == {0}
