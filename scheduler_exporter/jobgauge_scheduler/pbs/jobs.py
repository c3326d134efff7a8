"""Jobs of PBS and Torque, whichever form they came in."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from jobgauge_scheduler.model import Job, Reading
from jobgauge_scheduler.pbs import units
from jobgauge_scheduler.pbs.records import Attributes, records

# PBS's letters in the words that boards and rules know; what has ended (C, F, M, X) is not in the queue any more.
_STATES = {
    "Q": "pending", "H": "pending", "W": "pending", "T": "pending", "R": "running", "E": "completing",
    "S": "suspended", "U": "suspended",
}  # fmt: skip
_ENDED = frozenset("CFMX")
_OF_ARRAY = {"Queued": "pending", "Running": "running", "Exiting": "completing"}
_COUNT = re.compile(r"(\w+):(\d+)")
_TASK = re.compile(r"\[\d+\]")
_DEPENDENCY = "22"  # substate of a job that is held for another


def parse(output: bytes) -> Reading[tuple[Job, ...]]:
    """Read `qstat -f -w`."""
    return read(records(output, "Job Id: "))


def tasks(output: bytes) -> Reading[tuple[str, ...]]:
    """Read `qselect -T`: the names of array tasks among those of jobs."""
    return Reading(
        tuple(name for name in output.decode("utf-8", "surrogateescape").split() if _TASK.search(name))
    )


def one_by_one(jobs: Iterable[Job], running: Iterable[Job]) -> tuple[Job, ...]:
    """Put the tasks of arrays that run, as far as they are known, in the place of their number."""
    singles: dict[str, list[Job]] = defaultdict(list)
    for task in running:
        if task.state == "running":
            singles[task.array_job_id].append(task)
    found: list[Job] = []
    for job in jobs:
        found += singles.get(job.array_job_id, [job]) if job.state == "running" else [job]
    return tuple(found)


def read(found: Iterable[tuple[str, Attributes]]) -> Reading[tuple[Job, ...]]:
    """Turn records into jobs; one that makes no sense is left out and counted."""
    jobs: list[Job] = []
    unreadable = 0
    for name, attributes in found:
        try:
            jobs += _jobs(name, attributes)
        except (KeyError, ValueError):
            unreadable += 1
    return Reading(tuple(jobs), unreadable)


def _jobs(name: str, attributes: Attributes) -> Iterator[Job]:
    """Return the job; of an array that has begun, a record for its tasks in each state."""
    state = attributes["job_state"]
    if state in _ENDED:
        return
    if state != "B":
        counts = dict(_COUNT.findall(attributes.get("array_state_count", "")))
        yield replace(_job(name, attributes, _STATES[state]), tasks=int(counts.get("Queued", "1")))
        return
    for word, count in _COUNT.findall(attributes["array_state_count"]):
        if word in _OF_ARRAY and int(count):
            yield replace(_job(name, attributes, _OF_ARRAY[word]), tasks=int(count))


def _job(name: str, attributes: Attributes, state: str) -> Job:
    def asked(resource: str) -> str:
        return attributes.get(f"Resource_List.{resource}", "")

    start = units.moment(attributes.get("stime") or attributes.get("start_time", ""))
    limit = units.duration(asked("walltime"))
    pending = state == "pending"
    array, _, task = name.partition("[")
    return Job(
        id=name,
        user=attributes.get("euser") or attributes["Job_Owner"].partition("@")[0],
        account=attributes.get("Account_Name", ""),
        partition=attributes["queue"],
        qos="",
        state=state,
        cpus=int(asked("ncpus") or _of_nodes(asked("nodes"), "ppn") or "1"),
        nodes=int(asked("nodect") or "1"),
        gpus=int(asked("ngpus") or _of_nodes(asked("nodes"), "gpus") or "0"),
        memory=units.size(asked("mem")),
        reason=_reason(attributes) if pending else "",
        array_job_id=f"{array}[]{name.partition(']')[2]}" if task else "",
        array_task_id=task.partition("]")[0],
        name=attributes.get("Job_Name", ""),
        time_limit=limit,
        submit_time=units.moment(attributes.get("ctime", "")),
        eligible_time=units.moment(attributes.get("etime", "")),
        start_time=units.moment(attributes.get("estimated.start_time", "")) if pending else start,
        node_list=",".join(units.hosts(attributes.get("exec_host", ""))),
        planned_nodes=units.hosts(attributes.get("estimated.exec_vnode", "")) if pending else (),
    )


def _of_nodes(spec: str, what: str) -> str:
    """Sum what Torque's `2:ppn=8:gpus=2+1:ppn=4` asks for; nothing where it does not say."""
    total = 0
    for part in filter(None, spec.split("+")):
        first, *rest = part.split(":")
        values = dict(item.split("=", 1) for item in rest if "=" in item)
        count = int(first) if first.isdigit() else 1  # a node may be named in place of a number
        total += count * int(values.get(what, "1" if what == "ppn" else "0"))
    return str(total) if total else ""


def _reason(attributes: Attributes) -> str:
    """Say why a job waits: holds and times in Slurm's words, the scheduler's comment without its figures."""
    state, holds = attributes["job_state"], attributes.get("Hold_Types", "n")
    if state == "W":
        return "BeginTime"
    if state == "H":
        if attributes.get("substate") == _DEPENDENCY:
            return "Dependency"
        return "JobHeldUser" if "u" in holds else "JobHeldAdmin"
    comment = attributes.get("comment", "")
    # only the scheduler's own comment: of an array that has begun it tells when it did
    if not comment.startswith(("Not Running: ", "Can Never Run: ")):
        return ""
    return comment.removeprefix("Not Running: ").partition(" (")[0].rstrip(".")
