"""What a layout is: where a scheduler keeps the cgroups of its jobs."""

from __future__ import annotations

import glob
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

_LOOK_AGAIN = 30.0  # seconds between looks for further scopes while one is known


@dataclass(frozen=True)
class Place:
    """A job's directory: below `scope`, named `name`, the same one as long as its inode is."""

    scope: str
    name: str
    inode: int


class Layout(ABC):
    """One scheduler's tree on one version of cgroups. A scope is a directory whose children are jobs."""

    name: ClassVar[str]
    about: ClassVar[str]
    version: ClassVar[int]

    @abstractmethod
    def __init__(self, cgroupfs: str) -> None:
        """Take where the cgroups are mounted."""

    @abstractmethod
    def scopes(self) -> Sequence[str]:
        """Return the scopes that are there now."""

    @abstractmethod
    def jobid(self, name: str) -> str | None:
        """Return the id in a directory's name; "" where it is a job's whose id stands elsewhere, None where not."""

    @abstractmethod
    def path(self, place: Place, file: str) -> str:
        """Return the path of one of the job's files."""


class Scopes:
    """Directories that match a pattern, looked for now and then; at every call while there are none."""

    def __init__(self, root: str, pattern: str) -> None:
        self._pattern = f"{glob.escape(root)}/{pattern}"
        self._found: list[str] = []
        self._look_at = 0.0

    def __call__(self) -> list[str]:
        """Return the directories."""
        now = time.monotonic()
        if now >= self._look_at or not self._found:
            self._found = sorted(filter(_trusted, glob.iglob(self._pattern)))
            self._look_at = now + _LOOK_AGAIN
        return self._found


def _trusted(path: str) -> bool:
    """Tell whether a directory was made by root (or, in a trial tree, by who runs the exporter)."""
    try:
        return os.stat(path).st_uid in (0, os.geteuid())
    except OSError:
        return False
