"""The steps of Slurm jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue import job_parts as catalogue
from jobgauge.errors import NoData
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import Job, JobTable
from jobgauge_job.sources.cgroup import seconds
from jobgauge_job.steps import JobSteps


class StepsCollector(JobCollector):
    """Reads CPU time and memory of each step, which a job may have many of."""

    name = "steps"
    about = "CPU time and memory of each step of Slurm jobs"
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.STEP_CPU_SECONDS,
        catalogue.STEP_MEMORY_USAGE,
        catalogue.STEP_MEMORY_PEAK,
    )
    default_on = False  # nine and more series a job that few look at

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._steps: dict[Job, JobSteps] = {}
        self._dropped = self._unreadable = 0  # of jobs that are gone

    @property
    def dropped(self) -> int:
        """How many series of steps beyond the cap were left out so far."""
        return self._dropped + sum(steps.dropped for steps in self._steps.values())

    @property
    def unreadable(self) -> int:
        """How many values of steps could not be read so far, though their file was there."""
        return self._unreadable + sum(steps.unreadable for steps in self._steps.values())

    def lacks(self) -> str:
        """Only Slurm has steps."""
        return (
            ""
            if any(_has_steps(layout.name) for layout, _ in self.table.scopes)
            else "no Slurm job can be here"
        )

    def collect(self) -> Iterable[Samples]:
        """Read three files a step."""
        jobs = [job for job in self.table.shown if _has_steps(job.layout.name)]
        if not jobs:
            raise NoData("no Slurm job is here")
        self._follow(jobs)
        found = {
            (*job.labels, step): values for job, steps in self._steps.items() for step, values in steps.read()
        }
        for place, family in enumerate(self.families):
            column = [values[place] for values in found.values()]
            if family is catalogue.STEP_CPU_SECONDS:
                column = list(seconds(column))
            values = {row: value for row, value in zip(found, column, strict=True) if value is not None}
            yield Samples.of(family, values, self.config.cluster)

    def _follow(self, jobs: Iterable[Job]) -> None:
        """Begin with new jobs, forget those that are gone, but not what was counted of them."""
        before, self._steps = self._steps, {job: self._steps.get(job) or JobSteps(job) for job in jobs}
        for job in before.keys() - self._steps.keys():
            self._dropped += before[job].dropped
            self._unreadable += before[job].unreadable


def _has_steps(layout: str) -> bool:
    return layout.startswith("slurm")
