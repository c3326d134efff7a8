"""Slurm on cgroup v2: `*/slurmstepd.scope/job_123`, and from Slurm 26.05 `*/slurmstepd.scope/sEKNKTV3WPV500`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobgauge_job.layouts.base import Layout, Place, Scopes

_JOB = re.compile(r"job_([1-9][0-9]{0,9})")
_SLUID = re.compile(r"s[0-9A-HJKMNP-TV-Z]{13}")


class SlurmV2(Layout):
    """Job directories below every slurmd's scope, in whatever slice CgroupSlice put it."""

    name = "slurm-v2"
    about = "Slurm, cgroup v2: job_N and SLUID directories in any *slurmstepd.scope"
    version = 2

    def __init__(self, cgroupfs: str) -> None:
        self._scopes = Scopes(cgroupfs, "*/*slurmstepd.scope")

    def scopes(self) -> Sequence[str]:
        """One a slurmd: `slurmstepd.scope`, or `NODE_slurmstepd.scope` where several run."""
        return self._scopes()

    def jobid(self, name: str) -> str | None:
        """`job_123` is job 123; a SLUID does not tell."""
        if job := _JOB.fullmatch(name):
            return job[1]
        return "" if _SLUID.fullmatch(name) else None

    def path(self, place: Place, file: str) -> str:
        """All controllers share one directory."""
        return f"{place.scope}/{place.name}/{file}"
