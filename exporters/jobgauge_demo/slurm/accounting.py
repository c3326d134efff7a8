"""sacct: jobs that have ended, and those that are known."""

from __future__ import annotations

import getopt
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from jobgauge_demo.jobs import Job
from jobgauge_demo.slurm import text
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View

_SHORT_STATES = {
    "CD": "COMPLETED",
    "CA": "CANCELLED",
    "F": "FAILED",
    "TO": "TIMEOUT",
    "OOM": "OUT_OF_MEMORY",
    "RQ": "REQUEUED",
    "R": "RUNNING",
    "PD": "PENDING",
    "S": "SUSPENDED",
}
_RELATIVE = re.compile(r"now(?:-(\d+)(second|minute|hour|day|week)s?)?")
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_USUAL = "JobID,JobName,Partition,Account,AllocCPUS,State,ExitCode"
_WIDTH = 12
_LONG_OPTIONS = [
    "allusers", "allocations", "noheader", "parsable", "parsable2", "duplicates", "noconvert", "array",
    "starttime=", "endtime=", "state=", "format=", "user=", "accounts=", "partition=", "jobs=", "delimiter=", "units=",
]  # fmt: skip
_SAME = {
    "--starttime": "-S", "--endtime": "-E", "--state": "-s", "--format": "-o", "--user": "-u", "--accounts": "-A",
    "--partition": "-r", "--jobs": "-j", "--noheader": "-n", "--parsable2": "-P", "--duplicates": "-D",
}  # fmt: skip

_Value = Callable[[View, Job], object]


def _when(attribute: Callable[[Job], int]) -> _Value:
    def value(view: View, job: Job) -> object:
        when = attribute(job)
        return text.moment(when, view.environment) if when <= view.now else "Unknown"

    return value


def _start(view: View, job: Job) -> object:
    cancelled = job.start == job.end <= view.now
    return "None" if cancelled else _when(lambda job: job.start)(view, job)


def _state(view: View, job: Job) -> str:
    state = job.state(view.now)
    return f"CANCELLED by {job.user.uid}" if state == "CANCELLED" else state


def _seconds(view: View, job: Job) -> int:
    return max(0, int(min(view.now, job.end)) - job.start)


def _held_cpus(view: View, job: Job) -> int:
    return job.template.cpus * job.template.nodes if job.start < job.end and job.start <= view.now else 0


_FIELDS: Mapping[str, _Value] = {
    "jobid": lambda _, job: f"{job.array_id}_{job.task}" if job.array_id else job.id,
    "jobidraw": lambda _, job: job.id,
    "jobname": lambda _, job: job.template.name,
    "user": lambda _, job: job.user.name,
    "uid": lambda _, job: job.user.uid,
    "account": lambda _, job: job.template.account,
    "partition": lambda _, job: job.template.partition,
    "qos": lambda _, job: job.template.qos,
    "cluster": lambda view, _: view.cluster.name,
    "state": _state,
    "exitcode": lambda view, job: job.exit_code if job.end <= view.now else "0:0",
    "reason": lambda view, job: job.reason(view.now),
    "priority": lambda view, job: view.priority(job),
    "restarts": lambda _, job: job.restarts,
    "submit": _when(lambda job: job.submit),
    "eligible": _when(lambda job: job.eligible),
    "start": _start,
    "end": _when(lambda job: job.end),
    "elapsed": lambda view, job: text.full_elapsed(_seconds(view, job)),
    "elapsedraw": _seconds,
    "cputimeraw": lambda view, job: _seconds(view, job) * _held_cpus(view, job),
    "timelimit": lambda _, job: text.full_elapsed(job.template.time_limit),
    "timelimitraw": lambda _, job: job.template.time_limit // 60,
    "alloccpus": _held_cpus,
    "ncpus": _held_cpus,
    "reqcpus": lambda _, job: job.template.cpus * job.template.nodes,
    "nnodes": lambda _, job: job.template.nodes,
    "allocnodes": lambda view, job: job.template.nodes if _held_cpus(view, job) else 0,
    "reqmem": lambda _, job: text.size(job.template.memory * job.template.nodes),
    "reqtres": lambda _, job: text.tres(job.template),
    "alloctres": lambda view, job: text.tres(job.template) if _held_cpus(view, job) else "",
    "nodelist": lambda view, job: (
        text.host_list(place.node for place in job.places) if _held_cpus(view, job) else "None assigned"
    ),
}


def sacct(view: View, arguments: Sequence[str]) -> str:
    """Answer sacct; steps are not known, so all lines are allocations."""
    options = _options(arguments)
    names = [name.partition("%")[0].lower() for name in options.get("-o", _USUAL).split(",")]
    if unknown := [name for name in names if name not in _FIELDS]:
        raise UsageError(f'error: Invalid field requested: "{unknown[0]}"')
    rows = [[str(_FIELDS[name](view, job)) for name in names] for job in _jobs(view, options)]
    if "-n" not in options:
        rows.insert(0, [name.partition("%")[0] for name in options.get("-o", _USUAL).split(",")])
    if "-P" in options:
        delimiter = options.get("--delimiter", "|")
        return "".join(delimiter.join(row) + "\n" for row in rows)
    return "".join(" ".join(cell[:_WIDTH].rjust(_WIDTH) for cell in row) + "\n" for row in rows)


def _options(arguments: Sequence[str]) -> dict[str, str]:
    try:
        given, rest = getopt.gnu_getopt(list(arguments), "aXnpPDS:E:s:o:u:A:r:j:", _LONG_OPTIONS)
    except getopt.GetoptError as error:
        raise UsageError(f"error: {error}") from error
    if rest:
        raise UsageError(f"error: Unrecognized option: {rest[0]}")
    return {_SAME.get(name, name): value for name, value in given}


def _jobs(view: View, options: Mapping[str, str]) -> Iterator[Job]:
    """Yield jobs in the order of their ids: by state, those that came to it in the span; else all that were alive in it."""
    since = _time(options.get("-S", "now-1day" if "-s" in options else _midnight(view)), view)
    until = _time(options.get("-E", "now"), view)
    states = {
        _SHORT_STATES.get(state.upper(), state.upper()) for state in options.get("-s", "").split(",") if state
    }
    known = [*view.cluster.ended(since, view.now), *view.running, *view.pending]
    for job in sorted(known, key=lambda job: (job.id, job.restarts)):
        state = job.state(view.now)
        if job.submit > until or not _asked_for(job, options):
            continue
        if state == "REQUEUED" and "-D" not in options:
            continue
        if not states or (state in states and (job.end <= until or job.end > view.now)):
            yield job


def _asked_for(job: Job, options: Mapping[str, str]) -> bool:
    filters = (
        ("-u", {job.user.name, str(job.user.uid)}),
        ("-A", {job.template.account}),
        ("-r", {job.template.partition}),
        ("-j", {str(job.id), str(job.array_id), f"{job.array_id}_{job.task}"}),
    )
    return all(
        name not in options or not values.isdisjoint(options[name].split(",")) for name, values in filters
    )


def _midnight(view: View) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(view.now))


def _time(given: str, view: View) -> float:
    """Read a time: now-2hours, 2026-11-21T10:00:00 (local), a Unix time."""
    if match := _RELATIVE.fullmatch(given):
        return view.now - int(match[1] or 0) * _UNITS.get(match[2], 0)
    if given.isdigit() and len(given) > 8:
        return float(given)
    try:
        return datetime.fromisoformat(given).astimezone().astimezone(UTC).timestamp()
    except ValueError as error:
        raise UsageError(f"error: Invalid time specification (pos=0): {given}") from error
