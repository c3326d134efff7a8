"""squeue, with any `-o` and `-O` format."""

from __future__ import annotations

import getopt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from jobgauge_demo.jobs import Job
from jobgauge_demo.slurm import text
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View

_COMPACT = {"PENDING": "PD", "RUNNING": "R", "SUSPENDED": "S"}
_DEFAULT = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R"
_CUT = 64  # characters of a set of tasks that are shown, unless SLURM_BITSTR_LEN says otherwise


@dataclass(frozen=True)
class Record:
    """A line of the queue: a job, or the tasks of an array that have not started, in one."""

    view: View
    job: Job
    tasks: tuple[int, ...] = ()

    @property
    def started(self) -> bool:
        """Tell whether it holds nodes."""
        return self.job.start <= self.view.now

    @property
    def task_id(self) -> str:
        """Return the task's number, or the set of tasks: 5-79%4."""
        if not self.job.array_id:
            return "N/A"
        if not self.tasks:
            return str(self.job.task)
        shown = f"{text.spans(self.tasks)}%{self.job.template.at_once}"
        room = int(self.view.environment.get("SLURM_BITSTR_LEN", _CUT))
        return shown if not room or len(shown) <= room else shown[: room - 3] + "..."

    @property
    def id(self) -> int:
        """Return the job's own id; tasks that have not started share their array's."""
        return self.job.array_id if self.tasks else self.job.id

    @property
    def array_id(self) -> int:
        """Return the id of the array, or the job's own."""
        return self.job.array_id or self.job.id

    @property
    def full_id(self) -> str:
        """Return the id as users see it: 12_3, 12_[5-79%4]."""
        if not self.job.array_id:
            return str(self.job.id)
        return f"{self.array_id}_[{self.task_id}]" if self.tasks else f"{self.array_id}_{self.task_id}"

    @property
    def nodes(self) -> str:
        """Return the nodes that it runs on."""
        return text.host_list(place.node for place in self.job.places) if self.started else ""

    @property
    def planned_nodes(self) -> str:
        """Return the nodes that the scheduler has in mind for it."""
        planned = not self.started and self.job.reason(self.view.now) == "Resources"
        return text.host_list(place.node for place in self.job.places) if planned else "(null)"

    @property
    def start(self) -> int | None:
        """Return when it started, or will."""
        return self.job.start if self.started else self.view.planned_start(self.job)

    def time(self, when: float | None) -> str:
        """Write a point in time."""
        return "N/A" if when is None else text.moment(when, self.view.environment)

    @property
    def elapsed(self) -> float:
        """Return for how long it has run."""
        return max(0.0, self.view.now - self.job.start)


@dataclass(frozen=True)
class _Column:
    """A field: its letter for -o (if any), its names for -O, its heading, and its value."""

    letter: str
    names: str
    heading: str
    value: Callable[[Record], object]


_COLUMNS = (
    _Column("A", "JobID", "JOBID", lambda r: r.id),
    _Column("i", "JobArrayID", "JOBID", lambda r: r.full_id),
    _Column("F", "ArrayJobID", "ARRAY_JOB_ID", lambda r: r.array_id),
    _Column("K", "ArrayTaskID", "ARRAY_TASK_ID", lambda r: r.task_id),
    _Column("u", "UserName", "USER", lambda r: r.job.user.name),
    _Column("U", "UserID", "UID", lambda r: r.job.user.uid),
    _Column("a", "Account", "ACCOUNT", lambda r: r.job.template.account),
    _Column("P", "Partition", "PARTITION", lambda r: r.job.template.partition),
    _Column("q", "QOS", "QOS", lambda r: r.job.template.qos),
    _Column("T", "State", "STATE", lambda r: r.job.state(r.view.now)),
    _Column("t", "StateCompact", "ST", lambda r: _COMPACT[r.job.state(r.view.now)]),
    _Column("r", "Reason", "REASON", lambda r: r.job.reason(r.view.now)),
    _Column("R", "ReasonList", "NODELIST(REASON)", lambda r: r.nodes or f"({r.job.reason(r.view.now)})"),
    _Column("C", "NumCPUs", "CPUS", lambda r: r.job.template.cpus * r.job.template.nodes),
    _Column("D", "NumNodes", "NODES", lambda r: r.job.template.nodes),
    _Column("m", "MinMemory", "MIN_MEMORY", lambda r: text.size(r.job.template.memory)),
    _Column(
        "b",
        "tres-per-node",
        "TRES_PER_NODE",
        lambda r: f"gres/gpu:{r.job.template.gpus}" if r.job.template.gpus else "N/A",
    ),
    _Column("", "tres-alloc", "TRES_ALLOC", lambda r: text.tres(r.job.template)),
    _Column("Q", "PriorityLong", "PRIORITY", lambda r: r.view.priority(r.job)),
    _Column("p", "Priority", "PRIORITY", lambda r: f"{r.view.priority(r.job) / 2**32:.14f}"),
    _Column("V", "SubmitTime", "SUBMIT_TIME", lambda r: r.time(r.job.submit)),
    _Column("", "EligibleTime", "ELIGIBLE_TIME", lambda r: r.time(r.view.eligible(r.job))),
    _Column("S", "StartTime", "START_TIME", lambda r: r.time(r.start)),
    _Column("e", "EndTime", "END_TIME", lambda r: r.time(r.start and r.start + r.job.template.time_limit)),
    _Column("l", "TimeLimit", "TIME_LIMIT", lambda r: text.elapsed(r.job.template.time_limit)),
    _Column("L", "TimeLeft", "TIME_LEFT", lambda r: text.elapsed(r.job.template.time_limit - r.elapsed)),
    _Column("M", "TimeUsed", "TIME", lambda r: text.elapsed(r.elapsed)),
    _Column("N", "NodeList", "NODELIST", lambda r: r.nodes),
    _Column("Y", "SchedNodes", "SCHEDNODES", lambda r: r.planned_nodes),
    _Column("j", "Name", "NAME", lambda r: r.job.template.name),
    _Column("", "RestartCnt", "RESTARTCNT", lambda r: r.job.restarts),
)
_BY_LETTER = {column.letter: column for column in _COLUMNS if column.letter}
_BY_NAME = {column.names.lower(): column for column in _COLUMNS}

_DIRECTIVE = re.compile(r"%(\.?)(\d*)([a-zA-Z])|%%")
Layout = Sequence[
    tuple[_Column | str, int, bool]
]  # a column or plain text; its width (0: any); set to the right


def squeue(view: View, arguments: Sequence[str]) -> str:
    """Answer squeue."""
    try:
        given, rest = getopt.gnu_getopt(
            list(arguments),
            "ahro:O:t:u:p:j:A:",
            [
                "all",
                "noheader",
                "array",
                "format=",
                "Format=",
                "states=",
                "user=",
                "partition=",
                "jobs=",
                "account=",
            ],
        )
    except getopt.GetoptError as error:
        raise UsageError(f"squeue: {error}") from error
    if rest:
        raise UsageError(f"squeue: error: Unrecognized option: {rest[0]}")
    options = dict(given)
    layout = _layout(options)
    lines = []
    if not options.keys() & {"-h", "--noheader"}:
        lines.append(_line(layout, lambda column: column.heading))
    lines += [
        _line(layout, lambda column, record=record: str(column.value(record)))  # type: ignore[misc]  # bound now
        for record in records(view, each_task=bool(options.keys() & {"-r", "--array"}))
        if _wanted(record, options)
    ]
    return "".join(lines)


def records(view: View, *, each_task: bool = False) -> Iterator[Record]:
    """Yield the queue's lines; the waiting tasks of an array in one, or one each."""
    arrays: dict[int, list[Job]] = {}
    for job in view.pending:
        if job.array_id:
            arrays.setdefault(job.array_id, []).append(job)
        else:
            yield Record(view, job)
    for tasks in arrays.values():
        if each_task:
            yield from (Record(view, job) for job in tasks)
        else:
            yield Record(view, tasks[0], tuple(job.task for job in tasks))
    for job in view.running:
        yield Record(view, job)


def _wanted(record: Record, options: dict[str, str]) -> bool:
    job, state = record.job, record.job.state(record.view.now)
    filters = (
        ("-t", "--states", {state, _COMPACT[state], "all"}),
        ("-u", "--user", {job.user.name, str(job.user.uid)}),
        ("-p", "--partition", {job.template.partition}),
        ("-j", "--jobs", {str(record.id), str(record.array_id), record.full_id}),
        ("-A", "--account", {job.template.account}),
    )
    for short, long, values in filters:
        asked = options.get(short, options.get(long))
        if asked is not None and values.isdisjoint(asked.split(",")):
            return False
    return True


def _layout(options: dict[str, str]) -> Layout:
    wide = options.get("-O", options.get("--Format"))
    if wide is not None:
        return list(_wide_layout(wide))
    return list(_short_layout(options.get("-o", options.get("--format", _DEFAULT))))


def _short_layout(layout: str) -> Iterator[tuple[_Column | str, int, bool]]:
    """Read `%[.][width]letter` among plain text."""
    at = 0
    for match in _DIRECTIVE.finditer(layout):
        yield layout[at : match.start()], 0, False
        at = match.end()
        if match[0] == "%%":
            yield "%", 0, False
        elif match[3] in _BY_LETTER:
            yield _BY_LETTER[match[3]], int(match[2] or 0), bool(match[1])
        else:
            raise UsageError(f"squeue: error: Invalid job format specification: {match[3]}")
    yield layout[at:], 0, False


def _wide_layout(layout: str) -> Iterator[tuple[_Column | str, int, bool]]:
    """Read `name[:[.][width][text]],…`; a name alone is 20 characters wide, text follows the field at its full width."""
    for part in layout.split(","):
        name, colon, rest = part.partition(":")
        column = _BY_NAME.get(name.lower())
        if column is None:
            raise UsageError(f"squeue: error: Invalid job format specification: {name}")
        match = re.match(r"(\.?)(\d*)", rest)
        right, width = (match[1], match[2]) if match else ("", "")
        yield column, int(width or (0 if colon else 20)), bool(right)
        yield rest[len(right) + len(width) :], 0, False


def _line(layout: Layout, value: Callable[[_Column], str]) -> str:
    return "".join(_cells(layout, value)) + "\n"


def _cells(layout: Layout, value: Callable[[_Column], str]) -> Iterable[str]:
    for column, width, right in layout:
        if isinstance(column, str):
            yield column
        elif width:
            cell = value(column)[:width]
            yield cell.rjust(width) if right else cell.ljust(width)
        else:
            yield value(column)
