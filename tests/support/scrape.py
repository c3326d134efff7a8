"""Running a command for one scrape, and reading its page with Prometheus' own Python parser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.expectation import Key


def once(command: str, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `command --once` from the environment of the tests."""
    program = Path(sys.executable).parent / command
    return subprocess.run(
        [program, "--once", *flags],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


def parse(page: str) -> dict[Key, float]:
    """Return the value of every series; fail where one comes twice."""
    found: dict[Key, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            name = sample.name, frozenset(sample.labels.items())
            assert name not in found, f"{name} comes twice"
            found[name] = sample.value
    return found


def jobs_only(series: dict[Key, float]) -> dict[Key, float]:
    """Return the series of jobs."""
    return {name: value for name, value in series.items() if name[0].startswith("hpc_job_")}
