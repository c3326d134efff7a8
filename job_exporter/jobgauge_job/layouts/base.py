"""What a layout is: where a scheduler keeps the cgroups of its jobs."""

from __future__ import annotations

import glob
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from jobgauge_job.sources.files import read

_LOOK_AGAIN = 30.0  # seconds between looks for further scopes
_LOOK_FOR_FIRST = 5.0


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
    version: ClassVar[int]  # of cgroups
    automatic: ClassVar[bool] = True  # False: read only where it is asked for

    @abstractmethod
    def __init__(self, cgroupfs: str) -> None:
        """Take where the cgroups are mounted."""

    @abstractmethod
    def scopes(self) -> Sequence[str]:
        """Return the scopes that are there now."""

    def directories(self) -> Sequence[str]:
        """Return those in which something is made or removed when a job comes or goes."""
        return self.scopes()

    @abstractmethod
    def jobid(self, name: str) -> str | None:
        """Return the id in a directory's name; "" where it is a job's whose id stands elsewhere, None where not."""

    def uid(self, place: Place) -> int | None:  # noqa: ARG002 - for those that can tell
        """Return the owner where the directory tells."""
        return None

    @abstractmethod
    def held(self, place: Place) -> bool:
        """Tell whether the scheduler has a process in the job's cgroup; one that has none for long is left from a job that ended."""

    @abstractmethod
    def cgroup(self, place: Place) -> str:
        """Return the job's cgroup as /proc/PID/cgroup names it."""

    @abstractmethod
    def lacks(self, scope: str, controller: str) -> bool:
        """Tell whether jobs in a scope are surely without a controller."""

    @abstractmethod
    def path(self, place: Place, file: str) -> str:
        """Return the path of one of the job's files."""


class UnifiedLayout(Layout):
    """A layout on cgroup v2, where all controllers share one directory."""

    version = 2

    def __init__(self, cgroupfs: str, pattern: str) -> None:
        """Take the pattern of the scopes."""
        self._root = cgroupfs
        self._scopes = Scopes(cgroupfs, pattern)

    def scopes(self) -> Sequence[str]:
        """Return the scopes that are there now."""
        return self._scopes()

    def held(self, place: Place) -> bool:
        """Any process in it, or below."""
        try:
            return b"populated 0" not in read(self.path(place, "cgroup.events"))
        except OSError:
            return False  # it has just been removed

    def cgroup(self, place: Place) -> str:
        """Return the path below the mount."""
        return f"{place.scope[len(self._root) :]}/{place.name}"

    def lacks(self, scope: str, controller: str) -> bool:
        """The kernel lists those that it has on for the children."""
        try:
            return controller.encode() not in read(f"{scope}/cgroup.subtree_control").split()
        except OSError:
            return False

    def path(self, place: Place, file: str) -> str:
        """Return the path in the job's directory."""
        return f"{place.scope}/{place.name}/{file}"


class Scopes:
    """Directories that match a pattern, looked for now and then."""

    def __init__(self, root: str, *patterns: str) -> None:
        """Take patterns below `root`; the first that is found is kept to."""
        self._patterns = [f"{glob.escape(root)}/{pattern}" for pattern in patterns]
        self._found: list[str] = []
        self._look_at = 0.0

    def __call__(self) -> list[str]:
        """Return the directories."""
        now = time.monotonic()
        if now >= self._look_at:
            for pattern in self._patterns:
                if found := sorted(filter(_trusted, glob.iglob(pattern))):
                    self._patterns, self._found = [pattern], found
                    break
            self._look_at = now + (_LOOK_AGAIN if self._found else _LOOK_FOR_FIRST)
        return self._found


def has_processes(folder: str) -> bool:
    """Tell whether a cgroup has processes; False where it has been removed."""
    try:
        return bool(read(f"{folder}/cgroup.procs"))
    except OSError:
        return False


def _trusted(path: str) -> bool:
    """Tell whether a directory was made by root (or, in a trial tree, by who runs the exporter)."""
    try:
        return os.stat(path).st_uid in (0, os.geteuid())
    except OSError:
        return False
