"""PBS with its cgroups hook: `pbs_jobs.service/jobid/10079.head01`, an array's task as `10080[1].head01`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobgauge_job.layouts.base import UnifiedLayout
from jobgauge_job.layouts.controllers import ControllerLayout

_JOB = re.compile(r"[0-9]+(?:\[[0-9]+\])?\.[A-Za-z0-9][A-Za-z0-9.-]*")


def _jobid(name: str) -> str | None:
    return name if _JOB.fullmatch(name) else None


class PbsV1(ControllerLayout):
    """OpenPBS and PBS Professional on cgroup v1."""

    name = "pbs-v1"
    about = "PBS with the cgroups hook, cgroup v1: pbs*.service/jobid/ID below each controller"

    def __init__(self, cgroupfs: str) -> None:
        super().__init__(cgroupfs, "pbs*.service/jobid")

    def scopes(self) -> Sequence[str]:
        """One directory has all jobs."""
        return self._tops()

    def jobid(self, name: str) -> str | None:
        """The name is the full id."""
        return _jobid(name)


class PbsV2(UnifiedLayout):
    """PBS Professional on cgroup v2, by its documentation: not tried on a real one."""

    name = "pbs-v2"
    about = "PBS Professional, cgroup v2 (untested on a real one): pbs*.service/jobid/ID"
    automatic = False

    def __init__(self, cgroupfs: str) -> None:
        super().__init__(cgroupfs, "pbs*.service/jobid")

    def jobid(self, name: str) -> str | None:
        """The name is the full id."""
        return _jobid(name)


class Torque(ControllerLayout):
    """Torque on cgroup v1."""

    name = "torque"
    about = "Torque, cgroup v1: torque/ID below each controller"

    def __init__(self, cgroupfs: str) -> None:
        super().__init__(cgroupfs, "torque")

    def scopes(self) -> Sequence[str]:
        """One directory has all jobs."""
        return self._tops()

    def jobid(self, name: str) -> str | None:
        """The name is the full id."""
        return _jobid(name)
