"""Running a command for one scrape, and reading its page with Prometheus' own Python parser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.support.expectation import Key


def once(
    command: str, *flags: str, at: float | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `command --once` from the environment of the tests, with its clock begun `at` a time where one is given."""
    program = Path(sys.executable).parent / command
    begun = [] if at is None else ["faketime", "-f", f"@{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"]  # noqa: DTZ006 - it reads local time
    return subprocess.run(
        [*begun, program, "--once", *flags],
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


def series(page: dict[Key, float], name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Return a family's values, summed up by the values of these labels."""
    sums: Counter[tuple[str, ...]] = Counter()
    for (found, row), value in page.items():
        if found == name:
            sums[tuple(dict(row).get(label, "") for label in labels)] += value  # type: ignore[assignment]
    return dict(sums)


def jobs_only(series: dict[Key, float]) -> dict[Key, float]:
    """Return the series of jobs."""
    return {name: value for name, value in series.items() if name[0].startswith("hpc_job_")}
