"""The audit trail: one JSON line for each query, with who asked, as what, what was asked and what was sent."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from dataclasses import dataclass
from functools import lru_cache

from jobgauge.errors import ConfigError
from jobgauge_gateway.policy import Scope

log = logging.getLogger(__name__)

_STANDARD_ERROR = 2
_SHOWN = 4096  # characters of a query
# In canonical text strings stand in double quotes only. Those that are no user's are gone past, so that nothing inside
# of one is taken for a matcher.
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_USER_OR_STRING = re.compile(rf'[{{,](user|jobid)(?:=~|=)"((?:[^"\\]++|\\.)*+)"|{_STRING}')


@dataclass(slots=True)
class Record:
    """One query's line."""

    endpoint: str
    peer: str
    login: str = ""
    role: str = ""
    asked: str = ""
    sent: str = ""
    outcome: str = "answered"
    status: int = 0
    sentence: str = ""
    bytes: int = 0
    views: tuple[str, ...] = ()  # whom a member of staff looked at


class Trail:
    """Writes the lines to a file, or to standard error."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = _STANDARD_ERROR

    def open(self) -> None:
        """Open the file; raise ConfigError where it cannot be written."""
        if not self._path:
            return
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise ConfigError(f"audit.file: {self._path}: {error.strerror}") from error

    def write(self, record: Record, seconds: float) -> None:
        """Write one line."""
        line = {
            "ts": _written(int(time.time())),
            "audit": record.endpoint,
            "peer": record.peer,
            "login": record.login,
            "role": record.role,
            "asked": record.asked[:_SHOWN],
            "sent": record.sent[:_SHOWN],
            "outcome": record.outcome,
            "status": record.status,
            "seconds": round(seconds, 6),
            "bytes": record.bytes,
        }
        if record.sentence:
            line["error"] = record.sentence
        if record.views:
            line["views"] = record.views
        # One write a line, to the end of the file: workers that share it do not mix their lines.
        try:
            os.write(self._file, f"{json.dumps(line)}\n".encode("ascii"))
        except OSError as error:
            log.error("%s: a line of the audit trail is lost: %s", self._path, error.strerror)  # noqa: TRY400 - for the operator

    def close(self) -> None:
        """Close the file."""
        if self._file != _STANDARD_ERROR:
            os.close(self._file)


@lru_cache(maxsize=2)
def _written(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def role(scope: Scope) -> str:
    """Return as what somebody asks."""
    if scope.staff:
        return "staff"
    return "leader" if scope.leads else "user"


def others(sent: str, login: str) -> tuple[str, ...]:
    """Return the users and jobs that a query of staff names, other than themselves."""
    found = [
        f"{match[1]}={match[2]}"
        for match in _USER_OR_STRING.finditer(sent)
        if match[1] and match[2] not in ("", login)
    ]
    return tuple(dict.fromkeys(found))[:20]
