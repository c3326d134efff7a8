"""Whose mail goes where: a file of the site, and a command of the site."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from jobgauge import process
from jobgauge.errors import ConfigError, SourceError
from jobgauge.fileversion import version

log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
# What a command may be asked for: nothing that is an option, or more than a name in a question to a directory.
_LOGIN = re.compile(r"\w[\w.@+-]*\$?")
_COMMAND_SECONDS = 10.0
_COMMAND_BYTES = 4096


def checked(text: str) -> str:
    """Return a text that is one mail address and nothing else; raise ValueError."""
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"{text!r} is no mail address")
    return text


class Addresses:
    """Knows the addresses of users."""

    def __init__(self, path: str, command: Sequence[str]) -> None:
        """Read the file; raise ConfigError where it is wrong."""
        self._path = path
        self._command = command
        self._seen = version(path)
        self._listed = _read(path) if path else {}

    def find(self, user: str) -> str | None:
        """Return a user's address; None where they have none. Raise SourceError where it cannot be told."""
        self._look()
        return self._listed.get(user) or self._ask(user)

    def _look(self) -> None:
        """Read the file again where it has changed; one that is wrong now holds as it was."""
        if (seen := version(self._path)) == self._seen:
            return
        self._seen = seen
        try:
            self._listed = _read(self._path)
        except ConfigError as error:
            log.error("the addresses from before are used: %s", error)  # noqa: TRY400 - the message is for the operator
        else:
            log.info("%s is read again: %d addresses", self._path, len(self._listed))

    def _ask(self, user: str) -> str | None:
        if not self._command or not _LOGIN.fullmatch(user):
            return None
        argv = [user if word == "{user}" else word for word in self._command]
        output = process.run(argv, timeout=_COMMAND_SECONDS, max_bytes=_COMMAND_BYTES)
        found = output.decode(errors="replace").strip()
        try:
            return checked(found) if found else None
        except ValueError as error:
            raise SourceError(f"{argv[0]} for {user}: {error}") from error


def _read(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            return dict(_lines(file, path))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error}") from error


def _lines(file: TextIO, path: str) -> Iterator[tuple[str, str]]:
    known = {""}
    for number, line in enumerate(file, 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, _, address = (part.strip() for part in line.rpartition(":"))
        try:
            yield user, checked(address)
        except ValueError as error:
            raise ConfigError(f"{path}, line {number}: {error}: write `login: address`") from error
        if user in known:
            raise ConfigError(f"{path}, line {number}: {user!r} stands twice, or is no login")
        known.add(user)
