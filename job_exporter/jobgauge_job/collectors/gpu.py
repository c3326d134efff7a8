"""The GPUs that the jobs hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.errors import JobgaugeError
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.gpus import GpuWorker
from jobgauge_job.jobs import Job, JobTable
from jobgauge_job.sources.gpu import Gpu, GpuFolder
from jobgauge_job.sources.nvml import Nvml
from jobgauge_job.sources.procfs import Procfs

_FAMILIES: Mapping[str, Family] = {
    "utilization": catalogue.GPU_UTILIZATION,
    "memory_used": catalogue.GPU_MEMORY_USED,
    "memory_total": catalogue.GPU_MEMORY_TOTAL,
    "power": catalogue.GPU_POWER,
    "energy": catalogue.GPU_ENERGY,
    "temperature": catalogue.GPU_TEMPERATURE,
    "sm_clock": catalogue.GPU_SM_CLOCK,
    "pcie": catalogue.GPU_PCIE_BYTES,
    "ecc": catalogue.GPU_ECC_ERRORS,
    "throttled": catalogue.GPU_THROTTLED,
}


class GpuCollector(JobCollector):
    """Shows what the driver said last of each GPU that is a job's."""

    name = "gpu"
    about = "GPUs that a job holds, used or not"
    families: ClassVar[tuple[Family, ...]] = (catalogue.GPU_INFO, *_FAMILIES.values())

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._procfs = Procfs(config.procfs)
        source = GpuFolder(config.gpus) if config.gpus else Nvml(config.procfs)
        self._worker = GpuWorker(source, config.gpu_interval)
        self._users: dict[str, Job] = {}  # by uuid, the job whose process was seen on the GPU last

    def close(self) -> None:
        """End the worker."""
        self._worker.close()

    def lacks(self) -> str:
        """What the driver answers instead of GPUs."""
        try:
            self._worker.latest()
        except JobgaugeError as error:
            return str(error)
        return ""

    def collect(self) -> Iterable[Samples]:
        """Find out whose each GPU is, and show it."""
        gpus = self._worker.latest()
        owners = self._owners(gpus, [job for job in self.table.shown if job.ended is None])
        info: dict[tuple[str, ...], int] = {}
        values: dict[Family, dict[tuple[str, ...], float]] = {}
        for gpu in gpus:
            for job in owners[gpu.uuid]:
                info[(*job.labels, gpu.number, gpu.uuid, gpu.model, gpu.mig)] = 1
            if len(owners[gpu.uuid]) == 1:  # what several use together is nobody's
                (job,) = owners[gpu.uuid]
                for (name, of), value in gpu.values.items():
                    series = values.setdefault(_FAMILIES[name], {})
                    series[(*job.labels, gpu.number, *([of] if of else []))] = value
        yield Samples.of(catalogue.GPU_INFO, info, self.config.cluster)
        for family, series in values.items():
            yield Samples.of(family, series, self.config.cluster)

    def _owners(self, gpus: Sequence[Gpu], jobs: Sequence[Job]) -> dict[str, list[Job]]:
        """Return the jobs that hold each GPU: by the prolog's facts; where those say nothing, by who was seen on it last.

        So a GPU that is held and idle is still its job's.
        """
        owners: dict[str, list[Job]] = {}
        for gpu in gpus:
            before = self._users.pop(gpu.uuid, None)
            holders = [job for job in jobs if not {gpu.device, gpu.uuid}.isdisjoint(job.identity.gpus)]
            if not holders:
                seen = {job for pid in gpu.pids if (job := self._job_of(pid, jobs))}
                holders = list(seen) or ([before] if before and before in jobs else [])
            if len(holders) == 1:
                self._users[gpu.uuid] = holders[0]
            owners[gpu.uuid] = holders
        return owners

    def _job_of(self, pid: int, jobs: Sequence[Job]) -> Job | None:
        groups = self._procfs.cgroups(pid)
        return next((job for job in jobs if any(_is_within(group, job.cgroup) for group in groups)), None)


def _is_within(group: str, top: str) -> bool:
    return group == top or group.startswith(f"{top}/")
