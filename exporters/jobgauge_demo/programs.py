"""The programs that the demo is made of, and where they are found."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from jobgauge.errors import ConfigError


@dataclass(frozen=True)
class Program:
    """A program, by the names it goes by, and what to install where it is missing."""

    commands: tuple[str, ...]
    package: str

    def find(self) -> str | None:
        """Return its path: beside our own interpreter, where the suite's other commands are, else on PATH."""
        for command in self.commands:
            beside = os.path.join(os.path.dirname(sys.executable), command)
            if path := beside if os.access(beside, os.X_OK) else shutil.which(command):
                return path
        return None

    @property
    def path(self) -> str:
        """Return its path; raise ConfigError where there is none."""
        if path := self.find():
            return path
        raise ConfigError(f"{self.commands[-1]} is not found: install {self.package}")


PYTHON = Program((os.path.basename(sys.executable),), "Python")
JOB_EXPORTER = Program(("jobgauge-job-exporter",), "jobgauge[node]")
SCHEDULER_EXPORTER = Program(("jobgauge-scheduler-exporter",), "jobgauge[scheduler]")
GATEWAY = Program(("jobgauge-gateway",), "jobgauge[gateway]")
VIEW = Program(("jobgauge-view",), "jobgauge[view]")
RULES = Program(("jobgauge-rules",), "jobgauge")
DASHBOARDS = Program(("jobgauge-dashboards",), "jobgauge[dashboards]")
PROMETHEUS = Program(("prometheus",), "the system package prometheus")
PROMTOOL = Program(("promtool",), "the system package prometheus")
ALERTMANAGER = Program(
    ("alertmanager", "prometheus-alertmanager"), "the system package prometheus-alertmanager"
)
GRAFANA = Program(("grafana", "grafana-server"), "Grafana")  # the second name until Grafana 9


REQUIRED = (
    JOB_EXPORTER,
    SCHEDULER_EXPORTER,
    GATEWAY,
    VIEW,
    RULES,
    DASHBOARDS,
    PROMETHEUS,
    PROMTOOL,
    ALERTMANAGER,
)


def refuse_missing(programs: Iterable[Program]) -> None:
    """Raise ConfigError that names every program that is missing, and what to install."""
    missing = [
        f"{program.commands[-1]} (install {program.package})" for program in programs if not program.find()
    ]
    if missing:
        raise ConfigError(f"not found beside {sys.executable} nor on PATH: {', '.join(missing)}")
