"""Jobs of PBS and Torque that started or ended, as far as the server still knows them."""

from __future__ import annotations

from collections.abc import Iterable

from jobgauge_scheduler.model import Reading, Record
from jobgauge_scheduler.pbs import units
from jobgauge_scheduler.pbs.records import Attributes, records

_STARTED = {"R": "running", "E": "completing", "S": "suspended", "U": "suspended"}
_ENDED = frozenset("CFX")
_DELETED = "91"  # substate
_WALLTIME, _MEMORY = "-29", "-27"  # exit statuses by which the node says what it ended the job for


def parse(output: bytes) -> Reading[tuple[Record, ...]]:
    """Read `qstat -x -t -f -w`."""
    return read(records(output, "Job Id: "))


def read(found: Iterable[tuple[str, Attributes]]) -> Reading[tuple[Record, ...]]:
    """Turn jobs into records; one that makes no sense is left out and counted."""
    told: list[Record] = []
    unreadable = 0
    for name, attributes in found:
        try:
            told += [record] if (record := _record(name, attributes)) is not None else []
        except KeyError:
            unreadable += 1
    return Reading(tuple(told), unreadable)


def _record(name: str, attributes: Attributes) -> Record | None:
    """Return what a job did; nothing for one that waits, was moved, or is an array, whose tasks are told one by one."""
    letter = attributes["job_state"]
    if "[]" in name or letter not in _ENDED | _STARTED.keys():
        return None
    ended = letter in _ENDED
    return Record(
        id=name,
        user=attributes.get("euser") or attributes["Job_Owner"].partition("@")[0],
        account=attributes.get("Account_Name", ""),
        partition=attributes["queue"],
        state=_outcome(attributes) if ended else _STARTED[letter],
        eligible=units.moment(attributes.get("etime", "")),
        start=units.moment(attributes.get("stime") or attributes.get("start_time", "")),
        end=_end(attributes) if ended else None,
    )


def _end(attributes: Attributes) -> int | None:
    times = (
        units.moment(attributes.get(key, ""))
        for key in ("obittime", "comp_time", "history_timestamp", "mtime")
    )
    return next((when for when in times if when is not None), None)


def _outcome(attributes: Attributes) -> str:
    """Say how a job ended, in the words that Slurm has for it."""
    status = attributes.get("Exit_status") or attributes.get("exit_status", "")
    if attributes.get("substate") == _DELETED or not (
        attributes.get("stime") or attributes.get("start_time")
    ):
        return "cancelled"
    if status == _WALLTIME:
        return "timeout"
    # with cgroups, the node tells of the kernel's killing in words only
    if status == _MEMORY or "mem limit exceeded" in attributes.get("resources_used.diag_messages", ""):
        return "out_of_memory"
    return "completed" if status == "0" else "failed"
