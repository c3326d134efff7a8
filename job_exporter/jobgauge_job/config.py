"""The job exporter's settings."""

from __future__ import annotations

from dataclasses import dataclass

from jobgauge.config import duration, one_of, option, positive
from jobgauge.errors import ConfigError
from jobgauge.exporter import ExporterConfig
from jobgauge_job.layouts import LAYOUTS
from jobgauge_job.sources.scratch import ScratchPath


@dataclass(frozen=True)
class JobConfig(ExporterConfig):
    """What every exporter has, and where the node's files are."""

    listen_address: tuple[str, ...] = option(
        "web.listen-address",
        (":9794",),
        "address to listen on, or unix:PATH; may be repeated",
        many=True,
        metavar="ADDRESS",
    )
    cgroupfs: str = option(
        "path.cgroupfs", "/sys/fs/cgroup", "where the cgroups are mounted", metavar="FOLDER"
    )
    procfs: str = option("path.procfs", "/proc", "where procfs is mounted", metavar="FOLDER")
    sysfs: str = option("path.sysfs", "/sys", "where sysfs is mounted", metavar="FOLDER")
    passwd: str = option(
        "path.passwd",
        "",
        "find user names in this file; without it, in the system's user database (NSS)",
        metavar="FILE",
    )
    job_facts: str = option(
        "path.job-facts",
        "/run/jobgauge/jobs",
        "folder of the files in which a root prolog writes each job's account, partition, uid and gpus",
        metavar="FOLDER",
    )
    layout: str = option(
        "layout",
        "auto",
        "whose jobs to show: auto, or one of " + ", ".join(layout.name for layout in LAYOUTS),
        one_of("auto", *(layout.name for layout in LAYOUTS)),
        metavar="NAME",
    )
    identity_timeout: float = option(
        "identity.timeout",
        10.0,
        "show a job after this time even if its user or account is still unknown",
        duration,
        metavar="DURATION",
    )
    scratch_paths: tuple[ScratchPath, ...] = option(
        "scratch.path",
        (),
        "a scratch directory that each job has for itself, as NAME=/path/{jobid}, also with {user} and {uid}; may be repeated",
        ScratchPath.parse,
        many=True,
        metavar="NAME=PATH",
    )
    watch_interval: float = option(
        "jobs.watch-interval",
        2.0,
        "look for jobs that the kernel did not tell of, and read those younger than two minutes, this often between scrapes",
        duration,
        metavar="DURATION",
    )
    keep_ended: float = option(
        "jobs.keep-ended",
        60.0,
        "show the last values of a job for this time after its end; two scrape intervals are right",
        duration,
        metavar="DURATION",
    )
    programs: int = option(
        "processes.programs",
        5,
        "how many programs of a job get a CPU time series of their own; the others share one",
        positive,
        metavar="N",
    )
    gpu_interval: float = option(
        "gpu.interval", 10.0, "ask the GPUs' driver this often", duration, metavar="DURATION"
    )
    gpu_mapping: str = option(
        "gpu.dcgm-mapping-dir",
        "",
        "write into this folder, for dcgm-exporter, which jobs are on each GPU",
        metavar="FOLDER",
    )
    gpus: str = option(
        "path.gpus",
        "",
        "read GPUs from files in this folder (a simulated node), not from a driver",
        metavar="FOLDER",
    )

    def __post_init__(self) -> None:
        """Refuse what no parser of a single value can see."""
        super().__post_init__()
        names = [path.name for path in self.scratch_paths]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise ConfigError(f"scratch.path: two paths have the name {twice!r}")
