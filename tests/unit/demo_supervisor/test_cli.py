"""The command line of jobgauge-demo."""

import fcntl
from pathlib import Path

import pytest

from jobgauge_demo import programs
from jobgauge_demo.cli import main
from jobgauge_demo.placing import MINIMUM_NODES
from jobgauge_demo.programs import Program
from jobgauge_demo.settings import DemoConfig


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([f"--nodes={MINIMUM_NODES - 1}"], f"nodes: the simulated habits need at least {MINIMUM_NODES}"),
        (["--users=3"], "users: the simulated habits need at least 12"),
        (["--seed=x"], "seed: 'x' is not a whole number"),
        (["--history=1y"], "history: '1y' is not a duration"),
        (["--history=100d"], "history: '100d' is longer than 90d"),
        (["--port-base=80"], "port-base: the demo would take ports 80 to 110"),
        (
            ["--port-base=32750"],
            "port-base: the demo would take ports 32750 to 32780; they must lie between 1024 and 32767",
        ),
        (["--grafana-url=grafana:3000"], "does not start with http"),
        (["--node=3"], "did you mean '--nodes'"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_wrong(
    flags: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(flags)
    except SystemExit as end:  # argparse's way
        code = int(end.code or 0)
    assert code == 2
    assert told in capsys.readouterr().err


def test_help_teaches_the_ports(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    ports = DemoConfig().ports
    for offset, name in (
        (ports.prometheus, "Prometheus"),
        (ports.alertmanager, "Alertmanager"),
        (ports.grafana, "Grafana"),
        (ports.scheduler, "scheduler exporter"),
        (ports.gateway, "gateway"),
        (ports.gateway_metrics, "its own metrics"),
        (ports.viewer, "viewer"),
        (ports.node(0), ""),
    ):
        assert f"+{offset - ports.base} {name}".rstrip() in text


def test_missing_programs_end_the_start_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(programs, "REQUIRED", (Program(("zz-prometheus",), "the system package prometheus"),))
    assert main([]) == 2
    assert "zz-prometheus (install the system package prometheus)" in capsys.readouterr().err
    assert main(["--check-config"]) == 2


def test_a_second_demo_in_the_same_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(programs, "REQUIRED", ())
    monkeypatch.setattr("jobgauge_demo.demo.describe", lambda *_: [])
    with open(tmp_path / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main([f"--dir={tmp_path}"]) == 2
    assert f"another demo uses {tmp_path}" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(programs, "REQUIRED", ())
    monkeypatch.setattr("jobgauge_demo.demo.describe", lambda *_: [])
    (tmp_path / "file").touch()
    assert main([f"--dir={tmp_path}/file/demo"]) == 1
    assert str(tmp_path) in capsys.readouterr().err
