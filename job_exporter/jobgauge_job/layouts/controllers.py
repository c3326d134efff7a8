"""Layouts on cgroup v1, where each controller has a tree of its own with the same directories in it."""

from __future__ import annotations

import os

from jobgauge_job.layouts.base import Layout, Place, Scopes, has_processes

# Where to look for jobs: the first of these trees in which the scheduler makes directories. freezer is where Slurm's
# proctrack/cgroup keeps every process; the others depend on what a site constrains.
_TREES = ("freezer", "memory", "cpuset", "cpuacct", "devices")


class ControllerLayout(Layout):
    """A scheduler's directories in the trees of the controllers."""

    version = 1

    def __init__(self, cgroupfs: str, pattern: str) -> None:
        """Take the pattern of what is kept to, below the mount of a controller."""
        self._root = cgroupfs
        self._tops = Scopes(cgroupfs, *(f"{tree}/{pattern}" for tree in _TREES))

    def cgroup(self, place: Place) -> str:
        """Return the path below the mount of a controller, the same for all."""
        below = place.scope[len(self._root) + 1 :].partition("/")[2]
        return f"/{below}/{place.name}"

    def held(self, place: Place) -> bool:
        """Any process in it, or below."""
        top = os.path.dirname(self.path(place, "cgroup.procs"))
        return any(has_processes(folder) for folder, _, _ in os.walk(top))

    def lacks(self, scope: str, controller: str) -> bool:
        """The scheduler makes a directory in each tree that it uses."""
        top = scope[len(self._root) + 1 :].split("/")[1]
        return not os.path.isdir(f"{self._root}/{controller}/{top}")

    def path(self, place: Place, file: str) -> str:
        """The controller is the first part of the file's name; lists of processes are in the tree of the scope."""
        tree, _, below = place.scope[len(self._root) + 1 :].partition("/")
        controller = file.partition(".")[0]
        return os.path.join(
            self._root, tree if controller == "cgroup" else controller, below, place.name, file
        )
