"""The descriptions of the demo's programs: their ports, and what is missing."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobgauge.errors import ConfigError
from jobgauge_demo import programs
from jobgauge_demo.programs import Program, refuse_missing
from jobgauge_demo.services import ABOVE, BELOW, GROUND, Part, describe, refuse_taken_ports
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.supervisor import Service


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A program of somebody else that holds a port."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held


def test_a_taken_port_is_named_with_who_needs_it_and_the_flag(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with pytest.raises(ConfigError, match=rf"port {port} is taken, grafana needs it.*--port-base"):
        refuse_taken_ports([Service("prometheus", []), Service("grafana", [], (port,))])


def test_a_port_that_was_just_given_back_is_free(listener: socket.socket) -> None:
    """The last demo's connections linger in TIME_WAIT."""
    address = listener.getsockname()
    with socket.create_connection(address) as client:
        server, _ = listener.accept()
        server.close()  # the side that closes first keeps the port
        assert client.recv(1) == b""
    listener.close()
    refuse_taken_ports([Service("prometheus", [], (address[1],))])


def test_every_port_is_taken_once(programs_anywhere: None) -> None:
    config = DemoConfig(nodes=30)
    services = [s for stage in (GROUND, BELOW, ABOVE) for s in describe(stage, config, lambda _: None)]
    ports = [port for service in services for port in service.ports]
    assert len(set(ports)) == len(ports)
    assert len({service.name for service in services}) == len(services)
    for service in services:
        listens = [a for a in service.argv if "listen-address" in a and not a.endswith("=")]
        assert all(f"127.0.0.1:{service.ports[0]}" in argument for argument in listens), service.name


def test_every_exporter_is_scraped_under_the_name_of_its_node(programs_anywhere: None) -> None:
    targets = {s.target for s in describe(BELOW, DemoConfig(nodes=10), lambda _: None) if s.target}
    assert sorted(t.instance for t in targets if t.job == "jobgauge-job") == [
        *(f"c{i:03d}" for i in range(1, 9)),
        "g001",
        "g002",
        "login1",
    ]
    assert [t.job for t in targets if t.instance == "head"] == ["jobgauge-scheduler"]


def test_an_optional_program_is_left_out_with_a_line_that_says_so() -> None:
    nowhere = Program(("no-such-program",), "nothing")
    said: list[str] = []
    parts = [Part(nowhere, lambda _: [Service("x", [nowhere.path])], "X is not installed: no x")]
    assert describe(parts, DemoConfig(), said.append) == []
    assert said == ["X is not installed: no x"]


def test_all_missing_programs_are_named_with_what_to_install() -> None:
    missing = [Program(("zz-one", "zz-uno"), "the package one"), Program(("zz-two",), "two"), programs.PYTHON]
    with pytest.raises(ConfigError, match=r"zz-uno \(install the package one\), zz-two \(install two\)$"):
        refuse_missing(missing)


def test_our_own_commands_come_before_others_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / os.path.basename(sys.executable)
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.PYTHON.path == sys.executable


def test_the_first_installed_name_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = tmp_path / "zz-second"
    second.write_text("#!/bin/sh\n")
    second.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Program(("zz-first", "zz-second"), "").path == str(second)


@pytest.fixture
def programs_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that all programs but Grafana are installed."""

    def find(program: Program) -> str | None:
        return None if program is programs.GRAFANA else f"/usr/bin/{program.commands[0]}"

    monkeypatch.setattr(Program, "find", find)
