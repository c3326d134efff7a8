"""What a site may say about its boards; every setting is a flag, an environment variable and a key of one YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jobgauge.config import duration, option
from jobgauge.errors import ConfigError


def ratio(text: str) -> float:
    """Read a ratio from 0 to 1."""
    value = float(text)
    if 0 <= value <= 1:
        return value
    raise ValueError(f"{text!r} is not a ratio from 0 to 1")


def gibibytes(text: str) -> int:
    """Read an amount of memory such as `4` or `4.5`, in GiB; return bytes."""
    value = float(text)
    if 0 < value < float("inf"):
        return round(value * 2**30)
    raise ValueError(f"{text!r} is not an amount of memory in GiB above zero")


def _amount(text: str) -> float:
    value = float(text)
    if 0 <= value < float("inf"):
        return value
    raise ValueError(f"{text!r} is not a number of zero or more")


@dataclass(frozen=True)
class Settings:
    """The settings of `jobgauge-dashboards`."""

    out: str = option("out", "", "folder to write the boards and provisioning files to", metavar="DIR")
    site_name: str = option("site.name", "", "name of the site, shown in the titles", metavar="NAME")
    contact: str = option("site.contact", "", "whom users ask for help: an address or a URL", metavar="TEXT")
    docs_url: str = option("site.docs-url", "", "the site's own documentation for users", metavar="URL")
    memory_per_core: int = option(
        "site.memory-per-core",
        4 * 2**30,
        "memory in GiB that comes with a core; a job that asks for no more than that wastes none",
        gibibytes,
        metavar="GIB",
    )
    efficiency_fair: float = option(
        "efficiency.fair", 0.75, "used of held CPUs or memory: good from here", ratio, metavar="RATIO"
    )
    efficiency_poor: float = option(
        "efficiency.poor", 0.5, "used of held CPUs or memory: poor below", ratio, metavar="RATIO"
    )
    memory_headroom: float = option(
        "efficiency.memory-headroom",
        0.2,
        "advised memory: the peak and this much more",
        ratio,
        metavar="RATIO",
    )
    co2_per_kwh: float = option(
        "energy.co2-per-kwh",
        0.0,
        "grams of CO2 that a kWh stands for here; not shown where 0",
        _amount,
        metavar="GRAMS",
    )
    suite_jobs: str = option(
        "suite.jobs",
        "jobgauge.*",
        "names of the scrape jobs that read the exporters of this suite, as in the rules' settings",
        metavar="REGEX",
    )
    boards_path: str = option(
        "grafana.boards-path",
        "/etc/grafana/jobgauge",
        "folder on Grafana's machine where the boards lie, for its provisioning file",
        metavar="PATH",
    )
    datasource_name: str = option(
        "grafana.datasource-name", "Jobgauge", "name of the data source in Grafana", metavar="NAME"
    )
    datasource_uid: str = option(
        "grafana.datasource-uid", "jobgauge", "uid of the data source in Grafana", metavar="UID"
    )
    datasource_url: str = option(
        "grafana.datasource-url", "http://127.0.0.1:9796", "the gateway, as Grafana reaches it", metavar="URL"
    )
    scrape_interval: float = option(
        "grafana.scrape-interval",
        30.0,
        "how often Prometheus scrapes the exporters",
        duration,
        metavar="DURATION",
    )

    def __post_init__(self) -> None:
        """Refuse thresholds in the wrong order and an interval that Prometheus would not take."""
        if self.efficiency_poor > self.efficiency_fair:
            raise ConfigError(
                f"efficiency.poor: {self.efficiency_poor:g} is above efficiency.fair ({self.efficiency_fair:g});"
                " write the smaller number here"
            )
        if self.scrape_interval < 1:
            raise ConfigError("grafana.scrape-interval: at least 1s is expected")

    @property
    def folder(self) -> Path:
        """Where to write to."""
        if not self.out:
            raise ConfigError("out: no folder is given; write --out DIR")
        return Path(self.out)
