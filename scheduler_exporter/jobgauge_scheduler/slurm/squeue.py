"""The queue as `squeue -O` prints it, in fields and records that no user can imitate.

Fields end in a control byte. The job's name, the only text that users choose freely, comes last, and records end in a
mark drawn at each start of the program: whatever a name holds (newlines, the control bytes), it stays inside its field.
"""

from __future__ import annotations

import re
import secrets
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from sys import intern

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import Job, Reading
from jobgauge_scheduler.slurm import hostlist, units

FIELDS = (
    "JobID",
    "ArrayJobID",
    "ArrayTaskID",
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
    "PriorityLong",
    "SubmitTime",
    "EligibleTime",
    "StartTime",
    "EndTime",
    "TimeLimit",
    "NodeList",
    "SchedNodes",
    "Name",
)
_LAST = len(FIELDS) - 1
SEPARATOR = "\x1f"
_SEPARATOR = SEPARATOR.encode()
MARK = "\x1e" + secrets.token_hex(4)
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
    return f":{SEPARATOR},".join(FIELDS) + f":{mark}"


def parse(chunks: Iterable[bytes], mark: str = MARK) -> Reading[tuple[Job, ...]]:
    """Read one output by itself."""
    return Reader(mark)(chunks)


class Reader:
    """Reads one output after the other; a record that is as it was last time gives the same job at a fifth of the cost.

    Records are compared by their hash, for their text would take 25 MB at 100,000 jobs. It is of 64 bits and another in
    each process, so that nobody can make two records meet, nor will chance.
    """

    def __init__(self, mark: str = MARK) -> None:
        self._end = mark.encode() + b"\n"
        self._jobs: tuple[Job, ...] = ()
        self._hashes = array("q")  # of their records

    def __call__(self, chunks: Iterable[bytes]) -> Reading[tuple[Job, ...]]:
        """Read the output while it comes in; a record that makes no sense is left out and counted."""
        chunks = iter(chunks)
        first = next(chunks, b"")  # squeue is largest until it prints: before that, nothing is made here
        known = {job.id: (key, job) for key, job in zip(self._hashes, self._jobs, strict=True)}
        # A job that has changed goes when its record comes, for 100,000 shall not be there twice.
        self._jobs, self._hashes = (), array("q")
        jobs, hashes, unreadable = [], array("q"), 0
        for record in _records(chain((first,), chunks), self._end):
            key = hash(record)
            before = known.pop(record[: record.find(_SEPARATOR)].decode("ascii", "replace"), None)
            try:
                job = before[1] if before and before[0] == key else _job(record)
            except ValueError:
                unreadable += 1
                continue
            jobs.append(job)
            hashes.append(key)
        self._jobs, self._hashes = tuple(jobs), hashes
        return Reading(self._jobs, unreadable)


def _records(chunks: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """Return one record after the other: the text of 100,000 jobs is never held."""
    rest = b""
    for chunk in chunks:
        *records, rest = (rest + chunk).split(end)
        yield from records
    if rest:
        raise SourceError("squeue's output ends in the middle of a record")


def _job(record: bytes) -> Job:
    (
        job_id, array_job_id, task_id, user, uid, account, partition, qos, state, why, cpus, nodes, tres,
        per_job, per_node, per_socket, per_task, priority, submit, eligible, start, end, limit, node_list, planned, name,
    ) = record.decode("utf-8", "surrogateescape").split(SEPARATOR, _LAST)  # fmt: skip
    memory, gpus = units.tres(tres)
    tasks = 1
    if task_id == "N/A":
        array_job_id = task_id = ""
    elif not task_id.isdigit():  # the tasks of an array that have not started, in one record
        tasks, task_id = units.task_count(task_id), ""
    return Job(  # by position, for names would take a fifth of the time of all this
        job_id, _user(user, uid), _text(account), intern(partition), _text(qos), intern(state.lower()), int(cpus), int(nodes),
        gpus, units.gpus_by_type(tres, f"{per_job},{per_node},{per_socket},{per_task}") if gpus else (), memory,
        reason(why), tasks, array_job_id, task_id, intern(name), int(priority), units.duration(limit),
        units.epoch(submit), units.epoch(eligible), units.epoch(start), units.epoch(end),
        _text(node_list), hostlist.expand(_text(planned)),
    )  # fmt: skip


# Caches also make one text of equal ones: 100,000 jobs have few users, accounts and reasons.
@lru_cache(maxsize=4096)
def _user(name: str, uid: str) -> str:
    """Return the user's name, or the number of one that the system does not know (22.05 calls it nobody)."""
    return uid if name in ("", "nobody") and uid != "65534" else name


@lru_cache(maxsize=4096)
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
