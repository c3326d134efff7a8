"""The cgroups below a job's: which there are, and the processes in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice

from jobgauge_job.jobs import Job
from jobgauge_job.sources.files import KeptFile, read

_MOST = 4096  # cgroups of one job that are looked at; a user who may make some could make any number
_SHARE = 0.9  # of the descriptors


class JobGroups:
    """The lists of processes of a job's cgroups, kept open; the tree is walked again only when it changes."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._top = os.path.dirname(job.path("cgroup.procs"))
        self._form: object = None  # what tells that the tree is still the same
        self._folders: list[str] = []
        self._lists: list[KeptFile] = []

    def pids(self) -> Sequence[bytes]:
        """Return the numbers of all processes of the job; raise OSError where they can't be told."""
        if not self._lists or self._look() != self._form:
            self._walk()
        try:
            return self._read()
        except OSError:  # a cgroup has been removed, and another made, so that their number is the same
            self._walk()
            return self._read()

    def _read(self) -> list[bytes]:
        return b"".join([procs.read() for procs in self._lists]).split()

    def _look(self) -> object:
        """Return the kernel's count of cgroups (v2), or the number of subfolders of each folder."""
        try:
            return self._job.file("cgroup.stat").read()
        except OSError:
            pass
        try:
            return [(status.st_nlink, status.st_mtime_ns) for status in map(os.stat, self._folders)]
        except OSError:
            return None

    def _walk(self) -> None:
        self._folders = [folder for folder, _, _ in islice(os.walk(self._top), _MOST)]
        self._form = self._look()
        self._lists = [
            KeptFile(f"{folder}/cgroup.procs", _SHARE) for folder in self._folders if _may_hold(folder)
        ]


def _may_hold(folder: str) -> bool:
    """Tell whether processes can be in a cgroup: cgroup v2 allows none where controllers are on for its children."""
    try:
        return not read(f"{folder}/cgroup.subtree_control").strip()
    except OSError:
        return True
