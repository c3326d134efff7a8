"""Facts about a job that a root prolog wrote: one file a job, named by its id, with lines `key=value`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What the prolog wrote; empty where it did not."""

    account: str = ""
    partition: str = ""
    uid: int | None = None
    gpus: tuple[str, ...] = ()


def parse(text: bytes) -> Facts:
    """Read `key=value` lines; keys that are not known here are somebody else's."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition(b"=")
        if equals:
            found[key.strip()] = os.fsdecode(value.strip())
    uid = found.get(b"uid", "")
    return Facts(
        account=found.get(b"account", ""),
        partition=found.get(b"partition", ""),
        uid=int(uid) if uid.isascii() and uid.isdigit() and len(uid) <= 10 else None,
        gpus=tuple(gpu for gpu in found.get(b"gpus", "").split(",") if gpu),
    )


class FactsFolder:
    """The folder of the facts files. What anybody but root (or this program's own user) may write is not believed."""

    def __init__(self, path: str) -> None:
        self._path = path

    def exists(self) -> bool:
        """Tell whether the site writes facts on this node, in a folder that can be trusted."""
        try:
            return _trusted(os.lstat(self._path), stat.S_ISDIR)
        except OSError:
            return False

    def read(self, jobid: str) -> Facts | None:
        """Return a job's facts; None where there is no file that can be trusted."""
        if not jobid or "/" in jobid or jobid.startswith(".") or not self.exists():
            return None
        try:
            fd = os.open(f"{self._path}/{jobid}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            return parse(os.read(fd, 4096)) if _trusted(os.fstat(fd), stat.S_ISREG) else None
        except OSError:
            return None
        finally:
            os.close(fd)


def _trusted(status: os.stat_result, kind: Callable[[int], bool]) -> bool:
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return kind(status.st_mode) and not others_write and status.st_uid in (0, os.geteuid())
