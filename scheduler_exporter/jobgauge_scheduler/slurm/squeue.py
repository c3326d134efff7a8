"""The queue as `squeue -O` prints it, in fields and records that no user can imitate.

Fields end in a control byte. The job's name, the only text that users choose freely, comes last, and records end in a
mark drawn at each start of the program: whatever a name holds (newlines, the control bytes), it stays inside its field.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from functools import lru_cache
from sys import intern

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import ByType, Job, Reading
from jobgauge_scheduler.slurm import hostlist, units

# What each job has for itself, and what many jobs have in common, which is read once for all of them.
OWN = (
    "JobID",
    "ArrayJobID",
    "ArrayTaskID",
    "PriorityLong",
    "SubmitTime",
    "EligibleTime",
    "StartTime",
    "NodeList",
    "SchedNodes",
)
COMMON = (
    "UserName",
    "UserID",
    "Account",
    "Partition",
    "QOS",
    "State",
    "Reason",
    "NumCPUs",
    "NumNodes",
    "tres-alloc",
    "tres-per-job",
    "tres-per-node",
    "tres-per-socket",
    "tres-per-task",
    "TimeLimit",
)
SEPARATOR = "\x1f"  # between a job's own fields, the common ones together, and the name
WITHIN = "\x1d"  # between the common ones
_PARTS = len(OWN) + 2
MARK = "\x1e" + secrets.token_hex(4)
_Common = tuple[str, str, str, str, str, int, int, int, ByType, int | None, int | None, str]
_DETAILS = re.compile(r"[,:(]")
_NOTHING = ("N/A", "(null)", "None")
# Where slurmctld keeps a text beside the reason, squeue prints the text: its beginning, and the reason.
_TEXTS = {
    "Nodes required for job": "Resources",
    "job requeued in": "JobHeldUser",  # held state, special exit state
    "launch failed requeued held": "launch failed requeued held",
}


def layout(mark: str = MARK) -> str:
    """Return the value of `squeue -O`; text after a colon is printed after the field, at its full width."""
    return f":{SEPARATOR},".join((*OWN, f":{WITHIN},".join(COMMON), "Name")) + f":{mark}"


def parse(chunks: Iterable[bytes], mark: str = MARK) -> Reading[tuple[Job, ...]]:
    """Read the output while it comes in; a record that makes no sense is left out and counted."""
    jobs, unreadable = [], 0
    for record in _records(chunks, mark.encode() + b"\n"):
        try:
            jobs.append(_job(record))
        except ValueError:
            unreadable += 1
    # What lies among the jobs and outlives them keeps their memory from being given back before squeue runs again.
    for cached in (
        _common,
        reason,
        units.tres,
        units.gpus_by_type,
        units.duration,
        units.epoch,
        hostlist.expand,
    ):
        cached.cache_clear()
    return Reading(tuple(jobs), unreadable)


def _records(chunks: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """Return one record after the other: the text of 100,000 jobs is never held."""
    rest = b""
    for chunk in chunks:
        *records, rest = (rest + chunk).split(end)
        yield from records
    if rest:
        raise SourceError("squeue's output ends in the middle of a record")


def _job(record: bytes) -> Job:
    parts = record.decode("utf-8", "surrogateescape").split(SEPARATOR, _PARTS - 1)
    job_id, array_job_id, task_id, priority, submit, eligible, start, node_list, planned, shared, name = parts
    tasks = 1
    if task_id == "N/A":
        array_job_id = task_id = ""
    elif not task_id.isdigit():  # the tasks of an array that have not started, in one record
        tasks, task_id = units.task_count(task_id), ""
    return Job(  # by position, for names would take a fifth of the time of all this
        job_id, *_common(shared), tasks, array_job_id, task_id, intern(name), int(priority), units.epoch(submit),
        units.epoch(eligible), units.epoch(start), intern(_text(node_list)), hostlist.expand(_text(planned)),
    )  # fmt: skip


@lru_cache(maxsize=16384)
def _common(text: str) -> _Common:
    """Return the fields of Job that come after its id; texts are made one with equal ones of other jobs."""
    (
        user, uid, account, partition, qos, state, why, cpus, nodes, tres,
        per_job, per_node, per_socket, per_task, limit,
    ) = text.split(WITHIN)  # fmt: skip
    memory, gpus = units.tres(tres)
    types = units.gpus_by_type(tres, f"{per_job},{per_node},{per_socket},{per_task}") if gpus else ()
    return (
        intern(_user(user, uid)), intern(_text(account)), intern(units.partitions(partition)), intern(_text(qos)), intern(state.lower()),
        int(cpus), int(nodes), gpus, types, memory, units.duration(limit), reason(why),
    )  # fmt: skip


def _user(name: str, uid: str) -> str:
    """Return the user's name, or the number of one that the system does not know (22.05 calls it nobody)."""
    return uid if name in ("", "nobody") and uid != "65534" else name


def _text(value: str) -> str:
    return "" if value in _NOTHING else value


@lru_cache(maxsize=4096)
def reason(text: str) -> str:
    """Return the reason's own word, without the details that follow it in some (`ReqNodeNotAvail, Unavailable…`)."""
    word = _DETAILS.split(text, 1)[0]
    if text in _NOTHING:
        return ""
    if " " not in word:
        return word
    return next((reason for beginning, reason in _TEXTS.items() if word.startswith(beginning)), "Other")
