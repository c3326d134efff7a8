"""Real Slurms of three versions with all kinds of jobs, and exporters that ask in each way since before the first job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec

import pytest

from tests.support import slurm_scenario as scenario
from tests.support.real_slurm import RealSlurm, cluster
from tests.support.running import Running, running

COMMAND = "jobgauge-scheduler-exporter"
_OFTEN = [f"--interval.{name}=2s" for name in ("jobs", "nodes", "limits", "diagnostics", "history")]

PYSLURM = "slurm-pyslurm"
# The ways that every test takes; pyslurm where it is installed, which is for this machine's Slurm only.
WAYS = ("slurm-cli", "slurm-rest", *((PYSLURM,) if find_spec("pyslurm") else ()))

# This machine's Slurm, and those of later Debian releases; each with nodes of its own names, for their cgroups.
RELEASES = {"22.05": ("", "n"), "24.11": ("trixie", "t"), "26.05": ("sid", "s")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests of pyslurm on Slurms that it was not built for."""

    def fits(item: pytest.Item) -> bool:
        params = (
            item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        )
        return params.get("way") != PYSLURM or not RELEASES[params["world"]][0]

    items[:] = filter(fits, items)


@dataclass(frozen=True)
class World:
    """A cluster, its jobs' ids by their names in the scenario, and an exporter for each way of asking."""

    version: str
    slurm: RealSlurm
    jobs: dict[str, str]
    exporters: dict[str, Running]


@pytest.fixture(scope="module")
def clusters() -> Iterator[dict[str, RealSlurm]]:
    """Started anew for each module: one breaks them in many ways."""
    with ExitStack() as stack:
        found = {}
        for version, (release, letter) in RELEASES.items():
            nodes = [f"{letter}{number}" for number in (1, 2, 3)]
            settings = scenario.settings(nodes)
            found[version] = stack.enter_context(
                cluster(nodes, cgroups=True, gpus=2, settings=settings, release=release)
            )
            scenario.limits(found[version])
        yield found


def ways(slurm: RealSlurm) -> dict[str, list[str]]:
    """Return the flags for each way of asking this Slurm, every other second."""
    token = slurm.folder / "token"
    token.write_text(slurm.token("root"))
    rest = [f"--slurmrest.url={slurm.rest_url}", f"--slurmrest.token-file={token}", "--slurmrest.user=root"]
    cli = [f"--slurm.conf={slurm.conf}", f"--slurm.bin-dir={slurm.clients}"]
    sources = {"slurm-cli": cli, "slurm-rest": rest, PYSLURM: cli}
    return {
        way: [f"--backend={way}", *sources[way], *_OFTEN]
        for way in WAYS
        if way != PYSLURM or not slurm.release
    }


@pytest.fixture(scope="module")
def worlds(
    clusters: dict[str, RealSlurm], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, World]]:
    """All of them, each played while the others are."""
    logs = tmp_path_factory.mktemp("exporters")
    with ExitStack() as stack:
        found = {}
        for version, slurm in clusters.items():
            exporters = {
                way: stack.enter_context(running(COMMAND, logs / f"{version}-{way}", *flags))
                for way, flags in ways(slurm).items()
            }
            for exporter in exporters.values():
                exporter.page()
            found[version] = World(version, slurm, scenario.begin(slurm), exporters)
        for world in found.values():
            scenario.settle(world.slurm, world.jobs)
        yield found


@pytest.fixture(params=RELEASES)
def world(request: pytest.FixtureRequest, worlds: dict[str, World]) -> World:
    return worlds[request.param]


@pytest.fixture(scope="module")
def slurm(clusters: dict[str, RealSlurm]) -> RealSlurm:
    """The one whose daemons tests may stop."""
    return clusters["22.05"]
