"""squeue, with any `-o` and `-O` format."""

from __future__ import annotations

import getopt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobgauge_demo.jobs import Job
from jobgauge_demo.slurm import text
from jobgauge_demo.slurm.layout import Column, Layout, short, wide
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View
from jobgauge_demo.story import Template

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


def _gpus(kind: Template) -> str:
    """Write the GPUs that a job asks for on each node."""
    typed = f"{kind.gpu_type}:" if kind.gpu_type else ""
    return f"gres/gpu:{typed}{kind.gpus}" if kind.gpus else "N/A"


_COLUMNS: tuple[Column[Record], ...] = (
    Column("A", "JobID", "JOBID", lambda r: r.id),
    Column("i", "JobArrayID", "JOBID", lambda r: r.full_id),
    Column("F", "ArrayJobID", "ARRAY_JOB_ID", lambda r: r.array_id),
    Column("K", "ArrayTaskID", "ARRAY_TASK_ID", lambda r: r.task_id),
    Column("u", "UserName", "USER", lambda r: r.job.user.name),
    Column("U", "UserID", "UID", lambda r: r.job.user.uid),
    Column("a", "Account", "ACCOUNT", lambda r: r.job.template.account),
    Column("P", "Partition", "PARTITION", lambda r: r.job.template.partition),
    Column("q", "QOS", "QOS", lambda r: r.job.template.qos),
    Column("T", "State", "STATE", lambda r: r.job.state(r.view.now)),
    Column("t", "StateCompact", "ST", lambda r: _COMPACT[r.job.state(r.view.now)]),
    Column("r", "Reason", "REASON", lambda r: r.job.reason(r.view.now)),
    Column("R", "ReasonList", "NODELIST(REASON)", lambda r: r.nodes or f"({r.job.reason(r.view.now)})"),
    Column("C", "NumCPUs", "CPUS", lambda r: r.job.template.cpus * r.job.template.nodes),
    Column("D", "NumNodes", "NODES", lambda r: r.job.template.nodes),
    Column("m", "MinMemory", "MIN_MEMORY", lambda r: text.size(r.job.template.memory)),
    Column(
        "b",
        "tres-per-node",
        "TRES_PER_NODE",
        lambda r: _gpus(r.job.template),
    ),
    *(
        Column("", f"tres-per-{unit}", f"TRES_PER_{unit.upper()}", lambda _: "N/A")
        for unit in ("job", "socket", "task")
    ),
    Column("", "tres-alloc", "TRES_ALLOC", lambda r: text.tres(r.job.template)),
    Column("Q", "PriorityLong", "PRIORITY", lambda r: r.view.priority(r.job)),
    Column("p", "Priority", "PRIORITY", lambda r: f"{r.view.priority(r.job) / 2**32:.14f}"),
    Column("V", "SubmitTime", "SUBMIT_TIME", lambda r: r.time(r.job.submit)),
    Column("", "EligibleTime", "ELIGIBLE_TIME", lambda r: r.time(r.view.eligible(r.job))),
    Column("S", "StartTime", "START_TIME", lambda r: r.time(r.start)),
    Column("e", "EndTime", "END_TIME", lambda r: r.time(r.start and r.start + r.job.template.time_limit)),
    Column("l", "TimeLimit", "TIME_LIMIT", lambda r: text.elapsed(r.job.template.time_limit)),
    Column("L", "TimeLeft", "TIME_LEFT", lambda r: text.elapsed(r.job.template.time_limit - r.elapsed)),
    Column("M", "TimeUsed", "TIME", lambda r: text.elapsed(r.elapsed)),
    Column("N", "NodeList", "NODELIST", lambda r: r.nodes),
    Column("Y", "SchedNodes", "SCHEDNODES", lambda r: r.planned_nodes),
    Column("j", "Name", "NAME", lambda r: r.job.template.name),
    Column("", "RestartCnt", "RESTARTCNT", lambda r: r.job.restarts),
)


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
        raise UsageError(f"error: {error}") from error
    if rest:
        raise UsageError(f"error: Unrecognized option: {rest[0]}")
    options = dict(given)
    layout = _layout(options)
    lines = [] if options.keys() & {"-h", "--noheader"} else [layout.heading()]
    each_task = bool(options.keys() & {"-r", "--array"})
    lines += [
        layout.line(record) for record in records(view, each_task=each_task) if _wanted(record, options)
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
    for letter, word, values in filters:
        asked = options.get(letter, options.get(word))
        if asked is not None and values.isdisjoint(asked.split(",")):
            return False
    return True


def _layout(options: dict[str, str]) -> Layout[Record]:
    given = options.get("-O", options.get("--Format"))
    if given is not None:
        return wide(given, _COLUMNS)
    return short(options.get("-o", options.get("--format", _DEFAULT)), _COLUMNS)
