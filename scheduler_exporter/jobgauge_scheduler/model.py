"""What an exporter knows of a batch system, whichever it is. Backends fill it in; collectors know nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Source(StrEnum):
    """A kind of reading: what is asked of the scheduler in one go, at an interval of its own."""

    JOBS = "jobs"


@dataclass(frozen=True, slots=True)
class Job:
    """A job that waits, runs or is about to end; None is what the scheduler does not say."""

    id: str
    user: str
    account: str
    partition: str  # several, joined by commas, while a job may start in any of them
    qos: str
    state: str  # the scheduler's base state in lower case
    cpus: int  # held, or asked for; of an array: by each task
    nodes: int
    gpus: int = 0
    memory: int | None = None  # bytes on all nodes together
    reason: str = ""  # why it waits, in the scheduler's own word
    tasks: int = 1  # tasks of an array that this record stands for
    array_job_id: str = ""
    array_task_id: str = ""
    name: str = ""
    priority: int | None = None
    time_limit: int | None = None  # seconds; None where there is none
    submit_time: int | None = None
    eligible_time: int | None = None
    start_time: int | None = None  # of a pending job: when the scheduler plans to start it
    end_time: int | None = None
    node_list: str = ""
    planned_nodes: str = ""

    @property
    def pending(self) -> bool:
        """Whether it waits for its start."""
        return self.state == "pending"


@dataclass(frozen=True)
class Reading(Generic[T_co]):
    """What one read of a source gave; `unreadable` counts records that had to be left out."""

    value: T_co
    unreadable: int = 0


@dataclass(frozen=True)
class Snapshot:
    """The last good reading of each source (field names are the sources' names); None where there is none yet."""

    jobs: tuple[Job, ...] | None = None
