"""CPU time, and the CPUs that a job holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import LIMITS_KEPT, JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import JobTable
from jobgauge_job.sources.cgroup import Column, CpuList, Keyed, Quota, Ticks, seconds


class CpuCollector(JobCollector):
    """Reads the cpu and cpuset controllers."""

    name = "cpu"
    about = "CPU time, throttling, and the CPUs that a job holds"
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.CPU_SECONDS,
        catalogue.CPU_THROTTLED,
        catalogue.CPUS,
    )

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._stat = self.columns(
            {
                2: ("cpu.stat", Keyed("user_usec", "system_usec", "throttled_usec")),
                1: ("cpuacct.stat", Ticks("user", "system", "-")),
            },
        )
        self._cpuset = self.columns(
            {2: ("cpuset.cpus.effective", CpuList()), 1: ("cpuset.cpus", CpuList())}, keep=LIMITS_KEPT
        )
        self._quota = self.columns({2: ("cpu.max", Quota())}, keep=LIMITS_KEPT)
        self._seconds = self.series(catalogue.CPU_SECONDS, ("user",), ("system",))
        self._throttled = self.series(catalogue.CPU_THROTTLED)
        self._cpus = self.series(catalogue.CPUS)

    def collect(self) -> Iterable[Samples]:
        """Read three files a job."""
        jobs = self.table.shown
        user, system, throttled = self._stat.read(jobs)
        yield self._seconds.samples(jobs, seconds(user), seconds(system))
        yield self._throttled.samples(jobs, seconds(throttled))
        (cpuset,) = self._cpuset.read(jobs)
        quota, period = self._quota.read(jobs)
        yield self._cpus.samples(jobs, _held(cpuset, quota, period))


def _held(cpuset: Column, quota: Column, period: Column) -> Column:
    """Return how many CPUs each job can use: those of its cpuset, or its quota where that is less."""
    if not any(quota):
        return cpuset
    return [_smaller(*limits) for limits in zip(cpuset, quota, period, strict=True)]


def _smaller(cpuset: bytes | None, quota: bytes | None, period: bytes | None) -> bytes | None:
    if quota is None or period is None or int(period) == 0:
        return cpuset
    cpus = int(quota) / int(period)
    return cpuset if cpuset is not None and int(cpuset) <= cpus else b"%g" % cpus
