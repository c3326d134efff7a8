"""A store and gateways; and the small cluster of world.py behind real servers: one with everybody's series, one for each reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.gateway import Gateway, Store, run
from tests.support.remote_write import Written
from tests.support.servers import running
from tests.unit.gateway.asking import Servers
from tests.unit.gateway.world import ALICE, CAROL, DOT, SERIES, START, STEP, STEPS, visible

Clusters = Callable[[str], Servers]


@pytest.fixture
def store() -> Iterator[Store]:
    """A store that does what the test says."""
    with closing(Store()) as store:
        yield store


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Start gateways by the address of their store and their settings; they end with the test."""
    with ExitStack() as stack:
        yield lambda url, **settings: stack.enter_context(run(tmp_path / "gateway", url, **settings))


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """Start, of a kind of server, one with everything under "all", and one for each set of series that a caller may see."""
    chem = frozenset(["chem"])
    held: dict[str, Any] = {
        "all": SERIES,
        "alice": [one for one in SERIES if visible(one.labels, ALICE)],
        "carol": [one for one in SERIES if visible(one.labels, CAROL)],
        "carol with chem": [one for one in SERIES if visible(one.labels, CAROL, chem)],
        "al.ce": [one for one in SERIES if visible(one.labels, DOT)],
    }
    with ExitStack() as stack:

        @cache
        def start(kind: str) -> Servers:
            folder = tmp_path_factory.mktemp(kind)
            servers = {}
            for number, (name, series) in enumerate(held.items()):
                servers[name] = stack.enter_context(running(kind, folder / str(number)))
                servers[name].feed(
                    Written(one.labels, [(START + i * STEP, one.value(i)) for i in range(STEPS)])
                    for one in series
                )
            return servers

        yield start


@pytest.fixture(scope="session", params=["prometheus-2", "prometheus-3"])
def servers(clusters: Clusters, request: pytest.FixtureRequest) -> Servers:
    """Return the servers of each Prometheus in turn."""
    return clusters(request.param)


@pytest.fixture(scope="session")
def prometheus(clusters: Clusters) -> Servers:
    """Return the servers of one Prometheus, for what does not depend on its version."""
    return clusters("prometheus-2")


@pytest.fixture(scope="session")
def victoria(clusters: Clusters) -> Servers:
    """Return the servers of VictoriaMetrics."""
    return clusters("victoria-metrics")
