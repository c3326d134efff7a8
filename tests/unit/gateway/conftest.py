"""The small cluster of world.py behind real servers: one with everybody's series, and one for each reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.prometheus import openmetrics, serve
from tests.unit.gateway.asking import Servers
from tests.unit.gateway.world import ALICE, CAROL, DOT, SERIES, START, STEP, STEPS, visible


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start a Prometheus with everything, under "all", and one for each set of series that a caller may see."""
    chem = frozenset(["chem"])
    held: dict[str, Any] = {
        "all": SERIES,
        "alice": [one for one in SERIES if visible(one.labels, ALICE)],
        "carol": [one for one in SERIES if visible(one.labels, CAROL)],
        "carol with chem": [one for one in SERIES if visible(one.labels, CAROL, chem)],
        "al.ce": [one for one in SERIES if visible(one.labels, DOT)],
    }
    folder = tmp_path_factory.mktemp("prometheus")
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(serve(openmetrics(series, START, STEPS, STEP), folder / str(number)))
            for number, (name, series) in enumerate(held.items())
        }
