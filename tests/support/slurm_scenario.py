"""A day of a real cluster in half a minute: jobs that wait for every reason, run in every way and end in every way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support.real_slurm import RealSlurm, wait_for

DRAIN_REASON = 'fan "A" failed: 3|4 RPM = \\ ü'
HOSTILE_NAME = 'a "b" |c|, d; e=\\ f\nJobId=1 {x="y"}\t日本'

_BRACED = HOSTILE_NAME.replace("{", "{{").replace("}", "}}")
_LASTS = ("--wrap", "sleep 600")
_WAITS = ("--wrap", "true")


@dataclass(frozen=True)
class Job:
    """One job that is alive, what it shows, and how it is submitted; {name} is the id of an earlier one."""

    name: str
    user: str
    arguments: tuple[str, ...]
    state: str = "PENDING"
    reason: str = "None"
    wording: str = ""  # where Slurm has another text in the reason's place


# Limits are on chemistry, the account of mail and news: 26.05 counts only one part of a heterogeneous job there.
LIVING = (
    Job("plain", "games", ("-n2", "--mem=400", "-t", "30", *_LASTS), "RUNNING"),
    Job("gpu", "games", ("--gres=gpu:a100:1", "-J", _BRACED, *_LASTS), "RUNNING"),
    Job("licensed", "mail", ("-L", "sim:3", "-p", "long", *_LASTS), "RUNNING"),
    Job("suspended", "games", ("--mem=100", *_LASTS), "SUSPENDED"),
    Job("array", "games", ("--array=1-9:2%1", *_LASTS), "RUNNING"),
    Job("het", "games", ("-n1", "--mem=50", ":", "-n2", "--mem=60", *_LASTS), "RUNNING"),
    Job("tiny", "news", ("--qos=tiny", *_LASTS), "RUNNING"),
    Job("over the qos's limit", "news", ("--qos=tiny", *_WAITS), reason="QOSMaxJobsPerUserLimit"),
    Job("over the account's limit", "mail", ("-n9", *_WAITS), reason="AssocGrpCpuLimit"),
    Job("held", "mail", ("--hold", *_WAITS), reason="JobHeldUser"),
    Job("held by admin", "mail", ("--begin=now+1hour", *_WAITS), reason="JobHeldAdmin"),
    Job("begins later", "mail", ("--begin=now+2hours", *_WAITS), reason="BeginTime"),
    Job("dependent", "mail", ("--dependency=afterok:{held}", *_WAITS), reason="Dependency"),
    Job("never", "mail", ("--dependency=afterok:{failed}", *_WAITS), reason="DependencyNeverSatisfied"),
    Job("no licence", "games", ("-L", "sim:2", *_WAITS), reason="Licenses"),
    Job("reserved", "games", ("--reservation=maint", *_WAITS), reason="Reservation"),
    Job("on a drained node", "games", ("-w", "{drained}", *_WAITS), reason="ReqNodeNotAvail"),
    Job("either partition", "games", ("-p", "batch,long", "--begin=now+1hour", *_WAITS), reason="BeginTime"),
    Job("requeued", "news", _LASTS, reason="BeginTime"),
    Job("requeued and held", "news", _LASTS, reason="JobHeldUser", wording="job requeued in held state"),
)

# How each ends, and who sees to that.
ENDED = {
    "completed": "COMPLETED",
    "failed": "FAILED",
    "killed": "FAILED",
    "cancelled": "CANCELLED",
    "cancelled while it waited": "CANCELLED",
    "cancelled while it was held": "CANCELLED",
    "too long": "TIMEOUT",
    "too large": "OUT_OF_MEMORY",
    "on a broken node": "NODE_FAIL",
}


def settings(nodes: Sequence[str]) -> tuple[str, ...]:
    """Return what slurm.conf needs for it, with three nodes: the last is the one that will be drained."""
    return f"PartitionName=long Nodes={','.join(nodes[:2])} MaxTime=UNLIMITED", "Licenses=sim:4"


def limits(slurm: RealSlurm) -> None:
    """Set limits in the database."""
    for change in (
        "add qos tiny MaxJobsPerUser=1 MaxTRESPerUser=cpu=3 GrpTRES=mem=9G",
        "modify user games,mail,news set qos+=tiny",
        "modify account chemistry set GrpTRES=cpu=10 GrpTRESMins=cpu=100000 GrpJobs=30",
        "modify user mail set MaxSubmitJobs=77 GrpTRES=gres/gpu=2",
    ):
        slurm.run("sacctmgr", "-i", *change.split())


def begin(slurm: RealSlurm) -> dict[str, str]:
    """Submit all jobs; return their ids by their names here. settle() waits until they are as they shall be."""
    maint = "reservation=maint starttime=now+2hours duration=60 flags=maint,ignore_jobs users=games"
    slurm.run("scontrol", "create", *maint.split(), f"nodes={slurm.nodes[1]}")
    jobs = _ending(slurm)
    for job in LIVING:
        words = {"drained": slurm.nodes[2], **jobs}
        jobs[job.name] = slurm.submit(job.user, *(argument.format(**words) for argument in job.arguments))
    for name in ("suspended", "requeued", "requeued and held"):
        _runs(slurm, jobs[name])
    slurm.run("scontrol", "suspend", jobs["suspended"])
    slurm.run("scontrol", "requeue", jobs["requeued"])
    slurm.run("scontrol", "requeuehold", jobs["requeued and held"])
    slurm.run("scontrol", "hold", jobs["held by admin"])
    return jobs


def settle(slurm: RealSlurm, jobs: dict[str, str]) -> None:
    """Wait until every job is as it shall be."""
    drained = ("sinfo", "-h", "-n", slurm.nodes[2], "-o", "%T")
    wait_for("the drained node is up again", lambda: slurm.run(*drained).strip() == "drained")
    for job in LIVING:
        wait_for(
            f"{job.name} is {job.state}: {job.reason}", lambda job=job: _shows(slurm, jobs[job.name], job)
        )
    for name, state in ENDED.items():
        wait_for(f"{name} is {state}", lambda name=name, state=state: _ended(slurm, jobs[name]) == state)


def _ending(slurm: RealSlurm) -> dict[str, str]:
    """Submit jobs that end, each in its way; the ones that Slurm is slow to end first."""
    lasting = {"too long": "mail", "on a broken node": "news", "cancelled": "mail"}
    drained = slurm.nodes[2]
    place = {"on a broken node": ("-w", drained, "--no-requeue"), "too long": ("-t", "1")}
    jobs = {name: slurm.submit(user, *place.get(name, ()), *_LASTS) for name, user in lasting.items()}
    for name in lasting:
        _runs(slurm, jobs[name])
    slurm.run("scontrol", "update", f"jobid={jobs['too long']}", "endtime=now+2")
    slurm.run("scontrol", "update", f"nodename={drained}", "state=down", "reason=broken")
    slurm.run("scontrol", "update", f"nodename={drained}", "state=drain", f"reason={DRAIN_REASON}")
    slurm.run("scancel", jobs["cancelled"], user="mail")
    for name, why in (("cancelled while it waited", "-n12"), ("cancelled while it was held", "--hold")):
        jobs[name] = slurm.submit("mail", why, *_WAITS)
        slurm.run("scancel", jobs[name], user="mail")
    jobs["completed"] = slurm.submit("mail", "--wrap", "sleep 2")
    jobs["failed"] = slurm.submit("mail", "--wrap", "exit 3")
    jobs["killed"] = slurm.submit("mail", "--wrap", "kill -9 $$")
    jobs["too large"] = slurm.submit("games", "--mem=40", "--wrap", "tail /dev/zero")
    return jobs


def _runs(slurm: RealSlurm, job: str) -> None:
    wait_for(f"job {job} runs", lambda: _queue(slurm, job, "%T") == ["RUNNING"])


def _queue(slurm: RealSlurm, job: str, form: str) -> list[str]:
    return slurm.run("squeue", "-h", "-j", job, "-o", form, check=False).splitlines()


def _shows(slurm: RealSlurm, job: str, wanted: Job) -> bool:
    """Whether the job, or a task or component of it, is as it shall be."""
    told = [line.split("|") for line in _queue(slurm, job, "%T|%r")]
    word = wanted.wording or wanted.reason
    return any(state == wanted.state and reason.split(",")[0] == word for state, reason in told)


def _ended(slurm: RealSlurm, job: str) -> str:
    return slurm.run("sacct", "-X", "-n", "-P", "-j", job, "-o", "State").split(" ")[0].strip()
