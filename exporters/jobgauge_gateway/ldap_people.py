"""People from an LDAP directory: who is in which group, and who owns it.

All groups are read at one go, in pages, and nothing that a caller says is ever put into a question to the directory.
"""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jobgauge.errors import ConfigError, SourceError
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.people import Grant, People
from jobgauge_gateway.secret_lines import read_password

with warnings.catch_warnings():
    # It uses names that a library of its own renamed.
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        import ldap3  # type: ignore[import-untyped]  # it has no types
        from ldap3.core.exceptions import LDAPException  # type: ignore[import-untyped]
        from ldap3.utils.dn import parse_dn  # type: ignore[import-untyped]
    except ImportError as missing:
        raise ConfigError(
            "people.ldap.url is set, and ldap3 is not installed: pip install 'jobgauge[ldap]'"
        ) from missing

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 20  # for one page; ldap3 wants a whole number
_PAGE = 500  # entries
_ESCAPE = re.compile(rb"\\(?:([0-9a-fA-F]{2})|(.))", re.DOTALL)  # RFC 4514
_SUCCESS = 0  # RFC 4511


@dataclass(frozen=True)
class _Entry:
    dn: str
    values: Mapping[str, list[str]]  # by the attribute's name in lower case

    def of(self, attributes: Iterable[str]) -> Iterator[str]:
        for attribute in attributes:
            yield from self.values.get(attribute.lower(), [])


class Ldap:
    """Groups of a directory: members of accounts, their leaders, and staff."""

    name = "ldap"
    fixed = False

    def __init__(self, config: GatewayConfig) -> None:
        """Read the files; raise ConfigError where one is wrong."""
        self._config = config
        self._password = read_password(config.ldap_password_file) if config.ldap_password_file else None
        tls = _Tls(config.ldap_ca_file)
        self._servers = [_server(url, tls) for url in config.ldap_urls]

    def read(self) -> People:
        """Ask the first directory that answers; nothing is taken from half an answer."""
        problems = []
        for server in self._servers:
            connection = self._connection(server)
            try:
                connection.open()
                if self._config.ldap_starttls and not server.ssl:
                    connection.start_tls()
                connection.bind()
                return self._people(connection)
            except (LDAPException, OSError, ValueError) as error:
                problems.append(f"{server.name}: {error}")
            finally:
                _close(connection)
        raise SourceError("; ".join(problems))

    def _connection(self, server: Any) -> Any:
        return ldap3.Connection(
            server,
            self._config.ldap_bind_dn or None,
            self._password,
            read_only=True,
            auto_referrals=False,  # another server would get our password
            receive_timeout=_ANSWER_SECONDS,
            raise_exceptions=True,
        )

    def _people(self, connection: Any) -> People:
        config = self._config
        owners, members = config.ldap_leader_attributes, config.ldap_member_attributes
        wanted = [config.ldap_group_attribute, *owners, *members]
        groups = list(self._search(connection, config.ldap_base, config.ldap_filter, wanted))
        logins = self._logins(connection) if config.ldap_users_base else {}
        staff: set[str] = set()
        leaders: set[Grant] = set()
        found: set[Grant] = set()
        for group in groups:
            inside = {login for value in group.of(members) if (login := self._login(value, logins))}
            for name in group.of([config.ldap_group_attribute]):
                if name in config.ldap_staff_groups:
                    staff |= inside
                elif account := _account(config.ldap_leader_groups, name):
                    leaders |= {(login, account) for login in inside}
                elif account := _account(config.ldap_member_groups, name):
                    found |= {(login, account) for login in inside}
                    lead = (self._login(value, logins) for value in group.of(owners))
                    leaders |= {(login, account) for login in lead if login}
        if not (staff or leaders or found):
            raise SourceError(f"no group under {config.ldap_base} has a member: see people.ldap.*")
        return People(frozenset(staff), frozenset(leaders), frozenset(found))

    def _search(self, connection: Any, base: str, text: str, attributes: list[str]) -> Iterator[_Entry]:
        pages = connection.extend.standard.paged_search(
            base, text, ldap3.SUBTREE, attributes=attributes, paged_size=_PAGE, generator=True
        )
        for one in pages:
            if one["type"] == "searchResEntry":
                values = {
                    name.partition(";")[0].lower(): [value.decode("utf-8") for value in raw]
                    for name, raw in one["raw_attributes"].items()
                }
                yield _Entry(one["dn"], values)
        if connection.result["result"] != _SUCCESS:
            raise SourceError(f"{base}: the search ended with {connection.result['description']}")

    def _logins(self, connection: Any) -> dict[tuple[str, ...], str]:
        """Return the logins of all people by the name of their entry."""
        attribute = self._config.ldap_login_attribute
        base = self._config.ldap_users_base
        people = self._search(connection, base, f"({attribute}=*)", [attribute])
        return {_plain(person.dn): login for person in people for login in person.of([attribute])}

    def _login(self, value: str, logins: Mapping[tuple[str, ...], str]) -> str:
        """Return the login that a member's value means: it is one, or the name of an entry that has one."""
        if "=" not in value:
            return value
        if logins:
            return logins.get(_plain(value), "")
        attribute, login, _ = parse_dn(value, strip=True)[0]
        return _unescaped(login) if attribute.lower() == self._config.ldap_login_attribute.lower() else ""


def _close(connection: Any) -> None:
    """Say goodbye and close the socket, which ldap3 forgets where something went wrong."""
    sock = connection.socket
    with suppress(LDAPException, OSError):
        connection.unbind()
    if sock:
        sock.close()


def _plain(dn: str) -> tuple[str, ...]:
    """Return an entry's name in one spelling: blanks, capitals and ways to escape mean nothing there."""
    return tuple(
        f"{attribute}={_unescaped(value)}{then}".lower()
        for attribute, value, then in parse_dn(dn, strip=True)
    )


def _unescaped(value: str) -> str:
    def one(match: re.Match[bytes]) -> bytes:
        return bytes([int(match[1], 16)]) if match[1] else match[2]

    return _ESCAPE.sub(one, value.encode()).decode()


def _account(pattern: str, group: str) -> str:
    match = re.fullmatch(pattern, group) if pattern else None
    return match[1] if match else ""


class _Tls(ldap3.Tls):  # type: ignore[misc]  # it has no types
    """TLS as the standard library does it, with its check of the host's name: ldap3's own is from before that was safe."""

    def __init__(self, ca_file: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        try:
            self._context = ssl.create_default_context(cafile=ca_file or None)
        except OSError as error:
            raise ConfigError(f"{ca_file}: {error.strerror or error}") from error

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002 - as ldap3 calls it
        """Secure a connection's socket."""
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=connection.server.host
        )


def _server(url: str, tls: _Tls) -> Any:
    try:
        return ldap3.Server(url, tls=tls, get_info=ldap3.NONE, connect_timeout=_CONNECT_SECONDS)
    except LDAPException as error:
        raise ConfigError(f"people.ldap.url: {url}: {error}") from error
