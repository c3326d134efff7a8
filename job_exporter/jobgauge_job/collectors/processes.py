"""Processes and threads of the jobs, and which of their programs use the CPU."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.errors import SourceError
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.columns import Variants
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import Job, JobTable
from jobgauge_job.programs import OTHER
from jobgauge_job.sources.procfs import Procfs
from jobgauge_job.tasks import JobTasks

_STATES = {
    b"R": "running",
    b"S": "sleeping",
    b"D": "uninterruptible",
    b"T": "stopped",
    b"Z": "zombie",
}


class ProcessesCollector(JobCollector):
    """Reads /proc of every process of every job."""

    name = "processes"
    about = "processes, threads by state, and CPU time by program"
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.PROCESSES,
        catalogue.THREADS,
        catalogue.PROCESS_CPU_SECONDS,
    )

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._procfs = Procfs(config.procfs)
        self._tick = os.sysconf("SC_CLK_TCK")
        self._tasks: dict[Job, JobTasks] = {}
        self._processes = self.series(catalogue.PROCESSES)
        self._threads = self.series(catalogue.THREADS, *((state,) for state in _STATES.values()))
        self._programs = self.varied(catalogue.PROCESS_CPU_SECONDS)
        self._unreadable = 0
        self._named: list[tuple[str, ...]] = []  # the programs of each job, as the variants were made for
        self._variants: Variants = []

    @property
    def unreadable(self) -> int:
        """How often the processes of a job could not be told so far."""
        return self._unreadable

    def lacks(self) -> str:
        """What /proc does not show."""
        return self._procfs.hidden() or self._procfs.nameless()

    def collect(self) -> Iterable[Samples]:
        """Look at every process."""
        jobs = self.table.shown
        self._tasks = {
            job: self._tasks.get(job) or JobTasks(job, self._procfs, self.config.programs) for job in jobs
        }
        problem = None
        for tasks in self._tasks.values():
            try:
                self._unreadable += not tasks.read()
            except SourceError as error:  # what is known of the others is shown all the same
                problem = error
                self._unreadable += 1
        yield self._processes.samples(jobs, [_number(tasks.processes) for tasks in self._tasks.values()])
        states = [tasks.states for tasks in self._tasks.values()]
        yield self._threads.samples(
            jobs,
            *(
                [None if found is None else _number(found.count(state)) for found in states]
                for state in _STATES
            ),
        )
        yield self._program_times(jobs)
        if problem:
            raise problem

    def _program_times(self, jobs: tuple[Job, ...]) -> Samples:
        named = [tasks.programs.names for tasks in self._tasks.values()]
        if named != self._named:
            self._variants = [[(name,) for name in (*names, OTHER)] for names in named]
            self._named = named
        values = [
            None if tasks.processes is None else b"%.2f" % (ticks / self._tick)
            for tasks in self._tasks.values()
            for ticks in tasks.programs.counts()
        ]
        return self._programs.samples(jobs, self._variants, values)


def _number(count: int | None) -> bytes | None:
    return None if count is None else b"%d" % count
