"""What an exporter knows of a batch system, whichever it is. Backends fill it in; collectors know nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from jobgauge.samples import Histogram

T_co = TypeVar("T_co", covariant=True)
ByType = tuple[tuple[str, int], ...]  # how many of each type


class Source(StrEnum):
    """A kind of reading: what is asked of the scheduler in one go, at an interval of its own."""

    JOBS = "jobs"
    NODES = "nodes"
    PARTITIONS = "partitions"
    DIAGNOSTICS = "diagnostics"
    LIMITS = "limits"
    SHARES = "shares"
    RESERVATIONS = "reservations"
    LICENSES = "licenses"
    HISTORY = "history"


@dataclass(slots=True)  # not frozen, which would double the cost of 100,000; nobody changes one
class Job:
    """A job that waits, runs or is about to end; None is what the scheduler does not say."""

    id: str
    user: str
    account: str
    partition: str  # several in order, joined by commas, while a job may start in any of them
    qos: str
    state: str  # the scheduler's base state in lower case
    cpus: int  # held, or asked for; of an array: by each task
    nodes: int
    gpus: int = 0
    gpus_by_type: ByType = ()  # of those whose type it did not name: ""; empty where the scheduler has no types
    memory: int | None = None  # bytes on all nodes together
    time_limit: int | None = None  # seconds; None where there is none
    reason: str = ""  # why it waits, in the scheduler's own word
    tasks: int = 1  # tasks of an array that this record stands for
    array_job_id: str = ""
    array_task_id: str = ""
    name: str = ""
    priority: int | None = None
    submit_time: int | None = None
    eligible_time: int | None = None
    start_time: int | None = None  # of a pending job: when the scheduler plans to start it
    node_list: str = ""
    planned_nodes: tuple[str, ...] = ()  # where the scheduler plans to start it

    @property
    def pending(self) -> bool:
        """Whether it waits for its start."""
        return self.state == "pending"


@dataclass(frozen=True, slots=True)
class Node:
    """A node. Its CPUs, memory and GPUs are those that jobs may have."""

    name: str
    states: frozenset[str]  # base state and flags in lower case
    partitions: tuple[str, ...] = ()
    cpus: int = 0
    cpus_allocated: int = 0
    memory: int | None = None
    memory_allocated: int = 0
    gpus: int = 0
    gpus_allocated: int = 0
    gpus_by_type: ByType = ()
    gpus_allocated_by_type: ByType | None = None  # None where the scheduler does not tell
    reason: str = ""  # why it is drained or down
    reason_by: str = ""

    @property
    def state(self) -> str:
        """The one state that says most: down, draining or drained before what else it may be."""
        for group, state in _STATES:
            if not group.isdisjoint(self.states):
                return "draining" if state == "drained" and self.cpus_allocated else state
        return "other"

    @property
    def usable(self) -> bool:
        """Whether jobs can start on it."""
        return self.state in ("allocated", "mixed", "idle")


# The first that applies. A node that does not answer is as good as down; one that sleeps to save power is not idle.
_STATES = (
    (frozenset({"down", "not_responding", "unknown", "error", "fail", "future"}), "down"),
    (frozenset({"drain", "drained", "draining"}), "drained"),
    (frozenset({"maint", "maintenance"}), "maint"),
    (frozenset({"reboot_requested", "reboot_issued", "reboot"}), "reboot"),
    (frozenset({"powered_down", "powering_down", "power_down", "powering_up"}), "power_saving"),
    (frozenset({"reserved"}), "reserved"),
    (frozenset({"allocated"}), "allocated"),
    (frozenset({"mixed"}), "mixed"),
    (frozenset({"idle"}), "idle"),
)


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition, or queue."""

    name: str
    state: str  # up, down, drain, inactive; of a queue: enabled or not, started or not
    default: bool | None = False  # None where the scheduler does not tell
    time_limit: int | None = None  # seconds; None where there is none


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests of one type, or of one user, since the scheduler's counters began."""

    name: str
    count: int
    seconds: float


@dataclass(frozen=True)
class Cycles:
    """What one of the scheduler's loops did."""

    name: str  # main, backfill
    last: float | None = None  # seconds
    mean: float | None = None
    total: int | None = None
    depth: int | None = None  # jobs that the last one looked at
    queue: int | None = None  # jobs that it found waiting
    when: int | None = None


@dataclass(frozen=True)
class Diagnostics:
    """The scheduler's own health."""

    cycles: tuple[Cycles, ...] = ()
    queues: Mapping[str, int] = field(default_factory=dict)
    jobs: Mapping[str, int] = field(default_factory=dict)  # its own count by state
    events: Mapping[str, int] = field(default_factory=dict)  # submitted, started, … since its counters began
    calls: tuple[Calls, ...] = ()
    callers: tuple[Calls, ...] = ()
    threads: int | None = None

    @property
    def overloaded(self) -> bool:
        """Whether the controller is near the number of threads at which it makes clients wait (Slurm: 256)."""
        return self.threads is not None and self.threads >= 200


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit and what is used of it."""

    level: str  # account, user, qos
    resource: str
    limit: float
    usage: float | None  # None where the source does not tell
    account: str = ""
    user: str = ""
    qos: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What an account, or a user in it, is entitled to and has used of late; None is what the scheduler leaves blank."""

    account: str
    user: str = ""
    shares: float | None = None  # part of what is shared out at its level
    usage: float | None = None  # part of what was used
    fairshare: float | None = None
    level_fairshare: float | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A time during which nodes are kept for somebody."""

    name: str
    state: str
    start: int
    end: int
    nodes: tuple[str, ...] = ()
    node_list: str = ""  # the same as the scheduler writes it
    flags: str = ""


@dataclass(frozen=True, slots=True)
class License:
    """Licences that the scheduler counts."""

    name: str
    total: int
    used: int
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A job in the accounting: what it did so far. Times that have not come are None."""

    id: str
    user: str
    account: str
    partition: str
    state: str  # completed, failed, timeout, out_of_memory, node_fail, cancelled, …, running
    eligible: int | None
    start: int | None
    end: int | None


@dataclass
class Tally:
    """What jobs did since counting began; the accounting's reader adds to it."""

    ended: Counter[tuple[str, ...]] = field(default_factory=Counter)  # by state, partition, account, user
    waits: dict[tuple[str, ...], Histogram] = field(default_factory=dict)  # by partition, account
    runs: dict[tuple[str, ...], Histogram] = field(default_factory=dict)
    expansions: dict[tuple[str, ...], Histogram] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading(Generic[T_co]):
    """What one read of a source gave; `unreadable` counts records that had to be left out."""

    value: T_co
    unreadable: int = 0


@dataclass(frozen=True)
class Snapshot:
    """The last good reading of each source (field names are the sources' names); None where there is none."""

    time: float = 0.0  # Unix time of the newest reading
    jobs: tuple[Job, ...] | None = None
    nodes: tuple[Node, ...] | None = None
    partitions: tuple[Partition, ...] | None = None
    diagnostics: Diagnostics | None = None
    limits: tuple[Limit, ...] | None = None
    shares: tuple[Share, ...] | None = None
    reservations: tuple[Reservation, ...] | None = None
    licenses: tuple[License, ...] | None = None
    history: Tally | None = None
