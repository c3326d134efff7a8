"""What the page says where it cannot draw: an unknown kind, a refusal, a store that is slow, broken or gone."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler

import pytest
from playwright.sync_api import expect

from tests.support.browser import Seen
from tests.support.gateway import say
from tests.support.page import Answers

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def test_what_the_viewer_does_not_draw_is_said_in_its_panel(seen: Seen, answers: Answers) -> None:
    seen.open("/d/unknown")
    pie = seen.panel("Pie")
    assert pie.get_attribute("data-state") == "unsupported"
    assert "piechart" in pie.inner_text()
    assert answers.queries("piechart") == []
    assert seen.panel("Fine").get_attribute("data-state") == "drawn"


REFUSAL = b'{"status":"error","errorType":"forbidden","error":"the metric stat_metric is for staff; ask for your own"}'


def test_a_refusal_is_told_in_the_panel_and_is_over_when_it_is_over(seen: Seen, answers: Answers) -> None:
    def refuse(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if b"stat_metric" in body:
            say(REFUSAL, 403)(handler, body)
        else:
            answers.behave(handler, body)

    answers.store.behave = refuse
    seen.open("/d/unknown")
    expect(seen.panel("Fine").get_by_role("alert")).to_contain_text("is for staff; ask for your own")
    answers.store.behave = answers.behave
    seen.panel("Fine").get_by_role("button", name="Try again").click()
    expect(seen.panel("Fine")).to_have_attribute("data-state", "drawn")


def test_a_slow_store_is_said_to_be_slow_and_then_shown(seen: Seen, answers: Answers) -> None:
    go_on = threading.Event()

    def wait(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if b"stat_metric" in body:
            go_on.wait(60)
        answers.behave(handler, body)

    answers.store.behave = wait
    seen.page.goto(seen.view.url + "/d/unknown")
    expect(seen.panel("Fine").get_by_role("status")).to_have_text(
        "still waiting for an answer …", timeout=20_000
    )
    go_on.set()
    expect(seen.panel("Fine")).to_have_attribute("data-state", "drawn")
    expect(seen.panel("Fine").get_by_role("status")).to_have_text("")


def test_a_store_that_breaks_off_or_is_gone_is_said_and_recovers_by_itself(
    seen: Seen, answers: Answers
) -> None:
    def break_off(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if b"stat_metric" not in body:
            return answers.behave(handler, body)
        say(b'{"status":"success","data":', Content_Length="5000")(handler, body)
        handler.close_connection = True
        return None

    def hang_up(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.close_connection = True

    answers.store.behave = break_off
    seen.open("/d/unknown?refresh=10s")
    expect(seen.panel("Fine").get_by_role("alert")).to_contain_text("broke off")
    answers.store.behave = hang_up
    expect(seen.panel("Fine").get_by_role("alert")).to_contain_text("cannot be reached", timeout=30_000)
    answers.store.behave = answers.behave
    expect(seen.panel("Fine")).to_have_attribute("data-state", "drawn", timeout=30_000)
