"""Every external command, declared once: what is asked, in which environment, who reads the answer, and why.

A command is started only from here. Programs are looked for in the directory that the site sets, else in PATH.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from jobgauge import process
from jobgauge_scheduler.model import Job, Reading
from jobgauge_scheduler.slurm import squeue

T = TypeVar("T")

# Seconds since the epoch in place of local time; sets of array tasks not cut at 64 characters.
SLURM = {"SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"}


@dataclass(frozen=True)
class Tools:
    """Where programs lie and how they are started."""

    directory: str = ""  # empty: PATH
    environment: Mapping[str, str] | None = None
    timeout: float = 20.0  # past Slurm's own MessageTimeout (10 s), so that its error is seen
    max_bytes: int = 1 << 30

    def run(self, command: Command[T]) -> T:
        """Start the command and return what its reader made of the answer."""
        program, *arguments = command.argv
        output = process.run(
            [os.path.join(self.directory, program), *arguments],
            timeout=self.timeout,
            max_bytes=self.max_bytes,
            environment={**command.environment, **(self.environment or {})},
        )
        return command.read(output)


@dataclass(frozen=True)
class Command(Generic[T]):
    """One command."""

    argv: tuple[str, ...]
    read: Callable[[bytes], T]
    why: str
    environment: Mapping[str, str]


QUEUE: Command[Reading[tuple[Job, ...]]] = Command(
    ("squeue", "-a", "-h", "-O", squeue.layout()),
    squeue.parse,
    "Jobs that wait or run, of all partitions, hidden ones too; an array's waiting tasks in one record. One REQUEST_JOB_INFO "
    "and one REQUEST_PARTITION_INFO; 25 to 100 times cheaper than --json.",
    SLURM,
)
