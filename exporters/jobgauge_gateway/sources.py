"""Where the gateway learns about people: its settings, a file, POSIX groups, Slurm, LDAP."""

from __future__ import annotations

import grp
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from jobgauge import process, yamlfile
from jobgauge.config import suggestion
from jobgauge.errors import ConfigError, SourceError
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.people import Grant, People, Source

log = logging.getLogger(__name__)

_FILE_KEYS = ("staff", "leaders", "members")
_SACCTMGR_SECONDS = 30.0
_SACCTMGR_BYTES = 64 << 20


def sources(config: GatewayConfig) -> list[Source]:
    """Return the sources that the settings name."""
    found: list[Source] = [Settings(config)]
    if config.people_file:
        found.append(PeopleFile(config.people_file))
    if config.staff_groups or config.leader_groups or config.member_groups:
        found.append(Groups(config))
    if config.slurm:
        found.append(Slurm(config.sacctmgr))
    if config.ldap_urls:
        from jobgauge_gateway.ldap_people import Ldap  # noqa: PLC0415 - ldap3 is there where it is asked for

        found.append(Ldap(config))
    return found


class Settings:
    """The people named in the gateway's own settings."""

    name = "settings"
    fixed = True

    def __init__(self, config: GatewayConfig) -> None:
        self._people = People(
            frozenset(config.staff),
            frozenset(map(_pair, config.leaders)),
            frozenset(map(_pair, config.members)),
        )

    def read(self) -> People:
        """Return what the settings say."""
        return self._people


class PeopleFile:
    """A YAML file: `staff: [sam]`, `leaders: {physics: [pia]}`, `members: {physics: [alice, bob]}`."""

    name = "file"
    fixed = False

    def __init__(self, path: str) -> None:
        """Read it once, so that a mistake shows at the start; raise ConfigError."""
        self._path = path
        self.read()

    def read(self) -> People:
        """Read the file."""
        data = yamlfile.read(self._path)
        for key in data:
            if key not in _FILE_KEYS:
                raise ConfigError(f"{self._path}: unknown key {key!r}{suggestion(str(key), _FILE_KEYS)}")
        return People(
            frozenset(_logins(data.get("staff") or [], f"{self._path}: staff")),
            frozenset(self._grants(data.get("leaders") or {}, "leaders")),
            frozenset(self._grants(data.get("members") or {}, "members")),
        )

    def _grants(self, accounts: Any, key: str) -> Iterable[Grant]:
        where = f"{self._path}: {key}"
        if not isinstance(accounts, Mapping):
            raise ConfigError(f"{where}: lines such as `physics: [pia]` are expected")
        for account, logins in accounts.items():
            if not isinstance(account, str) or not account:
                raise ConfigError(f"{where}: {account!r} is not an account's name; put it in quotes")
            for login in _logins(logins, f"{where}: {account}"):
                yield login, account


class Groups:
    """POSIX groups, from wherever the system has them (files, LDAP, SSSD)."""

    name = "groups"
    fixed = False

    def __init__(self, config: GatewayConfig) -> None:
        self._staff = config.staff_groups
        self._leaders = config.leader_groups
        self._members = config.member_groups

    def read(self) -> People:
        """Ask for the members of each group."""
        return People(
            frozenset(login for group in self._staff for login in _members(group)),
            frozenset(_of_groups(self._leaders)),
            frozenset(_of_groups(self._members)),
        )


class Slurm:
    """Slurm's accounting: users of accounts, and their coordinators as leaders."""

    name = "slurm"
    fixed = False

    def __init__(self, sacctmgr: str) -> None:
        self._program = sacctmgr

    def read(self) -> People:
        """Ask sacctmgr twice; nothing is taken from half an answer."""
        coordinators = self._ask("account", "WithCoordinator", "format=Account,Coordinators")
        users = self._ask("associations", "format=User,Account")
        leaders = {(login, account) for account, names in coordinators for login in names.split(",") if login}
        members = {(user, account) for user, account in users if user}
        if not members:
            raise SourceError(
                f"{self._program} shows no user of any account: this user may not see them (PrivateData?)"
            )
        return People(leaders=frozenset(leaders), members=frozenset(members))

    def _ask(self, *words: str) -> list[tuple[str, str]]:
        argv = [self._program, "--noheader", "--parsable2", "--readonly", "show", *words]
        text = process.run(argv, timeout=_SACCTMGR_SECONDS, max_bytes=_SACCTMGR_BYTES).decode(
            errors="replace"
        )
        rows = [tuple(line.split("|")) for line in text.splitlines()]
        if wrong := next((row for row in rows if len(row) != 2), None):
            raise SourceError(
                f"{self._program} printed {'|'.join(wrong)[:80]!r} where two columns are expected"
            )
        return rows  # type: ignore[return-value]  # two columns each, as just seen


def _pair(text: str) -> Grant:
    login, _, account = text.partition("=")
    return login, account


def _logins(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(login, str) and login for login in value):
        raise ConfigError(f"{where}: a list of logins is expected, each as text")
    return value


def _members(group: str) -> list[str]:
    try:
        return grp.getgrnam(group).gr_mem
    except KeyError as error:
        raise SourceError(f"there is no group {group!r}") from error


def _of_groups(pairs: Iterable[str]) -> Iterable[Grant]:
    for group, account in map(_pair, pairs):
        for login in _members(group):
            yield login, account
