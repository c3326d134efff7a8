"""The scheduler exporter's settings."""

from __future__ import annotations

from dataclasses import dataclass

from jobgauge.config import duration, one_of, option
from jobgauge.exporter import ExporterConfig
from jobgauge_scheduler.model import Source


def _seconds(text: str) -> float:
    """Read a duration of at least a second."""
    seconds = duration(text)
    if seconds < 1:
        raise ValueError(f"{text!r} is too short: 1s is the least")
    return seconds


@dataclass(frozen=True)
class SchedulerConfig(ExporterConfig):
    """What the exporter reads, from where, and how often."""

    listen_address: tuple[str, ...] = option(
        "web.listen-address",
        (":9795",),
        "address to listen on, or unix:PATH; may be repeated",
        many=True,
        metavar="ADDRESS",
    )
    backend: str = option(
        "backend",
        "auto",
        "how to ask the scheduler: auto takes the first that works here of slurm-cli",
        one_of("auto", "slurm-cli"),
        metavar="NAME",
    )
    slurm_bin_dir: str = option(
        "slurm.bin-dir",
        "",
        "directory of squeue and the other clients, where it is not in PATH",
        metavar="DIR",
    )
    slurm_conf: str = option(
        "slurm.conf", "", "slurm.conf for the clients, where they do not find it themselves", metavar="FILE"
    )
    command_timeout: float = option(
        "command-timeout",
        20.0,
        "seconds after which a client is killed, as 20s",
        _seconds,
        metavar="DURATION",
    )
    max_age: float = option(
        "max-age",
        300.0,
        "age in seconds, as 5m, past which figures vanish; never less than three intervals",
        _seconds,
        metavar="DURATION",
    )
    interval_jobs: float = option(
        "interval.jobs", 60.0, "seconds between reads of the queue, as 60s", _seconds, metavar="DURATION"
    )

    def interval(self, source: Source) -> float:
        """Return how often a source is read."""
        seconds: float = getattr(self, f"interval_{source}")
        return seconds
