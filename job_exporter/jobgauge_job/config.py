"""The job exporter's settings."""

from __future__ import annotations

from dataclasses import dataclass

from jobgauge.config import duration, one_of, option, positive
from jobgauge.exporter import ExporterConfig
from jobgauge_job.layouts import LAYOUTS


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
    watch_interval: float = option(
        "jobs.watch-interval",
        2.0,
        "look for new jobs, and read those that are younger than two minutes, this often between scrapes",
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
    gpus: str = option(
        "path.gpus",
        "",
        "read GPUs from files in this folder (a simulated node), not from a driver",
        metavar="FOLDER",
    )
