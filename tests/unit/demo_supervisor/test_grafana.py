"""Grafana: how it is started, and how one that runs already is provisioned, against a server that keeps what it is given."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobgauge.errors import ConfigError, SourceError
from jobgauge_dashboards import cli as dashboards
from jobgauge_demo import gateway, grafana
from jobgauge_demo.programs import Program
from jobgauge_demo.settings import DemoConfig


class FakeGrafana(ThreadingHTTPServer):
    """Keeps data sources, folders, boards and users by their ids; answers as Grafana's HTTP API does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kept: dict[str, dict[str, Any]] = {"datasources": {}, "folders": {}, "boards": {}, "users": {}}


class Handler(BaseHTTPRequestHandler):
    server: FakeGrafana

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else {}
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"admin:s:cret").decode():
            return self._answer(401, {"message": "Invalid username or password"})
        kept = self.server.kept
        if self.path == "/api/dashboards/db":
            assert body["folderUid"] in kept["folders"]
            kept["boards"][body["dashboard"]["uid"]] = body
            return self._answer(200, {})
        if self.path.startswith("/api/dashboards/uid/"):
            return self._answer(200 if self.path.rpartition("/")[2] in kept["boards"] else 404, {})
        kind = {"/api/datasources": "datasources", "/api/folders": "folders", "/api/admin/users": "users"}
        if self.command == "PUT":
            kept["datasources"][self.path.rpartition("/")[2]] = body
            return self._answer(200, {})
        group = kept[kind[self.path]]
        identity = body.get("uid") or body["login"]
        if identity in group:
            return self._answer(409 if "uid" in body else 412, {"message": "already exists"})
        group[identity] = body
        return self._answer(200, {})

    do_GET = do_POST = do_PUT = _handle  # noqa: N815 - the names that the base class looks for


@pytest.fixture
def server() -> Iterator[FakeGrafana]:
    with FakeGrafana() as fake:
        threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield fake
        fake.shutdown()


@pytest.fixture
def config(tmp_path: Path, server: FakeGrafana) -> DemoConfig:
    boards = tmp_path / "boards"
    assert (
        dashboards.main(
            [f"--out={boards}", f"--grafana.boards-path={boards}", "--grafana.datasource-url=http://p:1"]
        )
        == 0
    )
    return DemoConfig(
        directory=str(tmp_path), grafana_url=f"http://admin:s%3Acret@127.0.0.1:{server.server_address[1]}/"
    )


def test_a_grafana_that_runs_gets_data_source_folders_boards_and_users(
    config: DemoConfig, server: FakeGrafana
) -> None:
    assert grafana.missing_boards(config)
    for _ in range(2):  # a second start finds everything there
        grafana.provision(config)
        grafana.add_users(config, ["alice", "pia"])
    kept = server.kept
    assert [source["url"] for source in kept["datasources"].values()] == ["http://p:1"]
    source = next(iter(kept["datasources"].values()))
    assert source["secureJsonData"] == {"httpHeaderValue1": gateway.secret()}
    assert set(kept["users"]) == {"alice", "pia"}
    files = {Path(path).stem for path in grafana.board_files(config)}
    assert len(files) >= 3
    assert set(kept["boards"]) == files
    assert all(board["overwrite"] for board in kept["boards"].values())
    assert grafana.missing_boards(config) == []


def test_its_administrator_is_of_the_staff_for_the_gateway(tmp_path: Path) -> None:
    config = DemoConfig(directory=str(tmp_path), grafana_url="http://op%20s:secret@127.0.0.1:3000")
    gateway.write(config, [])
    people = yaml.safe_load((tmp_path / "gateway" / "people.yml").read_text())
    assert "op s" in people["staff"]
    assert "secret" not in (tmp_path / "gateway" / "people.yml").read_text()


def test_a_wrong_password_is_told_without_it(config: DemoConfig, server: FakeGrafana) -> None:
    url = config.grafana_url.replace("s%3Acret", "guess")
    with pytest.raises(SourceError, match=r"answered 401.*Invalid username") as caught:
        grafana.provision(DemoConfig(directory=config.directory, grafana_url=url))
    assert "guess" not in str(caught.value)


def test_our_own_grafana_reads_the_provisioning_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "defaults.ini").touch()
    for name, server_word in (("grafana", ["server"]), ("grafana-server", [])):
        program = tmp_path / "bin" / name
        monkeypatch.setattr(Program, "find", lambda _, path=str(program): path)
        (service,) = grafana.services(DemoConfig(directory=str(tmp_path / "demo")))
        assert list(service.argv) == [str(program), *server_word, "--homepath", str(tmp_path)]
        assert service.environment["GF_PATHS_PROVISIONING"] == str(
            tmp_path / "demo" / "boards" / "provisioning"
        )
        assert service.environment["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
        assert service.ports == (9792,)


def test_a_grafana_without_its_files_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "find", lambda _: str(tmp_path / "bin" / "grafana"))
    with pytest.raises(ConfigError, match=r"Grafana's files are neither in /usr/share/grafana nor in"):
        grafana.services(DemoConfig())


def test_none_is_started_where_one_runs(config: DemoConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "find", lambda _: "/usr/bin/grafana")
    assert grafana.services(config) == []
