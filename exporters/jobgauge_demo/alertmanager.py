"""Alertmanager, which groups the demo's alerts by user and sends them to nobody."""

from __future__ import annotations

import functools
import os

import yaml

from jobgauge_demo import programs
from jobgauge_demo.api import answers
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.supervisor import Service

_CONFIGURATION = {
    "route": {"receiver": "nobody", "group_by": ["alertname", "cluster", "user"], "group_wait": "5s"},
    "receivers": [{"name": "nobody"}],
}


def services(config: DemoConfig) -> list[Service]:
    """Describe Alertmanager."""
    port = config.ports.alertmanager
    address = f"127.0.0.1:{port}"
    argv = [
        programs.ALERTMANAGER.path,
        f"--config.file={config.path('alertmanager', 'alertmanager.yml')}",
        f"--storage.path={config.path('alertmanager', 'data')}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",  # no peers: no second port
    ]
    ready = functools.partial(answers, f"http://{address}/-/ready")
    return [Service("alertmanager", argv, (port,), ready, page="Alertmanager: alerts by user")]


def write(config: DemoConfig) -> None:
    """Write its configuration."""
    os.makedirs(config.path("alertmanager"), exist_ok=True)
    with open(config.path("alertmanager", "alertmanager.yml"), "w", encoding="utf-8") as file:
        yaml.safe_dump(_CONFIGURATION, file)
