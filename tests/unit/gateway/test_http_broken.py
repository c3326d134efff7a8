"""Gateways broken on purpose at the door and on the way: each fault must show in the tables of the other tests."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import urllib.parse
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from jobgauge_gateway import endpoints, gateway, grafana_token, http_request, identity
from jobgauge_gateway.clients import Client
from jobgauge_gateway.endpoints import Endpoint
from jobgauge_gateway.grafana_token import GrafanaTokens
from jobgauge_gateway.http_request import Parameters
from jobgauge_gateway.people import Directory
from jobgauge_gateway.planning import Planner
from jobgauge_gateway.policy import Scope
from jobgauge_gateway.signing_keys import decoded
from tests.support.gateway import SECRET, Store, inside
from tests.support.grafana import ROOT, Grafana
from tests.support.web import read_answer
from tests.unit.gateway.test_http_abuse import NOT_FOUND, QUERY, REFUSED, WHO, get
from tests.unit.gateway.test_identity import BAD

pytestmark = pytest.mark.system
Break = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture(scope="module")
def grafana() -> Iterator[Grafana]:
    with closing(Grafana()) as grafana:
        yield grafana


def the_channel_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hmac, "compare_digest", lambda *_: True)


def a_bare_name_is_trusted(patch: pytest.MonkeyPatch) -> None:
    async def trusting(_: Any, client: Client) -> str:
        return "".join(client.field("x-grafana-user"))

    patch.setattr(identity.Identifier, "login", trusting)


def the_first_of_two_names_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(identity, "_single", lambda client, header: next(iter(client.field(header.lower())), ""))


def signatures_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    async def unsigned(_: GrafanaTokens, token: str) -> Any:
        return json.loads(decoded(token.split(".")[1]))

    patch.setattr(GrafanaTokens, "_signed", unsigned)


def claims_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GrafanaTokens, "_check", lambda _, claims, now: (str(claims["username"]), now + 60))


def the_kind_of_identity_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    check = GrafanaTokens._check
    as_user = {"type": "user", "sub": "user:1"}
    patch.setattr(GrafanaTokens, "_check", lambda self, claims, now: check(self, {**claims, **as_user}, now))


def the_way_of_login_is_not_checked(patch: pytest.MonkeyPatch) -> None:
    check = GrafanaTokens._check
    patch.setattr(
        GrafanaTokens,
        "_check",
        lambda self, claims, now: check(self, {**claims, "authenticatedBy": "ldap"}, now),
    )


def tokens_are_remembered_without_their_text(patch: pytest.MonkeyPatch) -> None:
    class Same:
        sha256 = staticmethod(lambda _: hashlib.md5(b""))  # noqa: S324 - any constant

    patch.setattr(grafana_token, "hashlib", Same)


def scopes_are_remembered_without_the_login(patch: pytest.MonkeyPatch) -> None:
    scope = Directory.scope
    first: list[Scope] = []

    def remembered(self: Directory, login: str) -> Scope:
        first.append(scope(self, login))
        return first[0]

    patch.setattr(Directory, "scope", remembered)


def names_are_cut_at_the_at(patch: pytest.MonkeyPatch) -> None:
    scope = Directory.scope
    patch.setattr(Directory, "scope", lambda self, login: scope(self, login.split("@")[0]))


def paths_are_tidied(patch: pytest.MonkeyPatch) -> None:
    def tidy(path: str) -> Endpoint | None:
        return endpoints.find("/" + "/".join(part for part in urllib.parse.unquote(path).split("/") if part))

    patch.setattr(gateway, "find", tidy)


def the_last_of_two_parameters_counts(patch: pytest.MonkeyPatch) -> None:
    def last(pairs: list[tuple[str, str]], endpoint: Endpoint) -> Parameters:
        return Parameters({name: text for name, text in pairs if name in endpoint.single}, {})

    patch.setattr(http_request, "_sorted", last)


def unknown_parameters_are_forwarded(patch: pytest.MonkeyPatch) -> None:
    def every(pairs: list[tuple[str, str]], _: Endpoint) -> Parameters:
        return Parameters(dict(pairs), {})

    patch.setattr(Planner, "_value", lambda _, __, text: text)
    patch.setattr(http_request, "_sorted", every)


def any_body_is_read_as_a_form(patch: pytest.MonkeyPatch) -> None:
    async def body(client: Client, *_: Any) -> bytes:
        return await client.body(1 << 20, 5.0)

    patch.setattr(http_request, "_body", body)


def escapes_are_read_loosely(patch: pytest.MonkeyPatch) -> None:
    def loose(text: str) -> list[tuple[str, str]]:
        return urllib.parse.parse_qsl(text.replace(";", "&"), errors="replace")

    patch.setattr(http_request, "_pairs", loose)


def matches_are_forwarded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Planner, "_matches", lambda _, parameters, __: parameters.lists.get("match[]", ()))


def queries_are_forwarded(patch: pytest.MonkeyPatch) -> None:
    def as_it_is(self: Planner, endpoint: Endpoint, parameters: Parameters, scope: Scope) -> Any:
        return tuple(parameters.single.items())

    patch.setattr(Planner, "_form", as_it_is)


FAULTS: list[Break] = [
    the_channel_is_not_checked,
    a_bare_name_is_trusted,
    the_first_of_two_names_counts,
    signatures_are_not_checked,
    claims_are_not_checked,
    the_kind_of_identity_is_not_checked,
    the_way_of_login_is_not_checked,
    tokens_are_remembered_without_their_text,
    scopes_are_remembered_without_the_login,
    names_are_cut_at_the_at,
    paths_are_tidied,
    the_last_of_two_parameters_counts,
    unknown_parameters_are_forwarded,
    any_body_is_read_as_a_form,
    escapes_are_read_loosely,
    matches_are_forwarded,
    queries_are_forwarded,
]


def leaks(folder: Path, grafana: Grafana) -> Generator[str, None, None]:
    """Yield what a gateway lets through that it must not."""
    by_token = {"identity.method": "grafana-id", "grafana.url": ROOT, "grafana.keys-url": grafana.url}
    with closing(Store()) as store:
        with inside(folder, store.url) as address:
            yield from (name for name, text in _refused().items() if _reaches(address, store, text))
            yield from (name for name, target in _scoped().items() if not _is_scoped(address, store, target))
        with inside(folder, store.url, **by_token) as address:
            yield from (
                name for name, (_, make) in BAD.items() if _reaches(address, store, _with(make(grafana)))
            )
            yield from (who for who in ("alice", "bob") if not _is(address, store, who, grafana))


def _refused() -> dict[str, bytes]:
    slow = ("HEAD", "body that never comes")  # to read an answer to
    requests = {name: text for name, (text, _) in REFUSED.items() if name not in slow}
    return {target: get(target) for target in NOT_FOUND} | requests


def _scoped() -> dict[str, str]:
    calls = ["series?match[]=hpc_job_cpus", "labels", "labels?match[]=up", "label/user/values"]
    return {call: f"/api/v1/{call}" for call in calls} | {"a query": QUERY}


def _with(token: str) -> bytes:
    return get(QUERY, f"Host: g\r\nX-Jobgauge-Channel: {SECRET}\r\nX-Grafana-Id: {token}\r\n")


def _send(address: str, text: bytes) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock, suppress(OSError):
        sock.sendall(text)
        with suppress(Exception):  # what the client gets is for other tests
            read_answer(sock)


def _reaches(address: str, store: Store, text: bytes) -> bool:
    store.asked.clear()
    _send(address, text)
    return bool(store.asked)


def _is_scoped(address: str, store: Store, target: str) -> bool:
    store.asked.clear()
    _send(address, get(target, WHO.replace("alice", "bob")))
    _send(address, get(target))
    sent = [text for name in ("query", "match[]") for text in store.form.get(name, [])]
    return bool(sent) and all('user="alice"' in text or "__name__=~" in text for text in sent)


def _is(address: str, store: Store, login: str, grafana: Grafana) -> bool:
    store.asked.clear()
    _send(address, _with(grafana.token(login)))
    return bool(store.asked) and f'user="{login}"' in store.form["query"][0]


def test_the_gateway_as_it_is_has_no_fault(tmp_path: Path, grafana: Grafana) -> None:
    assert list(leaks(tmp_path, grafana)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_gateway_is_seen_to_be_broken(
    tmp_path: Path, grafana: Grafana, fault: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    with closing(leaks(tmp_path, grafana)) as found:
        assert next(found, "")
