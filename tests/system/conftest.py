"""The demo that the tests of this folder share, so that it is made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.demo import Demo, shared, wait_until
from tests.support.places import Work


@pytest.fixture(scope="session")
def started_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo with three hours of history, whose live figures may not be there yet."""
    with shared(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


@pytest.fixture(scope="session", autouse=True)
def _ahead(request: pytest.FixtureRequest) -> None:
    """Start the shared demo before all other tests, so that its first scrapes cost no time of their own."""
    if any("running_demo" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("started_demo")


@pytest.fixture(scope="session")
def running_demo(started_demo: Demo) -> Demo:
    """The shared demo, once everything has been scraped three times and alerts fire."""
    wait_until(started_demo.settled, 300)
    return started_demo


@pytest.fixture(scope="module")
def work(running_demo: Demo) -> Work:
    """What alice has on the shared demo."""
    return Work.found(running_demo)
