"""The doors beside the gateway: open ones are found and told how to close, closed ones are not cried about."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from jobgauge_gateway import cli, selfcheck
from jobgauge_gateway.selfcheck import Finding, SelfcheckConfig, findings
from tests.support.gateway import Store, inside, say

pytestmark = pytest.mark.system
ADMIN = "Basic of-the-administrator"
GOOD = {
    "users": {"allow_sign_up": "false"},
    "auth.anonymous": {"enabled": "false"},
    "public_dashboards": {"enabled": "false"},
    "snapshots": {"external_enabled": "false"},
}


@pytest.fixture(autouse=True)
def no_other_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfcheck, "_own_addresses", list)
    monkeypatch.setattr(selfcheck, "_EXPORTERS", ())


def grafana(store: Store, sources: list[dict[str, Any]], settings: dict[str, Any]) -> None:
    """Let the store be a Grafana that shows these to its administrator, and nothing to others."""
    pages = {"/api/datasources": sources, "/api/admin/settings": settings}

    def behave(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        known = handler.headers["Authorization"] == ADMIN and handler.path in pages
        say(json.dumps(pages[handler.path]).encode() if known else b"{}", 200 if known else 401)(
            handler, asked
        )

    store.behave = behave


def doors(found: list[Finding]) -> set[str]:
    return {finding.door for finding in found if finding.is_open}


def test_a_store_that_answers_on_another_address_is_an_open_door(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selfcheck, "_own_addresses", lambda: ["127.0.0.1"])
    config = SelfcheckConfig(upstream_url=store.url, grafana_url="http://127.0.0.1:1")
    assert doors(findings(config)) == {f"the store at 127.0.0.1:{store.url.rpartition(':')[2]}"}
    store.behave = say(b"", 401)
    assert doors(findings(config)) == set()


def test_exporters_that_everybody_can_read_are_open_doors(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(store.url.rpartition(":")[2])
    monkeypatch.setattr(selfcheck, "_EXPORTERS", (port,))
    config = SelfcheckConfig(grafana_url="http://127.0.0.1:1", hosts=("127.0.0.1",))
    assert doors(findings(config)) == {f"the exporter at 127.0.0.1:{port}"}


def test_a_gateway_that_believes_a_bare_name_is_found_and_ours_is_not(store: Store, tmp_path: Path) -> None:
    config = SelfcheckConfig(
        listen_address=(store.url.removeprefix("http://"),), grafana_url="http://127.0.0.1:1"
    )
    assert [door.split()[0:3] for door in doors(findings(config))] == [["a", "bare", "name"]]
    with inside(tmp_path, store.url) as address:
        assert (
            doors(findings(SelfcheckConfig(listen_address=(address,), grafana_url="http://127.0.0.1:1")))
            == set()
        )


def test_an_anonymous_grafana_is_an_open_door(store: Store) -> None:
    assert "Grafana without a login" in doors(findings(SelfcheckConfig(grafana_url=store.url)))


def test_the_administrator_finds_data_sources_that_go_round_and_settings_that_are_open(
    store: Store, tmp_path: Path
) -> None:
    secret = tmp_path / "admin"
    secret.write_text(ADMIN)
    secret.chmod(0o600)
    config = SelfcheckConfig(grafana_url=store.url, grafana_authorization_file=str(secret))
    ours = {
        "name": "ours",
        "type": "prometheus",
        "url": "http://gateway:9796",
        "access": "proxy",
        "jsonData": {"disableGrafanaCache": True},
    }
    grafana(store, [ours, {"name": "logs", "type": "elasticsearch", "url": "http://logs:9200"}], GOOD)
    assert doors(findings(config)) == set()
    grafana(
        store,
        [
            ours | {"name": "direct", "url": "http://prometheus:9090"},
            ours | {"name": "cached", "jsonData": {}},
        ],
        GOOD | {"users": {"allow_sign_up": "true"}},
    )
    assert doors(findings(config)) == {
        "the data source 'direct'",
        "the data source 'cached'",
        "Grafana's [users] allow_sign_up",
    }


def test_the_command_tells_and_ends_with_1_where_a_door_is_open(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = "127.0.0.1:1"
    assert cli.main(["selfcheck", f"--grafana.url={store.url}", f"--web.listen-address={nobody}"]) == 1
    told = capsys.readouterr().out
    assert "open    Grafana without a login: " in told
    assert f"skipped a bare name at {nobody}: nothing answers there" in told
