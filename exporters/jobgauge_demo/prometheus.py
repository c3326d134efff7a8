"""Prometheus: its configuration, and the questions that the demo asks it."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import yaml

from jobgauge.errors import SourceError
from jobgauge_demo import programs
from jobgauge_demo.api import answers, fetch_json
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.history import HEAD
from jobgauge_demo.settings import SCRAPE_INTERVAL, DemoConfig
from jobgauge_demo.supervisor import Service, Target

_RETENTION = 15 * 86400  # seconds beyond the history that is made


def services(config: DemoConfig) -> list[Service]:
    """Describe the Prometheus that scrapes and evaluates."""
    service = _service(config, "prometheus", _argv(config, "prometheus.yml"))
    itself = Target("prometheus", HEAD, config.ports.prometheus)
    return [replace(service, target=itself, page="Prometheus: queries, targets, rules")]


def importer(config: DemoConfig) -> Service:
    """Describe a Prometheus that only answers questions about the history while it is made."""
    # Blocks cannot say that a series has ended: here it ends just before its next sample should be, not minutes later.
    lookback = f"--query.lookback-delta={SCRAPE_INTERVAL * 1000 - 1}ms"
    return _service(config, "prometheus-import", [*_argv(config, "import.yml"), lookback])


def _service(config: DemoConfig, name: str, argv: Sequence[str]) -> Service:
    ready = functools.partial(answers, f"http://127.0.0.1:{config.ports.prometheus}/-/ready")
    return Service(name, argv, (config.ports.prometheus,), ready)


def _argv(config: DemoConfig, configuration: str) -> list[str]:
    return [
        programs.PROMETHEUS.path,
        f"--config.file={config.path('prometheus', configuration)}",
        f"--storage.tsdb.path={data_directory(config)}",
        f"--storage.tsdb.retention.time={_RETENTION + config.history_seconds}s",
        f"--web.listen-address=127.0.0.1:{config.ports.prometheus}",
    ]


def data_directory(config: DemoConfig) -> str:
    """Where the blocks lie."""
    return config.path("prometheus", "data")


def write(config: DemoConfig, targets: Sequence[Target]) -> None:
    """Write the configurations: of the server, and of the one that works on the history."""
    os.makedirs(data_directory(config), exist_ok=True)
    for name, content in (("prometheus.yml", _configuration(config, targets)), ("import.yml", {})):
        with open(config.path("prometheus", name), "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file, sort_keys=False)


def _configuration(config: DemoConfig, targets: Sequence[Target]) -> dict[str, Any]:
    jobs = dict.fromkeys(target.job for target in targets)
    return {
        "global": {
            "scrape_interval": f"{SCRAPE_INTERVAL}s",
            "evaluation_interval": f"{SCRAPE_INTERVAL}s",
        },
        "rule_files": [config.path("rules", "*.yml")],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{config.ports.alertmanager}"]}]}]
        },
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [
                    {
                        "targets": [f"127.0.0.1:{target.port}"],
                        "labels": {"cluster": Cluster.name, "instance": target.instance},
                    }
                    for target in targets
                    if target.job == job
                ],
            }
            for job in jobs
        ],
    }


class Client:
    """Asks a running Prometheus."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of one of its answers."""
        answer = fetch_json(f"{self.url}/api/v1/{path}", parameters, timeout=60.0)
        if answer["status"] != "success":
            raise SourceError(f"{self.url}/api/v1/{path}: {answer.get('error')}")
        return answer["data"]

    def query(self, expression: str, time: float) -> list[dict[str, Any]]:
        """Return the instant vector of an expression."""
        found: list[dict[str, Any]] = self.get("query", query=expression, time=f"{time:.3f}")["result"]
        return found
