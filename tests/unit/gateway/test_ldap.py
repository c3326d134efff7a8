"""People from a real OpenLDAP: groups, owners, pages, TLS, wrong passwords, and a directory that dies and comes back."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from jobgauge.config import options
from jobgauge.errors import ConfigError, SourceError
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.ldap_people import Ldap
from jobgauge_gateway.people import Directory, People
from tests.support.certificates import Authority
from tests.support.gateway import Store, run
from tests.support.slapd import SUFFIX, Slapd, slapd

pytestmark = pytest.mark.system
READER, PASSWORD = f"cn=reader,{SUFFIX}", "läse nur ☺"
MANY = 1200  # groups: more than a page, and more than the directory gives at one go
LARGE = 3000  # members of one group


def entry(dn: str, *lines: str) -> str:
    return "\n".join([f"dn: {dn},{SUFFIX}", *map(_line, lines)]) + "\n\n"


def _line(text: str) -> str:
    name, _, value = text.partition(": ")
    return text if value.isascii() else f"{name}:: {base64.b64encode(value.encode()).decode()}"


def group(name: str, number: int, *lines: str) -> str:
    return entry(
        f"cn={name},ou=groups", "objectClass: posixGroup", "objectClass: top", f"gidNumber: {number}", *lines
    )


def ldif() -> str:
    people = [
        ("uid=alice", "alice", "Alice"),
        ("uid=pia", "pia", "Pia"),
        (r"cn=M\C3\BCller\2C Bob \2B Co", "bob", "Müller, Bob + Co"),
    ]
    parts = [
        f"dn: {SUFFIX}\nobjectClass: organization\nobjectClass: dcObject\no: example\ndc: example\n\n",
        entry("ou=groups", "objectClass: organizationalUnit", "ou: groups"),
        entry("ou=people", "objectClass: organizationalUnit", "ou: people"),
        entry("ou=odd", "objectClass: organizationalUnit", "ou: odd"),
        entry("cn=reader", "objectClass: organizationalRole", "objectClass: simpleSecurityObject", "cn: reader",
              f"userPassword: {PASSWORD}"),
    ]  # fmt: skip
    for rdn, login, name in people:
        parts.append(
            entry(
                f"{rdn},ou=people", "objectClass: account", "objectClass: posixAccount", f"uid: {login}",
                f"cn: {name}", "uidNumber: 1", "gidNumber: 1", f"homeDirectory: /home/{login}",
            )
        )  # fmt: skip
    members = [f"memberUid: u{n}" for n in range(LARGE)]
    parts += [
        group("physics", 1, "memberUid: alice", "memberUid: bob"),
        group("chem", 2, "memberUid: carol"),
        group("pi-physics", 3, "memberUid: pia"),
        group("hpc-ops", 4, "memberUid: sam"),
        group("empty", 5),
        group("large", 6, *members),
        entry(
            "cn=optics,ou=odd", "objectClass: groupOfNames", f"member: uid=alice,ou=people,{SUFFIX}",
            f"member: CN=Müller\\, Bob \\+ Co , OU=People,{SUFFIX}", f"member: cn=gone,ou=people,{SUFFIX}",
            f"owner: UID=pia, ou=people,{SUFFIX}",
        ),
    ]  # fmt: skip
    parts += [group(f"g{n:04}", 100 + n, f"memberUid: m{n}") for n in range(MANY)]
    return "".join(parts)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), ldif()) as server:
        yield server


def settings(server: Slapd, **more: Any) -> dict[str, Any]:
    secret = server.folder / "password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    return {
        "people.ldap.url": [server.url],
        "people.ldap.ca-file": str(server.authority.path),
        "people.ldap.bind-dn": READER,
        "people.ldap.password-file": str(secret),
        "people.ldap.base": f"ou=groups,{SUFFIX}",
        "people.ldap.staff-group": ["hpc-ops"],
        "people.ldap.leader-group": "pi-(.+)",
        **more,
    }


def source(server: Slapd, **more: Any) -> Ldap:
    chosen = {}
    by_name = {option.name: (attribute, option) for attribute, option in options(GatewayConfig).items()}
    for name, value in settings(server, **more).items():
        attribute, option = by_name[name]
        chosen[attribute] = option.read(
            [str(one) for one in value] if isinstance(value, list) else [str(value)], name
        )
    return Ldap(GatewayConfig(**chosen))  # type: ignore[arg-type]


def test_groups_are_accounts_leaders_and_staff(server: Slapd) -> None:
    people = source(server).read()
    assert people.staff == {"sam"}
    assert people.leaders == {("pia", "physics")}
    assert {("alice", "physics"), ("bob", "physics"), ("carol", "chem")} <= people.members
    assert not any(account in ("pi-physics", "hpc-ops", "empty") for _, account in people.members)


def test_more_groups_and_members_come_than_the_directory_gives_at_one_go(server: Slapd) -> None:
    members = source(server).read().members
    assert {(f"m{n}", f"g{n:04}") for n in range(MANY)} <= members
    assert {(f"u{n}", "large") for n in range(LARGE)} <= members


ODD = {"people.ldap.base": f"ou=odd,{SUFFIX}", "people.ldap.filter": "(objectClass=groupOfNames)"}


def test_members_and_owners_by_the_names_of_their_entries(server: Slapd) -> None:
    people = source(server, **ODD, **{"people.ldap.users-base": f"ou=people,{SUFFIX}"}).read()
    assert people == People(
        leaders=frozenset([("pia", "optics")]), members=frozenset([("alice", "optics"), ("bob", "optics")])
    )


def test_without_a_search_for_people_only_entries_that_are_named_by_the_login_count(server: Slapd) -> None:
    people = source(server, **ODD).read()
    assert people.members == {("alice", "optics")}
    assert people.leaders == {("pia", "optics")}


def test_a_pattern_takes_the_account_out_of_a_groups_name(server: Slapd) -> None:
    people = source(server, **{"people.ldap.member-group": "p(hy)sics"}).read()
    assert people.members == {("alice", "hy"), ("bob", "hy")}


def test_tls_from_the_beginning(server: Slapd) -> None:
    assert source(server, **{"people.ldap.url": [server.tls_url]}).read().staff == {"sam"}


def test_without_tls_only_where_the_site_says_so(server: Slapd) -> None:
    assert source(server, **{"people.ldap.starttls": False, "people.ldap.ca-file": ""}).read().staff == {
        "sam"
    }


@pytest.mark.parametrize("kind", ["url", "tls_url"])
def test_a_certificate_of_another_authority_gets_no_password(
    server: Slapd, tmp_path: Path, kind: str
) -> None:
    other = Authority(tmp_path).path
    with pytest.raises(SourceError, match="certificate"):
        source(
            server, **{"people.ldap.url": [getattr(server, kind)], "people.ldap.ca-file": str(other)}
        ).read()


@pytest.mark.parametrize("kind", ["url", "tls_url"])
def test_a_certificate_for_another_host_gets_no_password(tmp_path: Path, kind: str) -> None:
    with slapd(tmp_path / "slapd", ldif(), ["ldap.example.org"]) as other, pytest.raises(SourceError):
        source(other, **{"people.ldap.url": [getattr(other, kind)]}).read()


def test_a_wrong_password_or_base_is_told(server: Slapd, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    with pytest.raises(SourceError, match=r"(?i)credentials"):
        source(server, **{"people.ldap.password-file": str(wrong)}).read()
    with pytest.raises(SourceError, match=r"(?i)noSuchObject"):
        source(server, **{"people.ldap.base": "ou=nowhere,dc=example,dc=org"}).read()
    with pytest.raises(SourceError, match="no group"):
        source(server, **{"people.ldap.filter": "(cn=nothing)"}).read()
    with pytest.raises(SourceError, match=r"(?i)filter"):
        source(server, **{"people.ldap.filter": "(cn=nothing"}).read()


def test_a_search_that_is_cut_short_is_no_answer(server: Slapd) -> None:
    """Nobody may ask for all at one go here: without the reader's limits, the directory gives 200 entries and stops."""
    conf = server.folder / "slapd.conf"
    text = conf.read_text()
    conf.write_text(text.replace("size.prtotal=unlimited", "size.prtotal=300"))
    server.stop()
    server.start()
    try:
        with pytest.raises(SourceError, match=r"(?i)sizeLimit|adminLimit"):
            source(server).read()
    finally:
        server.stop()
        conf.write_text(text)
        server.start()


def test_the_next_directory_is_asked_where_the_first_is_down(server: Slapd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    people = source(server, **{"people.ldap.url": [f"ldap://localhost:{port}", server.tls_url]}).read()
    assert people.staff == {"sam"}


def test_a_directory_that_says_nothing_is_not_waited_for_without_end(
    server: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobgauge_gateway.ldap_people._ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldap://localhost:{silent.getsockname()[1]}"
        with pytest.raises(SourceError):
            source(server, **{"people.ldap.url": [url]}).read()


def test_a_directory_that_talks_nonsense_is_a_failed_source(
    server: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobgauge_gateway.ldap_people._ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as odd, ExitStack() as stack:

        def talk() -> None:
            with suppress(OSError):
                while True:
                    sock, _ = odd.accept()
                    stack.enter_context(sock)
                    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=talk, daemon=True).start()
        url = f"ldap://localhost:{odd.getsockname()[1]}"
        with pytest.raises(SourceError):
            source(server, **{"people.ldap.url": [url], "people.ldap.starttls": False}).read()


def test_what_it_said_holds_while_it_is_down_then_ends_and_comes_back(server: Slapd) -> None:
    async def live() -> None:
        directory = Directory([source(server)], refresh=0.05, keep=1.0)
        await directory.start()
        assert directory.scope("pia").leads == {"physics"}
        server.stop()
        assert directory.scope("pia").leads == {"physics"}  # the last good answer
        await _until(lambda: not directory.scope("pia").leads and not directory.scope("sam").staff)
        server.start()
        await _until(lambda: directory.scope("pia").leads and directory.scope("sam").staff)
        await directory.close()

    asyncio.run(live())


async def _until(true: Any) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_the_gateway_asks_the_directory(server: Slapd, tmp_path: Path) -> None:
    with closing(Store()) as store, run(tmp_path / "gateway", store.url, **settings(server)) as gateway:
        assert gateway.ask("query", "pia", query='a{account="physics"}')[0] == 200
        assert store.form["query"] == ['{__name__="a",account="physics"}']
        assert gateway.ask("query", "alice", query='a{account="physics"}')[0] == 200
        assert store.form["query"] == ['{__name__="a",account="physics",user="alice"}']
        assert gateway.ask("query", "sam", query="a")[0] == 200
        assert store.form["query"] == ['{__name__="a"}']


@pytest.mark.parametrize(
    ("more", "named"),
    [({"people.ldap.base": ""}, "people.ldap.base"), ({"people.ldap.password-file": ""}, "password-file"),
     ({"people.ldap.url": ["http://ldap"]}, "ldaps://"), ({"people.ldap.leader-group": "pi-.+"}, "parentheses"),
     ({"people.ldap.member-group": "("}, "regular expression"), ({"people.ldap.ca-file": "/nonexistent"}, "/nonexistent")],
)  # fmt: skip
def test_a_wrong_setting_is_named(server: Slapd, more: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        source(server, **more)
