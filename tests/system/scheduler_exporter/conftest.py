"""One real Slurm with all kinds of jobs, and the exporter asking it in each way since before the first job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import slurm_scenario as scenario
from tests.support.real_slurm import RealSlurm, cluster
from tests.support.running import Running, running

COMMAND = "jobgauge-scheduler-exporter"
_EVERY_SECOND = [f"--interval.{name}=1s" for name in ("jobs", "nodes", "limits", "diagnostics", "history")]


@dataclass(frozen=True)
class World:
    """The cluster, its jobs' ids by their names in the scenario, and an exporter for each way of asking."""

    slurm: RealSlurm
    jobs: dict[str, str]
    exporters: dict[str, Running]


@pytest.fixture(scope="session")
def slurm() -> Iterator[RealSlurm]:
    with cluster(scenario.NODES, cgroups=True, gpus=2, settings=scenario.SETTINGS) as slurm:
        scenario.limits(slurm)
        yield slurm


@pytest.fixture(scope="session")
def ways(slurm: RealSlurm) -> dict[str, list[str]]:
    """The flags for each way of asking, every second."""
    token = slurm.folder / "token"
    token.write_text(slurm.token("root"))
    rest = [f"--slurmrest.url={slurm.rest_url}", f"--slurmrest.token-file={token}", "--slurmrest.user=root"]
    return {
        "slurm-cli": ["--backend=slurm-cli", f"--slurm.conf={slurm.conf}", *_EVERY_SECOND],
        "slurm-rest": ["--backend=slurm-rest", *rest, *_EVERY_SECOND],
    }


@pytest.fixture(scope="session")
def world(
    slurm: RealSlurm, ways: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    logs = tmp_path_factory.mktemp("exporters")
    with ExitStack() as stack:
        exporters = {
            way: stack.enter_context(running(COMMAND, logs / way, *flags)) for way, flags in ways.items()
        }
        for exporter in exporters.values():
            exporter.page()
        yield World(slurm, scenario.play(slurm), exporters)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path
