"""What may be said about a demo, and which port each of its programs takes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from jobgauge.config import duration, option, positive
from jobgauge.errors import ConfigError
from jobgauge_demo.people import MINIMUM_USERS
from jobgauge_demo.placing import LOGIN_NODES, MINIMUM_NODES

SCRAPE_INTERVAL = 60  # seconds; the history has a sample as often
_FIRST_NODE = 10  # the first node's job exporter, above the base
_EPHEMERAL = 32768  # from here on, Linux gives ports to outgoing connections


@dataclass(frozen=True)
class Ports:
    """Where everything listens, on 127.0.0.1. With the default base, the exporters have the ports of production."""

    base: int

    @property
    def prometheus(self) -> int:
        """Prometheus."""
        return self.base

    @property
    def alertmanager(self) -> int:
        """Alertmanager."""
        return self.base + 1

    @property
    def grafana(self) -> int:
        """Grafana."""
        return self.base + 2

    @property
    def scheduler(self) -> int:
        """The scheduler exporter."""
        return self.base + 5

    @property
    def gateway(self) -> int:
        """The gateway's query API."""
        return self.base + 6

    @property
    def gateway_metrics(self) -> int:
        """The gateway's own metrics."""
        return self.base + 7

    @property
    def viewer(self) -> int:
        """The viewer."""
        return self.base + 9

    def node(self, index: int) -> int:
        """The job exporter of a node."""
        return self.base + _FIRST_NODE + index


def _at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if positive(text) < least:
            raise ValueError(f"the simulated habits need at least {least}")
        return int(text)

    return parse


def _seed(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    raise ValueError(f"{text!r} is not a whole number")


def _history(text: str) -> str:
    if duration(text) < 0 or duration(text) > 90 * 86400:
        raise ValueError(f"{text!r} is longer than 90d")
    return text


@dataclass(frozen=True)
class DemoConfig:
    """The settings of `jobgauge-demo`."""

    nodes: int = option("nodes", 20, "compute nodes of the cluster", _at_least(MINIMUM_NODES), metavar="N")
    users: int = option("users", MINIMUM_USERS, "users of the cluster", _at_least(MINIMUM_USERS), metavar="N")
    seed: int = option("seed", 1, "another number makes another cluster", _seed, metavar="N")
    history: str = option(
        "history",
        "24h",
        "how much of the cluster's past is made before the start; 0s for none",
        _history,
        metavar="TIME",
    )
    port_base: int = option("port-base", 9790, "the first of the ports, see above", positive, metavar="PORT")
    directory: str = option(
        "dir", ".demo", "folder for all that the demo writes", os.path.abspath, metavar="DIR"
    )
    grafana_url: str = option(
        "grafana-url",
        "",
        "a Grafana that runs already, with an administrator's name and password: http://admin:PASSWORD@HOST:3000",
        metavar="URL",
    )

    def __post_init__(self) -> None:
        """Refuse ports that do not fit."""
        last = self.ports.node(self.nodes + len(LOGIN_NODES) - 1)
        if self.port_base < 1024 or last >= _EPHEMERAL:
            raise ConfigError(
                f"port-base: the demo would take ports {self.port_base} to {last}; they must lie between 1024 and"
                f" {_EPHEMERAL - 1}: choose another --port-base or fewer --nodes"
            )
        if self.grafana_url and not self.grafana_url.startswith(("http://", "https://")):
            raise ConfigError(f"grafana-url: {self.grafana_url!r} does not start with http:// or https://")

    @property
    def ports(self) -> Ports:
        """Where everything listens."""
        return Ports(self.port_base)

    @property
    def history_seconds(self) -> int:
        """Length of the history that is made."""
        return int(duration(self.history))

    def path(self, *parts: str) -> str:
        """Return the full path of something in the demo's folder, or of the folder."""
        return os.path.abspath(os.path.join(self.directory, *parts))
