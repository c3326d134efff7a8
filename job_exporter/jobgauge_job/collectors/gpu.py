"""The GPUs of the node, and whose they are."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.errors import JobgaugeError
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.dcgm import JobMapping
from jobgauge_job.gpus import GpuWorker
from jobgauge_job.jobs import Job, JobTable
from jobgauge_job.sources.amdgpu import AmdGpus
from jobgauge_job.sources.gpu import FirstOf, Gpu, GpuFolder
from jobgauge_job.sources.nvml import Nvml
from jobgauge_job.sources.procfs import Procfs
from jobgauge_job.xids import XidShare

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
    "nvlink": catalogue.GPU_NVLINK_BYTES,
}
_OF_NODE: Mapping[str, Family] = {
    "utilization": catalogue.NODE_GPU_UTILIZATION,
    "memory_used": catalogue.NODE_GPU_MEMORY_USED,
    "memory_total": catalogue.NODE_GPU_MEMORY_TOTAL,
    "power": catalogue.NODE_GPU_POWER,
    "energy": catalogue.NODE_GPU_ENERGY,
    "temperature": catalogue.NODE_GPU_TEMPERATURE,
    "ecc": catalogue.NODE_GPU_ECC_ERRORS,
    "xid": catalogue.NODE_GPU_XID_ERRORS,
}


class GpuCollector(JobCollector):
    """Shows what the driver said last of each GPU: of all of them for the node, of a job's for the job."""

    name = "gpu"
    about = "GPUs of the node, and those that a job holds, used or not"
    families: ClassVar[tuple[Family, ...]] = (
        catalogue.GPU_INFO,
        *_FAMILIES.values(),
        catalogue.GPU_XID_ERRORS,
        catalogue.NODE_GPU_INFO,
        *_OF_NODE.values(),
    )
    max_series: ClassVar[int] = 8192  # 16 GPUs of 7 instances each have less than half of it

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._procfs = Procfs(config.procfs)
        drivers = FirstOf(Nvml(config.procfs), AmdGpus(config.sysfs))
        self._worker = GpuWorker(GpuFolder(config.gpus) if config.gpus else drivers, config.gpu_interval)
        self._mapping = JobMapping(config.gpu_mapping) if config.gpu_mapping else None
        self._xids = XidShare()
        self._lock = threading.Lock()  # guards what is remembered from one look to the next
        self._users: dict[str, Job] = {}  # by uuid, the job whose process was seen on the GPU last

    def close(self) -> None:
        """End the worker; nobody will say any more when jobs end."""
        self._worker.close()
        if self._mapping:
            self._mapping.clear()

    def lacks(self) -> str:
        """What the driver answers instead of GPUs."""
        try:
            self._worker.latest()
        except JobgaugeError as error:
            return str(error)
        return ""

    def settle(self) -> None:
        """Find out whose each GPU is because a job has come or gone."""
        self._look(wait=0.0)

    def collect(self) -> Iterable[Samples]:
        """Find out whose each GPU is, and show it."""
        gpus, owners, xids = self._look()
        info: dict[tuple[str, ...], float] = {}
        values: dict[Family, dict[tuple[str, ...], float]] = {
            catalogue.GPU_INFO: info,
            catalogue.GPU_XID_ERRORS: xids,
            catalogue.NODE_GPU_INFO: {},
        }
        for gpu in gpus:
            what = (gpu.number, gpu.uuid, gpu.model, gpu.mig)
            values[catalogue.NODE_GPU_INFO][what] = 1
            _add(values, _OF_NODE, gpu, ())
            for job in owners[gpu.uuid]:
                info[(*job.labels, *what)] = 1
            if len(owners[gpu.uuid]) == 1:  # what several use together is nobody's
                _add(values, _FAMILIES, gpu, owners[gpu.uuid][0].labels)
        # The jobs' before the node's, which the cap reaches first.
        for family in self.families:
            if family in values:
                yield Samples.of(family, values[family], self.config.cluster)

    def _look(
        self, **how: float
    ) -> tuple[Sequence[Gpu], Mapping[str, list[Job]], dict[tuple[str, ...], float]]:
        with self._lock:
            gpus = self._worker.latest(**how)
            shown = self.table.shown
            owners = self._owners(gpus, [job for job in shown if job.ended is None])
            self._xids.update(gpus, owners, shown)
            if self._mapping:
                self._mapping.update(gpus, owners)
            return gpus, owners, dict(self._xids.series())

    def _owners(self, gpus: Sequence[Gpu], jobs: Sequence[Job]) -> dict[str, list[Job]]:
        """Return the jobs that hold each GPU: by the prolog's facts; where those say nothing, by who was seen on it last.

        So a GPU that is held and idle is still its job's.
        """
        owners: dict[str, list[Job]] = {}
        for gpu in gpus:
            before = self._users.pop(gpu.uuid, None)
            if gpu.divided:
                owners[gpu.uuid] = []
                continue
            holders = [job for job in jobs if not gpu.names.isdisjoint(job.identity.gpus)]
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


def _add(
    values: dict[Family, dict[tuple[str, ...], float]],
    families: Mapping[str, Family],
    gpu: Gpu,
    labels: tuple[str, ...],
) -> None:
    for (name, of), value in gpu.values.items():
        if name in families:
            series = values.setdefault(families[name], {})
            series[(*labels, gpu.number, *([of] if of else []))] = value
