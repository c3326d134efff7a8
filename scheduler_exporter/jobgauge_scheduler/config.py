"""The scheduler exporter's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobgauge.config import boolean, duration, one_of, option, positive
from jobgauge.exporter import ExporterConfig
from jobgauge_scheduler.model import Source

# In the order in which auto tries them.
BACKEND_NAMES = ("slurm-pyslurm", "slurm-cli", "slurm-rest", "slurm-json", "slurm-native", "pbs", "torque")


def _seconds(text: str) -> float:
    """Read a duration of at least a second."""
    seconds = duration(text)
    if seconds < 1:
        raise ValueError(f"{text!r} is too short: 1s is the least")
    return seconds


def _interval(name: str, seconds: float, what: str) -> Any:
    """Declare how often something is read."""
    return option(
        f"interval.{name}", seconds, f"seconds between reads of {what}, as 90s", _seconds, metavar="DURATION"
    )


# Sources that have no interval of their own.
_GROUPS = {
    Source.PARTITIONS: "nodes",
    Source.RESERVATIONS: "nodes",
    Source.LICENSES: "nodes",
    Source.SHARES: "limits",
}


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
    clusters: tuple[str, ...] = option(
        "clusters",
        (),
        "file with the settings of one cluster, its name as `cluster`; repeat it to serve several from one process",
        many=True,
        metavar="FILE",
    )
    backend: str = option(
        "backend",
        "auto",
        f"how to ask the scheduler: auto takes the first that works here of {', '.join(BACKEND_NAMES)}",
        one_of("auto", *BACKEND_NAMES),
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
    slurmrest_url: str = option(
        "slurmrest.url",
        "",
        "slurmrestd, where there are no clients: http://HOST:PORT, https://HOST:PORT or unix:PATH",
        metavar="URL",
    )
    slurmrest_token_file: str = option(
        "slurmrest.token-file",
        "",
        "file with the token (JWT) for slurmrestd, read anew each time",
        metavar="FILE",
    )
    slurmrest_user: str = option("slurmrest.user", "", "user that the token is for", metavar="NAME")
    slurm_metrics_url: str = option(
        "slurm.metrics-url",
        "",
        "slurmctld's own metrics (Slurm 25.11 and newer), where nothing else can be asked: http://HOST:6817",
        metavar="URL",
    )
    pbs_bin_dir: str = option(
        "pbs.bin-dir", "", "directory of qstat and the other clients, where it is not in PATH", metavar="DIR"
    )
    pbs_server: str = option(
        "pbs.server", "", "PBS server to ask, where it is not the default", metavar="HOST"
    )
    ssh_host: str = option(
        "ssh.host",
        "",
        "machine on which to run the clients over ssh, where it cannot be this one",
        metavar="HOST",
    )
    ssh_config: str = option(
        "ssh.config",
        "",
        "ssh_config for that: user, key, known hosts",
        metavar="FILE",
    )
    ssh_passphrase_file: str = option(
        "ssh.passphrase-file",
        "",
        "file with the passphrase of the key that ssh's configuration names, where no agent holds it",
        metavar="FILE",
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
    interval_jobs: float = _interval("jobs", 60.0, "the queue")
    interval_nodes: float = _interval("nodes", 60.0, "nodes, partitions, reservations and licences")
    interval_limits: float = _interval("limits", 120.0, "limits and fairshare")
    interval_diagnostics: float = _interval("diagnostics", 30.0, "the scheduler's own health")
    interval_history: float = _interval("history", 120.0, "the accounting of jobs that started or ended")
    jobs_max: int = option(
        "jobs.max", 5000, "jobs that get series of their own; the rest is only counted", positive, metavar="N"
    )
    jobs_names: bool = option("jobs.names", True, "show the names of jobs", boolean)
    history_file: str = option(
        "history.file", "", "where to keep what was counted of ended jobs, for the next start", metavar="FILE"
    )

    def interval(self, source: Source) -> float:
        """Return how often a source is read."""
        seconds: float = getattr(self, f"interval_{_GROUPS.get(source, source)}")
        return seconds
