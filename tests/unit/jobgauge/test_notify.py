"""What the service manager is told, read from a socket as systemd binds it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from jobgauge import notify
from tests.unit.jobgauge.test_exporter import serving


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    address = f"{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        manager.bind("\0" + address if request.param == "abstract" else address)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + address if request.param == "abstract" else address)
        yield manager


def test_the_life_of_an_exporter(manager: socket.socket, tmp_path: Path) -> None:
    (tmp_path / "cgroup").mkdir()
    with serving(tmp_path, f"--path.cgroupfs={tmp_path / 'cgroup'}", "--log.format=json") as exporter:
        assert manager.recv(4096) == b"READY=1"
        assert exporter.get("/-/healthy")[0] == 200  # ready means that it answers
        exporter.process.send_signal(signal.SIGHUP)
        assert [manager.recv(4096), manager.recv(4096)] == [b"RELOADING=1", b"READY=1"]
        exporter.process.send_signal(signal.SIGTERM)
        assert manager.recv(4096) == b"STOPPING=1"
        assert exporter.process.wait(20) == 0


def test_the_life_of_the_gateway(manager: socket.socket) -> None:
    program = "import sys; from jobgauge_gateway.cli import main; sys.exit(main())"
    addresses = ["--web.listen-address=127.0.0.1:0", "--web.telemetry-address=127.0.0.1:0"]
    with subprocess.Popen([sys.executable, "-c", program, *addresses], stderr=subprocess.DEVNULL) as gateway:
        try:
            assert manager.recv(4096) == b"READY=1"
            gateway.send_signal(signal.SIGHUP)
            assert [manager.recv(4096), manager.recv(4096)] == [b"RELOADING=1", b"READY=1"]
            gateway.send_signal(signal.SIGTERM)
            assert manager.recv(4096) == b"STOPPING=1"
            assert gateway.wait(20) == 0
        finally:
            gateway.kill()


def test_nothing_is_told_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setattr("socket.socket", None)  # any use of a socket would raise
    notify.tell("READY=1")


def test_a_manager_that_is_gone_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", f"{tmp_path}/gone")
    notify.tell("READY=1")
    assert "READY=1" in caplog.text
    assert f"{tmp_path}/gone" in caplog.text
