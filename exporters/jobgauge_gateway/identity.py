"""Who asks. A bare header proves nothing: each method needs a secret, a signature or the kernel's word."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import pwd
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from jobgauge import yamlfile
from jobgauge.errors import ConfigError
from jobgauge.secretfile import read_secrets
from jobgauge_gateway.certificates import Certificates
from jobgauge_gateway.clients import Client
from jobgauge_gateway.config import CHANNEL_HEADER, GatewayConfig
from jobgauge_gateway.grafana_token import GrafanaTokens
from jobgauge_gateway.people import Directory
from jobgauge_gateway.problem import unidentified, unwelcome

_CHANNEL = CHANNEL_HEADER.lower()
_KNOWN_FOR = 300.0  # seconds that an answer of the system's user database is used
_CACHED = 10_000
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid of a unix socket's peer
_HEX = frozenset("0123456789abcdef")


class Identifier:
    """Finds out the login of a request's caller, by the methods that the site chose."""

    def __init__(self, config: GatewayConfig, directory: Directory, tokens: GrafanaTokens) -> None:
        """Read the files with secrets; raise ConfigError where one is wrong."""
        self._methods = frozenset(config.methods)
        self._secrets = read_secrets(config.channel_secret_file) if config.trusts_grafana else ()
        self._logins = _read_logins(config.logins_file) if config.logins_file else None
        self._machines = _read_machines(config.tokens_file) if "token" in config.methods else {}
        certificates = config.certificates_file if "certificate" in config.methods else ""
        self._certificates = Certificates(certificates, config.web_config_file)
        self._by_grafana = config.trusts_grafana
        self._tokens = tokens
        self._known_users = config.known_users
        self._directory = directory
        self._system = _System()

    async def login(self, client: Client) -> str:
        """Return who asks, as a login that is known here; raise Problem where that is not proven."""
        self._certificates.admit(client)
        if self._by_grafana and client.field(_CHANNEL):
            login = await self._of_grafana(client)
        elif "token" in self._methods and client.field("authorization"):
            login = self._of_machine(_single(client, "Authorization"))
        elif named := self._certificates.login(client):
            login = named
        elif "unix" in self._methods and (peer := _peer(client)) is not None:
            return await self._system.login(peer)
        else:
            raise unidentified(self._how())
        await self._demand_known(login)
        return login

    async def _of_grafana(self, client: Client) -> str:
        secret = _single(client, CHANNEL_HEADER).encode("utf-8", "surrogateescape")
        # All are compared, so that the time does not tell which one was nearly right.
        if not sum(hmac.compare_digest(secret, known) for known in self._secrets):
            raise unidentified(
                f"the secret in {CHANNEL_HEADER} is wrong; correct it in the data source of Grafana"
            )
        if "grafana-id" in self._methods:
            name = await self._tokens.login(_single(client, "X-Grafana-Id"))
        else:
            name = _single(client, "X-Grafana-User")
        if self._logins is None:
            return name
        if name not in self._logins:
            raise unwelcome(
                "your Grafana login belongs to no account of the cluster; ask your administrators"
            )
        return self._logins[name]

    def _of_machine(self, authorization: str) -> str:
        scheme, _, token = authorization.partition(" ")
        login = self._machines.get(hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest())
        if scheme.lower() != "bearer" or login is None:
            raise unidentified("the token is not known; send `Authorization: Bearer TOKEN` with a valid one")
        return login

    async def _demand_known(self, login: str) -> None:
        known = True
        if self._known_users == "system":
            known = await self._system.knows(login)
        elif self._known_users == "people":
            known = self._directory.knows(login)
        if not known:
            raise unwelcome("your login is no user of the cluster; sign in by your cluster account")

    def _how(self) -> str:
        if self._by_grafana:
            return "sign in to Grafana and ask through it; here nobody is known"
        return (
            "nobody is let in without a proof of who they are; see identity.method in the gateway's settings"
        )


def _single(client: Client, header: str) -> str:
    values = client.field(header.lower())
    if len(values) != 1 or not values[0]:
        raise unidentified(f"exactly one {header} header is expected; sign in to Grafana and ask through it")
    return values[0]


def _peer(client: Client) -> int | None:
    """Return the user id of the process at the other end of a unix socket, as the kernel knows it."""
    sock = client.transport_info("socket")
    if sock is None or sock.family != socket.AF_UNIX:
        return None
    _, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)


class _System:
    """The system's user database, asked in a thread, since it may be a network's."""

    def __init__(self) -> None:
        self._answers: dict[str | int, tuple[str | None, float]] = {}

    async def knows(self, login: str) -> bool:
        # Some databases fold case: the name has to come back as it was.
        return "\0" not in login and await self._ask(login, pwd.getpwnam) == login

    async def login(self, uid: int) -> str:
        login = await self._ask(uid, pwd.getpwuid)
        if login is None:
            raise unwelcome(f"user id {uid} has no name in the system's user database")
        return login

    async def _ask(self, key: Any, look_up: Callable[[Any], pwd.struct_passwd]) -> str | None:
        answer, end = self._answers.get(key, (None, 0.0))
        if time.monotonic() < end:
            return answer
        try:
            answer = (await asyncio.to_thread(look_up, key)).pw_name
        except (KeyError, ValueError):  # also a name that no database can hold
            answer = None
        if len(self._answers) >= _CACHED:
            self._answers.clear()
        self._answers[key] = answer, time.monotonic() + _KNOWN_FOR
        return answer


def _read_logins(path: str) -> dict[str, str]:
    logins = yamlfile.read(path)
    for name, login in logins.items():
        if not isinstance(name, str) or not isinstance(login, str):
            raise ConfigError(
                f"{path}: {name!r}: a line `Grafana login: cluster login` is expected, both as text"
            )
    return logins


def _read_machines(path: str) -> dict[str, str]:
    """Return logins by the SHA-256 of their tokens."""
    found: dict[str, str] = {}
    for login, digests in yamlfile.read(path).items():
        for digest in digests if isinstance(digests, list) else [digests]:
            if not isinstance(login, str) or not isinstance(digest, str) or not _is_digest(digest):
                raise ConfigError(
                    f"{path}: {login!r}: the 64 hex digits of a SHA-256 are expected: `sha256sum`"
                )
            if digest in found:
                raise ConfigError(f"{path}: {login!r} and {found[digest]!r} have the same token")
            found[digest] = login
    return found


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= _HEX
