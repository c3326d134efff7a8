"""Every board in a real browser on the demo: as a user, a leader and staff, in both themes."""

from __future__ import annotations

import functools
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext, expect

from jobgauge_demo.settings import Ports
from tests.support.boards import panels, written
from tests.support.browser import Seen, chromium, page_of, signed_in
from tests.support.demo import Demo
from tests.support.empty_panels import rightly_empty
from tests.support.places import LEADER, READERS, STAFF, Place, Work, places
from tests.support.view import View

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

Visit = Callable[..., AbstractContextManager[Seen]]
FILES = sorted(Path(__file__).parents[2].glob("dashboards/json/*/*.json"))


@pytest.fixture(scope="module")
def view(running_demo: Demo) -> View:
    return View(f"127.0.0.1:{Ports(running_demo.base).viewer}", running_demo.process)


@pytest.fixture(scope="module")
def visited(view: View) -> Iterator[Visit]:
    """Gives pages of the demo's viewer, as one of its users, each of whom has a browser."""
    with chromium() as browser:

        @functools.cache
        def browser_of(login: str) -> BrowserContext:
            return signed_in(browser, view, login)

        yield lambda login="": page_of(browser_of(login), view)


def address(uid: str, place: Place) -> str:
    """Where a board is opened with these variables."""
    return f"/d/{uid}?" + urlencode({f"var-{name}": value for name, value in place.items()}, doseq=True)


@pytest.mark.parametrize("login", ["alice", LEADER, STAFF])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_panel_of_every_board_is_drawn_or_rightly_empty(
    running_demo: Demo, visited: Visit, work: Work, path: Path, login: str
) -> None:
    uid, folder = path.stem, path.parent.name
    reads = login in READERS.get(folder, (STAFF,))
    drawn: dict[str, str] = {}
    for number, place in enumerate(places(uid, folder, work)):
        with visited(login) as seen:
            seen.open(address(uid, place))
            seen.open_rows()
            found = seen.panels()
            if reads:
                seen.picture(f"{uid}-{login}-light-{number}")
            seen.page.emulate_media(color_scheme="dark")
            seen.wait()
            if reads:
                seen.picture(f"{uid}-{login}-dark-{number}")
            assert {one: panel["state"] for one, panel in seen.panels().items()} == {
                one: panel["state"] for one, panel in found.items()
            }
            assert seen.problems == []
        for one, panel in found.items():
            assert panel["state"] in ("drawn", "empty", "error"), panel
            drawn[one] = "drawn" if "drawn" in (panel["state"], drawn.get(one)) else panel["state"]
    board = written(running_demo)[uid]
    shown = {str(one["id"]): one for one in panels(board) if one["type"] != "row"}
    assert drawn.keys() == shown.keys()
    if reads:
        assert "error" not in drawn.values()
        blank = [shown[one] for one, state in drawn.items() if state != "drawn"]
        assert not [
            one["title"]
            for one in blank
            if not all(rightly_empty(uid, one["title"], target["expr"]) for target in one["targets"])
        ]


def bobs_job(demo: Demo) -> tuple[str, str, str]:
    query = 'max by (jobid, account, name) (hpc_job_info{user="bob",state="running"})'
    metric = demo.gateway("query", STAFF, query=query, time=time.time())["result"][0]["metric"]
    return metric["jobid"], metric["account"], metric["name"]


def test_alice_sees_nothing_of_bobs_job_whatever_she_writes_into_the_address(
    running_demo: Demo, visited: Visit
) -> None:
    jobid, account, name = bobs_job(running_demo)
    address = "/d/jobgauge-job?" + urlencode({"var-user": "bob", "var-account": account, "var-jobid": jobid})
    with visited("alice") as seen:
        seen.open(address)
        seen.open_rows()
        assert {panel["state"] for panel in seen.panels().values()} <= {"empty", "error"}
        told = seen.told()
        assert told
        assert not [body for body in told if '"bob"' in body or json.dumps(name) in body]
        seen.picture("bobs-job-alice")
    with visited("bob") as seen:  # the same address shows it to whom it belongs
        seen.open(address)
        assert name in seen.panel("What it is").inner_text()


def test_numbers_in_the_browser_are_the_stores(running_demo: Demo, visited: Visit) -> None:
    expression = (
        "sum by (account) (sum_over_time(cluster_user_account:hpc_job_cpu_held_seconds:sum1h[30d])) / 3600"
    )
    found = running_demo.prometheus("query", query=expression, time=time.time())["result"]
    # Half an hour counts as one, as in every browser.
    wanted = {one["metric"]["account"]: f"{math.floor(float(one['value'][1]) + 0.5):,}" for one in found}
    with visited(STAFF) as seen:
        seen.open("/d/jobgauge-usage")
        table = seen.panel("Accounts")
        heads = [head.strip(" ↓↑") for head in table.locator("thead th").all_inner_texts()]
        rows = [
            dict(zip(heads, row.locator("td").all_inner_texts(), strict=True))
            for row in table.locator("tbody tr").all()
        ]
        hours = {row["Account"]: row["CPU hours"] for row in rows if row["CPU hours"] != "-"}
        assert hours == wanted
        numbers = [int(text.replace(",", "")) for text in hours.values()]
        assert len(numbers) > 2
        assert numbers == sorted(numbers, reverse=True)
        table.get_by_role("button", name="CPU hours", exact=True).or_(
            table.get_by_role("button", name="CPU hours ↓")
        ).first.click()
        first = table.locator("tbody tr").first.locator("td").all_inner_texts()
        assert first[heads.index("CPU hours")] == f"{min(numbers):,}"


def test_the_first_page_shows_what_matters_to_who_looks(visited: Visit) -> None:
    with visited() as seen:
        seen.page.goto(seen.view.url)
        seen.page.get_by_role("button", name="alice", exact=True).click()
        expect(seen.page.get_by_role("heading", name="Jobs of alice")).to_be_visible()
        seen.wait()
        assert "Running jobs" in [panel["title"] for panel in seen.panels().values()]
        assert seen.page.get_by_role("link", name="Scheduler health").count() == 0
        seen.picture("first-alice")
        seen.page.get_by_label("Who looks").select_option(STAFF)
        expect(seen.page.get_by_role("heading", name="The clusters now")).to_be_visible()
        expect(seen.page.locator(".board[data-state=ready]")).to_have_count(2)
        assert seen.panel("Clusters").locator("tbody tr").count() == 1
        assert seen.page.get_by_role("link", name="Scheduler health").count() == 1
        seen.picture("first-staff")
        seen.page.get_by_role("link", name="Queue and waits").first.click()
        seen.wait()
        assert "/d/jobgauge-queue" in seen.page.url
        assert seen.problems == []


def test_a_job_is_reached_by_links_at_its_own_time(running_demo: Demo, visited: Visit) -> None:
    with visited("alice") as seen:
        seen.open("/d/jobgauge-my-jobs")
        # The oldest: of one that has just begun the scheduler's figures may not have been read yet.
        oldest = seen.panel("Running jobs").locator("tbody a").last
        jobid = oldest.inner_text()
        oldest.click()
        seen.wait()
        assert re.search(rf"/d/jobgauge-job\?.*var-jobid={jobid}&.*from=1\d{{12}}", seen.page.url)
        assert seen.panel("What it is").locator("tbody tr").count() == 1
        assert seen.problems == []


def test_the_demo_tells_the_viewers_address_first(running_demo: Demo, view: View) -> None:
    addresses = re.findall(r"^  (http://\S+)", running_demo.text.partition("\nOpen\n")[2], re.MULTILINE)
    assert addresses[0] == f"{view.url}/"
