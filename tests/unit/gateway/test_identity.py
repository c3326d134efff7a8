"""Who gets in, and as whom: really signed tokens, really wrong ones, machine tokens and the kernel's word."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import json
import os
import pwd
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from jobgauge_gateway import signing_keys
from jobgauge_gateway.grafana_token import GrafanaTokens
from jobgauge_gateway.problem import Problem
from jobgauge_gateway.signing_keys import SigningKeys
from tests.support.gateway import CHANNEL, Gateway, Store, run, say
from tests.support.grafana import ROOT, Grafana, encoded, signed

pytestmark = pytest.mark.system
MACHINE = "a-token-of-the-accounting-script"


@pytest.fixture(scope="module")
def grafana() -> Iterator[Grafana]:
    with closing(Grafana()) as grafana:
        yield grafana


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with closing(Store()) as store:
        yield store


@pytest.fixture(scope="module")
def gateway(grafana: Grafana, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    tokens = folder / "tokens.yml"
    tokens.write_text(yaml.safe_dump({"accounting": hashlib.sha256(MACHINE.encode()).hexdigest()}))
    settings = {
        "identity.method": ["grafana-id", "token", "unix"],
        "identity.tokens-file": str(tokens),
        "grafana.url": ROOT,
        "grafana.keys-url": grafana.url,
        "web.listen-address": ["127.0.0.1:0", f"unix:{folder}/socket"],
    }
    with run(folder, store.url, **settings) as gateway:
        yield gateway


def asked_as(gateway: Gateway, store: Store, headers: dict[str, str]) -> tuple[int, str]:
    """Ask, and return the status with the login that the store's query was limited to, or the sentence."""
    store.asked.clear()
    status, body = gateway.ask("query", query="hpc_job_cpus", headers=headers)
    if status != 200:
        assert store.asked == []
        return status, body["error"]
    query = store.form["query"][0]
    assert query.startswith('{__name__="hpc_job_cpus",user="')
    return status, query.split('user="')[1].split('"')[0]


def test_a_signed_token_and_the_channel_let_in(gateway: Gateway, store: Store, grafana: Grafana) -> None:
    for login in ("alice", "bob", "alice"):
        assert asked_as(gateway, store, CHANNEL | {"X-Grafana-Id": grafana.token(login)}) == (200, login)


def test_only_the_signed_name_counts(gateway: Gateway, store: Store, grafana: Grafana) -> None:
    headers = {"X-Grafana-Id": grafana.token(), "X-Grafana-User": "bob", "Authorization": f"Bearer {MACHINE}"}
    assert asked_as(gateway, store, CHANNEL | headers) == (200, "alice")


def _hs256(grafana: Grafana) -> str:
    """The known trick: the public key as the secret of a symmetric signature."""
    claims = grafana.token().split(".")[1]
    text = f"{encoded(json.dumps({'alg': 'HS256', 'kid': 'key-1'}).encode())}.{claims}"
    secret = json.dumps(str(grafana.keys["key-1"].public_key().public_numbers())).encode()
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def _unsigned(grafana: Grafana) -> str:
    return f"{encoded(json.dumps({'alg': 'none', 'kid': 'key-1'}).encode())}.{grafana.token().split('.')[1]}."


def _exchanged(grafana: Grafana) -> str:
    head, _, signature = grafana.token("alice").split(".")
    return f"{head}.{grafana.token('bob').split('.')[1]}.{signature}"


def _by_another(grafana: Grafana) -> str:
    claims = json.loads(signing_keys.decoded(grafana.token().split(".")[1]))
    return signed(claims, "key-1", ec.generate_private_key(ec.SECP256R1()))


NOW = int(time.time())
BAD: dict[str, tuple[int, Callable[[Grafana], str]]] = {
    "expired": (401, lambda g: g.token(exp=NOW - 1, iat=NOW - 600)),
    "from the future": (401, lambda g: g.token(iat=NOW + 3600, exp=NOW + 4000)),
    "not yet": (401, lambda g: g.token(nbf=NOW + 3600)),
    "no end": (401, lambda g: g.token(exp=None)),
    "no start": (401, lambda g: g.token(iat=None)),
    "an end that is no number": (401, lambda g: g.token(exp="9999999999")),
    "an end that is true": (401, lambda g: g.token(exp=True)),
    "another Grafana": (401, lambda g: g.token(iss="https://grafana.example.com/")),
    "issuer without its slash": (401, lambda g: g.token(iss=ROOT[:-1])),
    "no issuer": (401, lambda g: g.token(iss=None)),
    "another organisation": (403, lambda g: g.token(aud=["org:2"])),
    "no audience": (403, lambda g: g.token(aud=None)),
    "audience of another form": (403, lambda g: g.token(aud={"org:1": 1})),
    "service account": (403, lambda g: g.token(type="service-account", sub="service-account:1")),
    "service identity of public dashboards": (403, lambda g: g.token(type="service", sub="service:x")),
    "anonymous": (403, lambda g: g.token(type="anonymous", sub="anonymous:0")),
    "type user, subject not": (403, lambda g: g.token(sub="service-account:1")),
    "subject of another form": (403, lambda g: g.token(sub=7)),
    "no type": (403, lambda g: g.token(type=None)),
    "Grafana's own account": (403, lambda g: g.token(authenticatedBy="password")),
    "Grafana's own account in a session": (403, lambda g: g.token(authenticatedBy=None)),
    "self-registered elsewhere": (403, lambda g: g.token(authenticatedBy="oauth_github")),
    "way of another form": (403, lambda g: g.token(authenticatedBy="LDAP")),
    "no name": (401, lambda g: g.token(username=None)),
    "empty name": (403, lambda g: g.token(username="")),
    "name of another form": (401, lambda g: g.token(username=["alice"])),
    "pattern as name": (403, lambda g: g.token(".*")),
    "two names": (403, lambda g: g.token("alice|bob")),
    "quote in the name": (403, lambda g: g.token('alice"} or {user="bob')),
    "e-mail": (403, lambda g: g.token("alice@example.org")),
    "digits": (403, lambda g: g.token("1000")),
    "name with an end of line": (403, lambda g: g.token("alice\n")),
    "another's signature": (401, _by_another),
    "claims exchanged": (401, _exchanged),
    "HS256 with the public key": (401, _hs256),
    "alg none": (401, _unsigned),
    "DER signature": (401, lambda g: g.token()[:-4]),
    "unknown key": (401, lambda g: signed({}, "key-9", g.keys["key-1"])),
    "key id of another form": (401, lambda g: signed({}, ["key-1"], g.keys["key-1"])),  # type: ignore[arg-type]
    "extension that must be understood": (401, lambda g: signed({}, "key-1", g.keys["key-1"], crit=["exp"])),
    "claims that are a list": (401, lambda g: signed(["alice"], "key-1", g.keys["key-1"])),
    "header that is a list": (401, lambda g: f"{encoded(b'[]')}.{g.token().split('.', 1)[1]}"),
    "deep JSON": (401, lambda g: f"{encoded(b'[' * 5000)}.{g.token().split('.', 1)[1]}"),
    "no token": (401, lambda _: "alice"),
    "two dots": (401, lambda _: ".."),
    "four parts": (401, lambda g: g.token() + ".x"),
    "very long": (401, lambda g: g.token(name="x" * 9000)),
    "no base64": (401, lambda g: g.token().replace(".", ".!", 1)),
}


@pytest.mark.parametrize("name", BAD)
def test_any_other_token_is_refused_with_what_to_do(
    gateway: Gateway, store: Store, grafana: Grafana, name: str
) -> None:
    status, make = BAD[name]
    found, sentence = asked_as(gateway, store, CHANNEL | {"X-Grafana-Id": make(grafana)})
    assert found == status, sentence
    assert " " in sentence


def test_a_token_is_worth_nothing_without_the_channel(
    gateway: Gateway, store: Store, grafana: Grafana
) -> None:
    assert asked_as(gateway, store, {"X-Grafana-Id": grafana.token()})[0] == 401
    assert asked_as(gateway, store, {"X-Grafana-Id": grafana.token(), "X-Jobgauge-Channel": "x"})[0] == 401


def test_a_bare_name_is_nothing_where_tokens_are_asked_for(gateway: Gateway, store: Store) -> None:
    assert asked_as(gateway, store, CHANNEL | {"X-Grafana-User": "alice"})[0] == 401


def test_unknown_keys_do_not_make_load_on_grafana(gateway: Gateway, store: Store, grafana: Grafana) -> None:
    asked_as(gateway, store, CHANNEL | {"X-Grafana-Id": grafana.token()})
    before = len(grafana.page.asked)
    for number in range(20):
        token = signed({}, f"key-{number + 10}", grafana.keys["key-1"])
        assert asked_as(gateway, store, CHANNEL | {"X-Grafana-Id": token})[0] == 401
    assert len(grafana.page.asked) <= before + 1


def test_a_machine_comes_with_its_token(gateway: Gateway, store: Store) -> None:
    assert asked_as(gateway, store, {"Authorization": f"Bearer {MACHINE}"}) == (200, "accounting")
    assert asked_as(gateway, store, {"Authorization": f"bearer {MACHINE}"}) == (200, "accounting")


@pytest.mark.parametrize(
    "value",
    [
        f"Basic {MACHINE}",
        MACHINE,
        f"Bearer {MACHINE}x",
        "Bearer ",
        f"Bearer {hashlib.sha256(MACHINE.encode()).hexdigest()}",
    ],
)
def test_a_machine_with_anything_else_stays_out(gateway: Gateway, store: Store, value: str) -> None:
    assert asked_as(gateway, store, {"Authorization": value})[0] == 401


def test_on_a_unix_socket_the_kernel_says_who_asks(gateway: Gateway, store: Store) -> None:
    class Unix(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(gateway.folder / "socket"))

    with closing(Unix("localhost", timeout=20)) as connection:
        connection.request("GET", "/api/v1/query?query=hpc_job_cpus", headers={"X-Grafana-User": "bob"})
        assert connection.getresponse().status == 200
    login = pwd.getpwuid(os.getuid()).pw_name
    assert store.form["query"] == [f'{{__name__="hpc_job_cpus",user="{login}"}}']


# Keys


def fetched(url: str, *kids: str) -> list[object]:
    """Ask for keys in turn; return each, or the status of its problem."""

    async def ask() -> list[object]:
        keys, found = SigningKeys(url), []
        for kid in kids:
            try:
                found.append(await keys.get(kid))
            except Problem as problem:
                found.append(problem.status)
        return found

    return asyncio.run(ask())


def test_a_new_key_is_fetched_when_it_is_first_seen(
    grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "_PAUSE", 0.0)

    async def rotate() -> None:
        keys = SigningKeys(grafana.url)
        await keys.get("key-1")
        grafana.keys["key-2"] = ec.generate_private_key(ec.SECP256R1())
        grafana.publish()
        assert (await keys.get("key-2")).public_numbers() == grafana.keys[
            "key-2"
        ].public_key().public_numbers()
        assert keys.fetches == {"success": 2, "failure": 0}

    asyncio.run(rotate())


@pytest.mark.parametrize(
    "page",
    [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [1]}', b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "key-1"}]}',
     b'{"keys": [{"kty": "EC", "crv": "P-256", "kid": "key-1", "x": "AQ", "y": "AQ"}]}', b"[" * 100_000],
)  # fmt: skip
def test_a_page_without_usable_keys_lets_nobody_in(store: Store, page: bytes) -> None:
    store.behave = say(page)
    assert fetched(store.url, "key-1", "key-1") == [503, 503]
    store.behave = say()


@pytest.mark.parametrize(
    "entry", [{"kty": "RSA"}, {"crv": "P-384"}, {"alg": "ES512"}, {"kty": "oct", "k": "AQ"}]
)
def test_keys_of_other_kinds_are_left_out(grafana: Grafana, store: Store, entry: dict[str, str]) -> None:
    real = json.loads(_page(grafana))["keys"][0]
    store.behave = say(json.dumps({"keys": [real | {"kid": "other"} | entry, real]}).encode())
    assert fetched(store.url, "key-1", "other")[1] == 401
    store.behave = say()


def _page(grafana: Grafana) -> bytes:
    with closing(http.client.HTTPConnection(grafana.page.url.removeprefix("http://"))) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def test_a_redirect_or_an_error_is_no_page_of_keys(store: Store, grafana: Grafana) -> None:
    for behave in (say(b"", 302, Location=grafana.url), say(_page(grafana), 500)):
        store.behave = behave
        assert fetched(store.url, "key-1") == [503]
    store.behave = say()


def test_a_grafana_that_is_down_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert fetched(f"http://127.0.0.1:{port}/", "key-1") == [503]


def test_after_a_failure_the_keys_are_fetched_again_soon(
    store: Store, grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "_RETRY", 0.0)

    async def recover() -> None:
        keys = SigningKeys(store.url)
        store.behave = say(b"", 500)
        with pytest.raises(Problem):
            await keys.get("key-1")
        store.behave = say(_page(grafana))
        await keys.get("key-1")
        assert keys.fetches == {"success": 1, "failure": 1}

    asyncio.run(recover())
    store.behave = say()


def test_a_verified_token_is_remembered_until_it_ends(
    grafana: Grafana, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, now = grafana.token(), time.time()

    async def ask() -> None:
        keys = SigningKeys(grafana.url)
        tokens = GrafanaTokens(keys, ROOT, ("org:1",), ("ldap",))
        assert await tokens.login(token) == "alice"
        with monkeypatch.context() as patch:
            patch.setattr(keys, "get", None)  # nothing is verified again
            assert await tokens.login(token) == "alice"
        monkeypatch.setattr(time, "time", lambda: now + 700)
        with pytest.raises(Problem, match="not valid now"):
            await tokens.login(token)

    asyncio.run(ask())


# Settings


def test_a_table_of_logins_lets_in_only_those_in_it(store: Store, tmp_path: Path) -> None:
    logins = tmp_path / "logins.yml"
    logins.write_text('"Alice@example.org": alice\n')
    with run(tmp_path, store.url, **{"identity.logins-file": str(logins)}) as gateway:
        assert asked_as(gateway, store, CHANNEL | {"X-Grafana-User": "Alice@example.org"}) == (200, "alice")
        for name in ("alice@example.org", "alice", "bob"):
            assert asked_as(gateway, store, CHANNEL | {"X-Grafana-User": name})[0] == 403


@pytest.mark.parametrize(
    ("where", "known", "unknown"),
    [("people", "alice", "bob"), ("system", pwd.getpwuid(os.getuid()).pw_name, "no-such")],
)
def test_a_login_must_be_known_where_the_site_says(
    store: Store, tmp_path: Path, where: str, known: str, unknown: str
) -> None:
    settings = {"identity.known-users": where, "people.member": ["alice=physics"]}
    with run(tmp_path, store.url, **settings) as gateway:
        assert asked_as(gateway, store, CHANNEL | {"X-Grafana-User": known}) == (200, known)
        for name in (unknown, known.upper(), "Alice"):
            assert asked_as(gateway, store, CHANNEL | {"X-Grafana-User": name})[0] == 403


def test_the_secret_can_be_changed_without_a_moment_without_one(store: Store, tmp_path: Path) -> None:
    with run(tmp_path, store.url) as gateway:
        (tmp_path / "secret").write_text(f"{CHANNEL['X-Jobgauge-Channel']}\na new secret of some length\n")
        gateway.reload()
        for secret in (CHANNEL["X-Jobgauge-Channel"], "a new secret of some length"):
            assert asked_as(gateway, store, {"X-Jobgauge-Channel": secret, "X-Grafana-User": "alice"}) == (
                200,
                "alice",
            )
