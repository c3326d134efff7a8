"""What tells at once that a job is about to end: some milliseconds before the scheduler removes its cgroup, and its figures."""

from __future__ import annotations

import os
import select
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import ClassVar

from jobgauge_job.jobs import Job


class Sign(ABC):
    """A descriptor to poll, and what its events mean."""

    fd: int = -1
    mask: ClassVar[int]

    @abstractmethod
    def __init__(self, job: Job) -> None:
        """Leave the descriptor at -1 where there is no such sign of the job, or not yet."""

    @abstractmethod
    def ends(self) -> bool:
        """Tell, after an event, whether the job seems to end; raise OSError where no more will come."""


class LastProcess(Sign):
    """The kernel tells when a cgroup and those below it have no process any more (cgroup v2)."""

    mask = select.POLLPRI

    def __init__(self, job: Job) -> None:
        self._events = job.file("cgroup.events")
        self.fd = self._events.fd

    def ends(self) -> bool:
        """Reading also asks for the next event."""
        return b"populated 0" in self._events.read()


class FirstProcess(Sign):
    """The process that the scheduler started for the user, such as a batch job's script, has ended."""

    mask = select.POLLIN

    def __init__(self, job: Job) -> None:
        self._told = False
        if job.identity.leader:
            # It has ended already; or the kernel, or the one that Python was built for, is older than Linux 5.3.
            with suppress(OSError, AttributeError):
                self.fd = os.pidfd_open(job.identity.leader)

    def ends(self) -> bool:
        """It ends once."""
        if self._told:
            raise ProcessLookupError
        self._told = True
        return True

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


SIGNS: tuple[type[Sign], ...] = (LastProcess, FirstProcess)
