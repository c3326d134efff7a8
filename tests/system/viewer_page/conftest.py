"""A viewer before a gateway that says what a test wants, and a browser: for the tests of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.browser import Seen, chromium, visit
from tests.support.gateway import Store
from tests.support.page import BOARDS, Answers, Site
from tests.support.view import View, view


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "boards/users").mkdir(parents=True)
    for one in BOARDS:
        (folder / "boards/users" / f"{one['uid']}.json").write_text(json.dumps(one))
    with ExitStack() as stack:
        store = Store()
        stack.callback(store.close)
        flags = (f"--boards={folder / 'boards'}", "--demo-users=alice")
        site: View = stack.enter_context(view(folder / "v", store.url, *flags))
        browser = stack.enter_context(chromium())
        yield Answers(store), lambda **options: visit(browser, site, "alice", **options)


@pytest.fixture
def answers(running: Site) -> Answers:
    running[0].reset()
    return running[0]


@pytest.fixture
def seen(answers: Answers, running: Site) -> Iterator[Seen]:
    with running[1]() as page:
        yield page
