"""Slurm on cgroup v2: `*/slurmstepd.scope/job_123`, and from Slurm 26.05 `*/slurmstepd.scope/sEKNKTV3WPV500`."""

from __future__ import annotations

import glob
import re

from jobgauge_job.layouts.base import Place, UnifiedLayout, has_processes

_JOB = re.compile(r"job_([1-9][0-9]{0,9})")
_SLUID = re.compile(r"s[0-9A-HJKMNP-TV-Z]{13}")


class SlurmV2(UnifiedLayout):
    """Job directories below every slurmd's scope, in whatever slice CgroupSlice put it; `NODE_` in front where several run."""

    name = "slurm-v2"
    about = "Slurm, cgroup v2: job_N and SLUID directories in any *slurmstepd.scope"

    def __init__(self, cgroupfs: str) -> None:
        super().__init__(cgroupfs, "*/*slurmstepd.scope")

    def jobid(self, name: str) -> str | None:
        """`job_123` is job 123; a SLUID does not tell."""
        if job := _JOB.fullmatch(name):
            return job[1]
        return "" if _SLUID.fullmatch(name) else None

    def held(self, place: Place) -> bool:
        """A slurmstepd: a process of the user's that could not be killed is there longer than the job."""
        top = glob.escape(f"{place.scope}/{place.name}")
        return any(has_processes(folder) for folder in glob.iglob(f"{top}/step_*/slurm"))
