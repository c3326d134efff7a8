"""The queue as `squeue -O` prints it, in fields and records that no user can imitate.

Fields end in a control byte. The job's name, the only text that users choose freely, comes last, and records end in a
mark drawn at each start of the program: whatever a name holds (newlines, the control bytes), it stays inside its field.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from functools import lru_cache
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


def parse(output: bytes, mark: str = MARK) -> Reading[tuple[Job, ...]]:
    """Read one output by itself."""
    return Reader(mark)(output)


class Reader:
    """Reads one output after the other; a record that is as it was last time gives the same job at a tenth of the cost.

    Records are known by their hash, for their text would take 25 MB at 100,000 jobs. It is of 64 bits and another in each
    process, so that nobody can make two records meet, nor will chance.
    """

    def __init__(self, mark: str = MARK) -> None:
        self._end = mark.encode() + b"\n"
        self._known: dict[int, Job] = {}

    def __call__(self, output: bytes) -> Reading[tuple[Job, ...]]:
        """Read the output; a record that makes no sense is left out and counted."""
        known, found = self._known, {}
        jobs, unreadable = [], 0
        for record in _records(output, self._end):
            key = hash(record)
            job = known.get(key)
            if job is None:
                try:
                    job = _job(record.decode("utf-8", "surrogateescape").split(SEPARATOR, _LAST))
                except ValueError:
                    unreadable += 1
                    continue
            found[key] = job
            jobs.append(job)
        self._known = found
        return Reading(tuple(jobs), unreadable)


def _records(output: bytes, end: bytes) -> Iterator[bytes]:
    """Return one record after the other: a second copy of 100,000 jobs' text is never made."""
    start = 0
    while (stop := output.find(end, start)) >= 0:
        yield output[start:stop]
        start = stop + len(end)
    if start != len(output):
        raise SourceError("squeue's output ends in the middle of a record")


def _job(fields: list[str]) -> Job:
    (
        job_id, array_job_id, task_id, user, uid, account, partition, qos, state, why, cpus, nodes, tres,
        per_job, per_node, per_socket, per_task, priority, submit, eligible, start, end, limit, node_list, planned, name,
    ) = fields  # fmt: skip
    memory, gpus = units.tres(tres)
    in_array = task_id != "N/A"
    whole = in_array and not task_id.isdigit()  # the tasks of an array that have not started, in one record
    return Job(
        id=job_id,
        user=intern(_user(user, uid)),
        account=intern(_text(account)),
        partition=intern(partition),
        qos=intern(_text(qos)),
        state=intern(state.lower()),
        cpus=int(cpus),
        nodes=int(nodes),
        gpus=gpus,
        gpus_by_type=units.gpus_by_type(tres, f"{per_job},{per_node},{per_socket},{per_task}")
        if gpus
        else (),
        memory=memory,
        reason=intern(reason(why)),
        tasks=units.task_count(task_id) if whole else 1,
        array_job_id=array_job_id if in_array else "",
        array_task_id=task_id if in_array and not whole else "",
        name=intern(name),
        priority=int(priority),
        time_limit=units.duration(limit),
        submit_time=units.epoch(submit),
        eligible_time=units.epoch(eligible),
        start_time=units.epoch(start),
        end_time=units.epoch(end),
        node_list=intern(_text(node_list)),
        planned_nodes=hostlist.expand(_text(planned)),
    )


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
