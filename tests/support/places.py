"""Where on the demo each board is opened, and by whom, so that all its panels can show something."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from jobgauge_demo.people import LEADERS
from tests.support.demo import Demo

ACCOUNT = "physics"
LEADER, STAFF = LEADERS[ACCOUNT], "sam"
# Who sees a board full, by the folder that it is in; staff see the others. The gateway decides what all the rest see there.
READERS = {"users": ("alice", STAFF), "pis": (LEADER, STAFF)}

Place = Mapping[str, str | list[str]]  # variables, as a board's address has them

_JOBS = 'max by (jobid, name) (hpc_job_info{user="alice",state="running",name=~"membrane|train-net"})'
_ARRAYS = (
    "topk(1, count by (array_job_id) (count by (array_job_id, array_task_id) ("
    'last_over_time(hpc_job_info{user="alice",array_job_id!="",nodes!=""}[2h]))))'
)


@dataclass(frozen=True)
class Work:
    """What alice has on the demo."""

    jobs: list[str]  # the ids of her whole-node job and of her good one on GPUs
    array: str  # of which most tasks have run; the newest, which boards choose, may just have begun

    @classmethod
    def found(cls, demo: Demo) -> Work:
        """Ask the demo for it, as she may."""
        jobs, arrays = (
            [one["metric"] for one in demo.gateway("query", "alice", query=query, time=time.time())["result"]]
            for query in (_JOBS, _ARRAYS)
        )
        assert {job["name"] for job in jobs} == {"membrane", "train-net"}
        return cls([job["jobid"] for job in jobs], arrays[0]["array_job_id"])


def places(uid: str, folder: str, work: Work) -> tuple[Place, ...]:
    """Return what a board is opened with: what it has to show may not be all in one place."""
    if uid == "jobgauge-job":
        return tuple({"user": "alice", "account": ACCOUNT, "jobid": job} for job in work.jobs)
    if uid == "jobgauge-compare":
        return ({"user": "alice", "jobs": work.jobs},)
    if uid == "jobgauge-array":
        return ({"user": "alice", "array": work.array},)
    if uid == "jobgauge-nodes":
        return ({}, {"node": "g001"})
    return ({"user": "alice"},) if folder == "users" else ({},)
