"""The energy of the node's CPUs and memory, shared out among its jobs by the CPU time that they used."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import ClassVar

from jobgauge.catalogue import job as catalogue
from jobgauge.errors import NoData, SourceError
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.columns import Jobs
from jobgauge_job.config import JobConfig
from jobgauge_job.jobs import Job, JobTable
from jobgauge_job.sources import rapl
from jobgauge_job.sources.cgroup import Keyed, NanoSeconds
from jobgauge_job.sources.files import read

# Seconds after which a counter may have begun again more than once: a package of 1 kW needs 262 s for the usual span.
_LONGEST = 200.0
_NO_COUNTER = "the CPU has no energy counter that the kernel shows"


class EnergyCollector(JobCollector):
    """Reads RAPL, and the CPU time of the node and of each job."""

    name = "energy"
    about = "energy of CPUs and memory, shared out by CPU time; needs CAP_DAC_READ_SEARCH"
    families: ClassVar[tuple[Family, ...]] = (catalogue.ENERGY, catalogue.NODE_ENERGY)
    default_on = False  # the units give no capability, and the kernel shows energy_uj to root only

    def __init__(self, table: JobTable, config: JobConfig) -> None:
        super().__init__(table, config)
        self._usage = self.columns(
            {2: ("cpu.stat", Keyed("usage_usec")), 1: ("cpuacct.usage", NanoSeconds())}
        )
        self._tick = 1_000_000 // os.sysconf("SC_CLK_TCK")  # microseconds
        self._zones: Mapping[str, rapl.Zone] = {}
        self._read_at = 0.0
        self._busy = 0  # microseconds of all CPUs
        self._used: dict[Job, int] = {}  # microseconds
        self._of_node: dict[str, int] = {}  # microjoules since the start of the exporter, by domain
        self._of_jobs: dict[Job, dict[str, float]] = {}

    def lacks(self) -> str:
        """Why it can't be read is what reading says."""
        try:
            return "" if rapl.zones(self.config.sysfs) else _NO_COUNTER
        except SourceError as error:
            return str(error)

    def collect(self) -> Iterable[Samples]:
        """Share out what was used since the last time."""
        jobs = self.table.shown
        zones = rapl.zones(self.config.sysfs)
        if not zones:
            raise NoData(_NO_COUNTER)
        last, self._read_at = self._read_at, time.monotonic()
        spent = self._spent(zones, known=self._read_at - last < _LONGEST)
        shares = self._shares(jobs, last)
        for domain, energy in spent.items():
            self._of_node[domain] = self._of_node.get(domain, 0) + energy
        self._of_jobs = {
            job: {
                domain: self._of_jobs.get(job, {}).get(domain, 0.0) + energy * shares.get(job, 0.0)
                for domain, energy in spent.items()
            }
            for job in jobs
            if job in self._used
        }
        yield Samples.of(
            catalogue.NODE_ENERGY,
            {(domain,): energy / 1e6 for domain, energy in self._of_node.items()},
            self.config.cluster,
        )
        yield Samples.of(
            catalogue.ENERGY,
            {
                (*job.labels, domain): energy / 1e6
                for job, domains in self._of_jobs.items()
                for domain, energy in domains.items()
            },
            self.config.cluster,
        )

    def _spent(self, zones: Mapping[str, rapl.Zone], *, known: bool) -> dict[str, int]:
        """Return by domain the energy since the last time: 0 at first, and after a time too long to tell."""
        spent = dict.fromkeys((zone.domain for zone in zones.values()), 0)
        for name, zone in zones.items():
            before = self._zones.get(name)
            if before and known:
                rise = zone.energy - before.energy
                spent[zone.domain] += rise if rise >= 0 else rise + zone.span
        self._zones = zones
        return spent

    def _shares(self, jobs: Jobs, last: float) -> dict[Job, float]:
        """Return each job's part of the CPU time that the node has used since the last time."""
        (column,) = self._usage.read(jobs)
        rises: dict[Job, int] = {}
        used: dict[Job, int] = {}
        for job, usage in zip(jobs, column, strict=True):
            # A job that has come since then began at 0; of another that is new here nobody knows when it used what it did.
            before = self._used.get(job, 0 if last and job.seen > last else None)
            now = before if usage is None else int(usage)
            if now is not None:
                used[job] = now
                rises[job] = 0 if before is None else max(0, now - before)
        busy = self._read_busy()
        whole = max(busy - self._busy, sum(rises.values())) if self._busy else 0
        self._used, self._busy = used, busy
        return {job: rise / whole for job, rise in rises.items()} if whole > 0 else {}

    def _read_busy(self) -> int:
        path = f"{self.config.procfs}/stat"
        try:
            ticks = rapl.parse_busy_ticks(read(path))
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error
        if ticks is None:
            raise SourceError(f"{path} does not begin with the node's CPU time")
        return ticks * self._tick
