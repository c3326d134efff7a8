"""Clients with certificates: real handshakes, real authorities; a name is a login only where the site wrote it down."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import pytest
import yaml

from jobgauge.errors import ConfigError
from jobgauge_gateway.certificates import Certificates
from tests.support.certificates import Authority, Certificate
from tests.support.gateway import CHANNEL, Gateway, Store, run

pytestmark = pytest.mark.system
LISTED = {
    "DNS:reports.example.org": "reports",
    "DNS:alice.example.org": "alice",
    "URI:spiffe://hpc/bob": "bob",
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def web_config(authority: Authority, folder: Path, **more: object) -> str:
    server = authority.issue("server", ["127.0.0.1"])
    tls = {"cert_file": str(server.cert), "key_file": str(server.key), "client_ca_file": str(authority.path)}
    path = folder / "web.yml"
    asked = {"client_auth_type": "VerifyClientCertIfGiven", **more}
    path.write_text(yaml.safe_dump({"tls_server_config": {**tls, **asked}}))
    return str(path)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with closing(Store()) as store:
        yield store


@pytest.fixture(scope="module")
def gateway(
    authority: Authority, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "certificates.yml").write_text(yaml.safe_dump(LISTED))
    settings = {
        "identity.method": ["grafana-user", "certificate"],
        "identity.certificates-file": str(folder / "certificates.yml"),
        "web.config.file": web_config(authority, folder),
    }
    with run(folder, store.url, **settings) as gateway:
        yield gateway


def ask(
    gateway: Gateway, authority: Authority, shown: Certificate | None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=authority.path)
    if shown:
        context.load_cert_chain(shown.cert, shown.key)
    with closing(HTTPSConnection(gateway.address, timeout=20, context=context)) as connection:
        connection.request("GET", "/api/v1/query?query=hpc_job_cpus", headers=headers or {})
        with connection.getresponse() as response:
            return response.status, json.loads(response.read()).get("error", "")


@pytest.mark.parametrize(
    ("names", "login"),
    [(["reports.example.org"], "reports"), (["other.example.org", "alice.example.org"], "alice")],
)
def test_a_listed_name_is_its_login(
    gateway: Gateway, authority: Authority, store: Store, names: list[str], login: str
) -> None:
    assert ask(gateway, authority, authority.issue("client", names))[0] == 200
    assert store.form["query"] == [f'{{__name__="hpc_job_cpus",user="{login}"}}']


@pytest.mark.parametrize(
    "names",
    [["other.example.org"], ["example.org"], ["reports.example.org.evil.org"], ["reports"], ["*.example.org"],
     ["alice.example.org", "reports.example.org"], []],
)  # fmt: skip
def test_any_other_name_is_nobody(
    gateway: Gateway, authority: Authority, store: Store, names: list[str]
) -> None:
    store.asked.clear()
    status, sentence = ask(gateway, authority, authority.issue("client", names))
    assert (status, "certificate" in sentence, store.asked) == (401, True, [])


def test_without_a_certificate_nobody_is_known_and_a_channel_still_is(
    gateway: Gateway, authority: Authority, store: Store
) -> None:
    assert ask(gateway, authority, None)[0] == 401
    assert ask(gateway, authority, None, {**CHANNEL, "X-Grafana-User": "carol"})[0] == 200
    assert store.form["query"] == ['{__name__="hpc_job_cpus",user="carol"}']


def test_the_channel_tells_who_asks_where_grafana_has_a_certificate_too(
    gateway: Gateway, authority: Authority, store: Store
) -> None:
    shown = authority.issue("client", ["reports.example.org"])
    assert ask(gateway, authority, shown, {**CHANNEL, "X-Grafana-User": "carol"})[0] == 200
    assert store.form["query"] == ['{__name__="hpc_job_cpus",user="carol"}']


def test_another_authoritys_certificate_ends_the_handshake(
    gateway: Gateway, authority: Authority, store: Store, tmp_path: Path
) -> None:
    store.asked.clear()
    forged = Authority(tmp_path).issue("client", ["reports.example.org"])
    with pytest.raises(OSError):
        ask(gateway, authority, forged)
    assert store.asked == []


def test_names_that_the_web_configuration_does_not_allow_stay_out(
    authority: Authority, store: Store, tmp_path: Path
) -> None:
    allowed = web_config(
        authority,
        tmp_path,
        client_auth_type="RequireAndVerifyClientCert",
        client_allowed_sans=["grafana.example.org"],
    )
    with run(tmp_path / "gateway", store.url, **{"web.config.file": allowed}) as gateway:
        headers = {**CHANNEL, "X-Grafana-User": "alice"}
        assert ask(gateway, authority, authority.issue("client", ["grafana.example.org"]), headers)[0] == 200
        assert ask(gateway, authority, authority.issue("client", ["reports.example.org"]), headers)[0] == 403


@pytest.mark.parametrize(
    "line", ["reports.example.org: reports", "IP:1.2.3.4: x", "'DNS:': x", "DNS:x: 7", "7: x", "DNS:x: [a]"]
)
def test_a_wrong_line_is_named(authority: Authority, tmp_path: Path, line: str) -> None:
    (tmp_path / "certificates.yml").write_text(f"{line}\n")
    with pytest.raises(ConfigError, match=r"certificates\.yml"):
        Certificates(str(tmp_path / "certificates.yml"), web_config(authority, tmp_path))


def test_certificates_need_a_server_that_asks_for_them(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "certificates.yml").write_text("DNS:x: x\n")
    for web in ("", web_config(authority, tmp_path, client_auth_type="NoClientCert", client_ca_file="")):
        with pytest.raises(ConfigError, match="client_auth_type"):
            Certificates(str(tmp_path / "certificates.yml"), web)
