"""Every panel of every board has something to show to those whom it is for: asked through the gateway, as Grafana asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.boards import Answer, Opened, panels, written
from tests.support.demo import Demo
from tests.support.empty_panels import RIGHTLY_EMPTY, rightly_empty
from tests.support.places import LEADER, READERS, STAFF, Work, places

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

# What members of an account may know of each other.
AMONG_MEMBERS = re.compile("hpc_sched_(limit|level_fairshare)")


def boards() -> list[tuple[str, str, str]]:
    """Return each board's uid and folder, with each of its readers."""
    files = sorted(Path(__file__).parents[2].glob("dashboards/json/*/*.json"))
    assert files
    found = [
        (path.stem, path.parent.name, reader)
        for path in files
        for reader in READERS.get(path.parent.name, (STAFF,))
    ]
    # A leader is led to the jobs of the account by links.
    return [*found, ("jobgauge-job", "users", LEADER)]


def opened(demo: Demo, login: str, uid: str, folder: str, work: Work) -> Iterator[list[Answer]]:
    """Yield what a board's queries got, at each of its places."""
    board = written(demo)[uid]
    for place in places(uid, folder, work):
        page = Opened(demo, login, board, **place)
        yield [page.answer(query) for query in page.queries()]


@pytest.mark.parametrize(("uid", "folder", "login"), boards())
def test_every_query_has_an_answer(running_demo: Demo, work: Work, uid: str, folder: str, login: str) -> None:
    empty: list[Answer] = []
    for answers in zip(*opened(running_demo, login, uid, folder, work), strict=True):
        assert not [f"{answer.expr}: {answer.refused}" for answer in answers if answer.refused]
        if not any(answer.series for answer in answers):
            empty.append(answers[0])
    assert not [answer for answer in empty if not rightly_empty(uid, answer.panel, answer.expr)]


@pytest.mark.parametrize(("uid", "folder"), sorted({(uid, folder) for uid, folder, _ in boards()}))
def test_nobody_finds_others_on_any_board(running_demo: Demo, work: Work, uid: str, folder: str) -> None:
    for answers in opened(running_demo, "bob", uid, folder, work):
        private = [answer for answer in answers if not AMONG_MEMBERS.search(answer.expr)]
        names = {series.get("user", "") for answer in private for series in answer.series}
        assert names <= {"bob", ""}


def test_what_is_said_to_be_empty_is_on_a_board(running_demo: Demo) -> None:
    all_boards = written(running_demo)
    for uid, listed in RIGHTLY_EMPTY.items():
        titles = {panel["title"] for panel in panels(all_boards[uid])}
        marks = {f"annotation {mark['name']}" for mark in all_boards[uid]["annotations"]["list"]}
        assert {name.partition(": ")[0] for name in listed} <= titles | marks
