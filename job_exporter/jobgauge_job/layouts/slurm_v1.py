"""Slurm on cgroup v1: `<controller>/slurm/uid_5001/job_123`."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from jobgauge_job.layouts.base import Place
from jobgauge_job.layouts.controllers import ControllerLayout

_JOB = re.compile(r"job_([1-9][0-9]{0,9})")
_USER = re.compile(r"uid_([0-9]{1,10})")


class SlurmV1(ControllerLayout):
    """Job directories of every user; `slurm_NODE` where several slurmds run."""

    name = "slurm-v1"
    about = "Slurm, cgroup v1 or a hybrid node: slurm/uid_U/job_N below each controller"

    def __init__(self, cgroupfs: str) -> None:
        super().__init__(cgroupfs, "slurm*")

    def scopes(self) -> Sequence[str]:
        """One a user: they come and go with the users' jobs."""
        found = []
        for top in self._tops():
            try:
                found += [f"{top}/{name}" for name in os.listdir(top) if _USER.fullmatch(name)]
            except OSError:
                continue  # slurmd has just ended
        return found

    def directories(self) -> Sequence[str]:
        """Also those in which users' directories come and go."""
        return [*self._tops(), *self.scopes()]

    def jobid(self, name: str) -> str | None:
        """`job_123` is job 123."""
        job = _JOB.fullmatch(name)
        return job[1] if job else None

    def uid(self, place: Place) -> int | None:
        """The directory above a job's is its user's."""
        user = _USER.fullmatch(os.path.basename(place.scope))
        return int(user[1]) if user else None
