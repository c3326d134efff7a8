"""The viewer over HTTP: who is let in, what reaches the gateway in whose name, and what browsers are told."""

from __future__ import annotations

import base64
import http.client
import json
import re
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urljoin

import pytest

from jobgauge_view.cli import main
from tests.support.certificates import Authority
from tests.support.gateway import Store, say
from tests.support.view import SECRET, View, secret_file, view

pytestmark = pytest.mark.system
FORM = {"Content_Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Store]:
    store = Store()
    yield store
    store.close()


@pytest.fixture(autouse=True)
def well(gateway: Store) -> None:
    """Let each test begin with a gateway that answers."""
    gateway.behave = say()


@pytest.fixture(scope="module")
def demo(gateway: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    flags = ("--demo-users=alice", "--demo-users=bob")
    with view(tmp_path_factory.mktemp("demo"), gateway.url, *flags) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(gateway: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    folder = tmp_path_factory.mktemp("proxied")
    flag = f"--proxy.secret-file={secret_file(folder / 'proxy', 'a secret of the proxy')}"
    with view(folder, gateway.url, flag) as running:
        yield running


def asked_as(gateway: Store) -> tuple[str, str]:
    _, _, headers, _ = gateway.asked[-1]
    return headers["X-Grafana-User"], headers["X-Jobgauge-Channel"]


def test_without_a_way_to_know_people_no_board_is_shown(gateway: Store, tmp_path: Path) -> None:
    with view(tmp_path, gateway.url) as nobodys:
        before = len(gateway.asked)
        for path in ("/api/boards", "/api/boards/jobgauge-job", "/api/prom/api/v1/query?query=up"):
            told = nobodys.ask(path, X_Remote_User="alice", X_Jobgauge_Proxy="", Cookie="jobgauge_view=alice")
            assert told.status == 403
            assert "proxy.secret-file" in told.json["error"]
        assert len(gateway.asked) == before
        assert "proxy.secret-file" in nobodys.ask("/api/session").json["error"]


def test_who_chose_a_user_asks_in_that_name_and_no_other(demo: View, gateway: Store) -> None:
    session = demo.ask("/api/session")
    assert session.json["choices"] == ["alice", "bob"]
    assert session.json["login"] is None
    assert demo.ask("/api/boards").status == 401

    cookie = demo.choose("alice")
    assert demo.ask("/api/session", Cookie=cookie).json["login"] == "alice"
    told = demo.ask(
        "/api/prom/api/v1/query",
        "POST",
        b"query=up",
        Cookie=cookie,
        Origin=demo.url,
        X_Grafana_User="sam",
        X_Jobgauge_Channel="mine",
        X_Grafana_Id="token",
        Authorization="Bearer x",
        **FORM,
    )
    assert told.status == 200
    assert asked_as(gateway) == ("alice", SECRET)
    method, path, headers, body = gateway.asked[-1]
    assert (method, path, body) == ("POST", "/api/v1/query", b"query=up")
    assert not {"X-Grafana-Id", "Authorization", "Cookie", "Origin"} & headers.keys()


def test_the_cookie_is_for_this_site_and_not_for_scripts(demo: View) -> None:
    told = demo.ask("/api/session", "POST", b'{"login": "bob"}', Origin=demo.url)
    said = {part.strip() for part in told.headers["Set-Cookie"].split(";")}
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= said
    assert told.headers["Cache-Control"] == "no-store"


def test_a_cookie_that_was_not_made_here_is_nobodys(demo: View) -> None:
    name, _, value = demo.choose("alice").partition("=")
    said, _, signature = value.partition(".")
    until = int(time.time()) + 9999
    forged = base64.urlsafe_b64encode(f"{until} bob".encode()).decode().rstrip("=")
    for cookie in (
        f"{forged}.{signature}",
        f"{said}.{signature[:-2]}AA",
        said,
        f"{said}.",
        "bob",
        ".",
        "ö.ö",
        f"{said}.{signature}.x",
    ):
        assert demo.ask("/api/boards", Cookie=f"{name}={cookie}".encode().decode("latin-1")).status == 401, (
            cookie
        )
    assert demo.ask("/api/boards", Cookie=f"{name}={value}").status == 200


def test_over_tls_the_cookie_never_goes_without_it(gateway: Store, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = authority.issue("viewer", ["localhost"])
    web = tmp_path / "web.yml"
    headers = {"Strict-Transport-Security": "max-age=1"}
    web.write_text(
        json.dumps(
            {
                "tls_server_config": {"cert_file": str(own.cert), "key_file": str(own.key)},
                "http_server_config": {"headers": headers},
            }
        )
    )
    with view(tmp_path / "v", gateway.url, f"--web.config.file={web}", "--demo-users=alice") as running:
        port = int(running.address.rpartition(":")[2])
        context = ssl.create_default_context(cafile=str(authority.path))
        with closing(http.client.HTTPSConnection("localhost", port, timeout=30, context=context)) as client:
            origin = {"Origin": f"https://localhost:{port}"}
            client.request("POST", "/api/session", b'{"login": "alice"}', origin)
            with client.getresponse() as answer:
                assert answer.status == 200
                assert "Secure" in answer.headers["Set-Cookie"].split("; ")
                assert answer.headers["Strict-Transport-Security"] == "max-age=1"


def test_users_that_are_not_offered_cannot_be_chosen(demo: View) -> None:
    for body in (b'{"login": "sam"}', b'{"login": null}', b"{}", b"[]", b'{"login": ["alice"]}'):
        assert demo.ask("/api/session", "POST", body, Origin=demo.url).status == 403
    assert demo.ask("/api/session", "POST", b"no json", Origin=demo.url).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
    ids=str,
)
def test_changes_are_refused_to_pages_of_other_sites(demo: View, headers: dict[str, str]) -> None:
    cookie = demo.choose("alice")
    given = {"Origin": demo.url, **headers} if "Sec_Fetch_Site" in headers else headers
    for path, method in (
        ("/api/session", "POST"),
        ("/api/session", "DELETE"),
        ("/api/prom/api/v1/query", "POST"),
    ):
        told = demo.ask(path, method, b'{"login": "bob"}', Cookie=cookie, **given)
        assert told.status == 403, (path, method)
        assert "Set-Cookie" not in told.headers


def test_a_name_of_others_for_this_machine_is_refused(demo: View) -> None:
    cookie = demo.choose("alice")
    assert demo.ask("/api/boards", Cookie=cookie, Host="rebound.example").status == 403
    told = demo.ask(
        "/api/session", "POST", b'{"login": "bob"}', Host="rebound.example", Origin="http://rebound.example"
    )
    assert told.status == 403


def test_who_leaves_is_nobody(demo: View) -> None:
    told = demo.ask("/api/session", "DELETE", Origin=demo.url, Cookie=demo.choose("bob"))
    assert told.status == 200
    assert 'jobgauge_view=""' in told.headers["Set-Cookie"]


def test_the_proxys_word_counts_with_its_secret_only(proxied: View, gateway: Store) -> None:
    secret = {"X_Jobgauge_Proxy": "a secret of the proxy"}
    before = len(gateway.asked)
    path = "/api/prom/api/v1/query?query=up"
    assert proxied.ask(path, X_Remote_User="alice").status == 401
    assert proxied.ask(path, X_Remote_User="alice", X_Jobgauge_Proxy="a secret of the prox").status == 401
    assert proxied.ask(path, **secret).status == 401
    assert proxied.ask(path, X_Remote_User="", **secret).status == 401
    assert proxied.ask("/api/boards", X_Remote_User="alice").status == 401
    assert proxied.ask("/api/session", "POST", b'{"login": "alice"}', Origin=proxied.url).status == 403
    assert len(gateway.asked) == before
    assert proxied.ask(path, X_Remote_User="carol", **secret).status == 200
    assert asked_as(gateway) == ("carol", SECRET)


def test_only_the_calls_of_boards_reach_the_gateway(demo: View, gateway: Store) -> None:
    cookie = demo.choose("alice")
    before = len(gateway.asked)
    for call in (
        "admin/tsdb/delete_series",
        "rules",
        "label/user/values/x",
        "query/..",
        "%2e%2e/x",
        "label/a-b/values",
    ):
        assert demo.ask(f"/api/prom/api/v1/{call}", Cookie=cookie).status == 404, call
    assert len(gateway.asked) == before
    for call in ("whoami", "label/cluster/values?start=1", "series?match[]=up"):
        assert demo.ask(f"/api/prom/api/v1/{call}", Cookie=cookie).status == 200, call
    assert len(gateway.asked) == before + 3


def test_what_the_gateway_says_is_handed_on_whatever_it_is(demo: View, gateway: Store) -> None:
    cookie = demo.choose("alice")
    refusal = b'{"status":"error","errorType":"forbidden","error":"ask for your own"}'
    gateway.behave = say(refusal, 403)
    told = demo.ask("/api/prom/api/v1/query?query=up", Cookie=cookie)
    assert (told.status, told.body) == (403, refusal)


def test_a_gateway_that_fails_is_told_as_a_sentence(demo: View, gateway: Store, tmp_path: Path) -> None:
    cookie = demo.choose("alice")
    gateway.behave = say(b"<html>a proxy's page</html>", 200, Content_Type="text/html")
    told = demo.ask("/api/prom/api/v1/query?query=up", Cookie=cookie)
    assert (told.status, told.headers["Content-Type"].split(";")[0]) == (502, "application/json")
    assert "none" in told.json["error"]

    def hang_up(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.close_connection = True

    gateway.behave = hang_up
    told = demo.ask("/api/prom/api/v1/query?query=up", Cookie=cookie)
    assert told.status == 502
    assert "cannot be reached" in told.json["error"]


def test_half_an_answer_is_not_taken_for_a_whole_one(demo: View, gateway: Store) -> None:
    cookie = demo.choose("alice")

    def break_off(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        say(b'{"status":"success"', Content_Length="9999")(handler, body)
        handler.close_connection = True

    gateway.behave = break_off
    with pytest.raises((OSError, http.client.HTTPException)):
        demo.ask("/api/prom/api/v1/query?query=up", Cookie=cookie)


def test_boards_are_served_as_they_are_with_what_is_not_drawn(gateway: Store, tmp_path: Path) -> None:
    folder = tmp_path / "boards" / "users"
    folder.mkdir(parents=True)
    good = {"uid": "good", "title": "<b>", "panels": [{"id": 1, "type": "piechart", "title": "x"}]}
    (folder / "good.json").write_text(json.dumps(good))
    (folder / "bad.json").write_text('{"uid": "bad", ')
    (folder / "list.json").write_text("[1]")
    with view(
        tmp_path / "v", gateway.url, f"--boards={tmp_path / 'boards'}", "--demo-users=alice"
    ) as running:
        cookie = running.choose("alice")
        assert [one["uid"] for one in running.ask("/api/boards", Cookie=cookie).json] == ["good"]
        told = running.ask("/api/boards/good", Cookie=cookie).json
        assert told["board"] == good
        assert "piechart" in told["notDrawn"]["1"][0]
        assert told["scrapeInterval"] == 15
        assert running.ask("/api/boards/bad", Cookie=cookie).status == 404
        (folder / "bad.json").write_text(json.dumps(good | {"uid": "bad"}))
        assert running.ask("/api/boards/bad", Cookie=cookie).status == 200


def test_a_reload_takes_what_is_good_and_keeps_sessions(gateway: Store, tmp_path: Path) -> None:
    settings, secret = tmp_path / "view.yml", secret_file(tmp_path / "other", "another secret, long enough")
    settings.write_text("demo-users: [alice, bob]")
    with view(tmp_path / "v", gateway.url, f"--config.file={settings}") as running:
        alice, bob = running.choose("alice"), running.choose("bob")

        def reload(text: str, sign: str) -> None:
            settings.write_text(text)
            running.process.send_signal(signal.SIGHUP)
            while sign not in running.process.stderr.readline():  # type: ignore[union-attr]
                pass

        reload("demo-users: [bob, carol]", "configuration reloaded")
        assert running.ask("/api/boards", Cookie=alice).status == 401
        assert running.ask("/api/boards", Cookie=bob).status == 200
        reload(f"proxy.secret-file: {secret}\ndemo-users: [alice]", "is not used")
        assert running.ask("/api/boards", Cookie=bob).status == 200


def test_the_page_names_all_modules_that_it_imports(demo: View) -> None:
    named = set(re.findall(r"<(/static/[^>]+)>; rel=modulepreload", demo.ask("/").headers["Link"]))
    imported, new = set(), {"/static/app.js"}
    while new:
        imported |= new
        texts = {path: demo.ask(path).body.decode() for path in new}
        new = {
            urljoin(path, name)
            for path, text in texts.items()
            for name in re.findall(r'^import .*"(\..+)";$', text, re.MULTILINE)
        } - imported
    assert named == imported


def test_every_answer_carries_the_policy_and_files_are_known_again(demo: View) -> None:
    for path in (
        "/",
        "/d/jobgauge-job",
        "/static/app.js",
        "/static/nothing.js",
        "/api/boards",
        "/static/../config.py",
    ):
        policy = demo.ask(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy.split("; ")
        assert "http" not in policy
    page = demo.ask("/static/charts.js", Accept_Encoding="gzip")
    assert page.headers["Content-Encoding"] == "gzip"
    assert demo.ask("/static/charts.js", If_None_Match=page.headers["ETag"]).status == 304
    for path in (
        "/static/nothing.js",
        "/static/../config.py",
        "/static/%2e%2e/config.py",
        "/static/panels",
        "/x",
    ):
        assert demo.ask(path).status == 404, path


def test_settings_that_would_open_a_door_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = "--demo-users=alice"
    proxy, web, empty = tmp_path / "proxy", tmp_path / "web.yml", tmp_path / "empty"
    secret_file(proxy)
    secret_file(tmp_path / "open").chmod(0o644)
    web.write_text("basic_auth_users: {alice: $2y$10$" + "a" * 53 + "}")
    empty.mkdir()
    for flags, words in (
        ((demo, "--web.listen-address=:9799"), "open to the network"),
        ((demo, "--web.listen-address=10.0.0.1:9799"), "open to the network"),
        ((demo, f"--proxy.secret-file={proxy}"), "exclude each other"),
        ((f"--proxy.secret-file={tmp_path / 'open'}",), "chmod"),
        ((f"--channel.secret-file={tmp_path / 'open'}",), "chmod"),
        ((f"--web.config.file={web}",), "reverse proxy"),
        ((f"--boards={empty}",), "jobgauge-dashboards"),
        (("--gateway=gateway:9796",), "no URL"),
    ):
        assert main([*flags, "--check-config"]) == 2, flags
        assert words in capsys.readouterr().err
    assert main(["--check-config", demo, "--web.listen-address=[::1]:0"]) == 0
