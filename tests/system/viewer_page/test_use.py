"""What one does with the page: choose, open, zoom, read; with a thousand series, and on a phone."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.support.browser import Seen
from tests.support.page import Answers, Site

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def test_choices_chain_repeat_and_stand_in_the_address(seen: Seen, answers: Answers) -> None:
    answers.values = lambda label, form: ["c.1", "c2"] if label == "cluster" else [f"of {form['match[]'][0]}"]
    seen.open("/d/choices")
    page = seen.page
    titles = [one["title"] for one in seen.panels().values()]
    assert page.locator(".panel h3").all_inner_texts() == ["One of a", "One of b"], titles
    assert page.locator("label", has_text="every").locator("select").input_value() == "1m"
    assert page.get_by_label("words").input_value() == "typed"
    assert page.get_by_label("account").input_value() == 'of up{cluster=~".*"}'

    page.get_by_role("button", name="cluster: All").click()
    page.get_by_label("c.1").check()
    page.get_by_label("c2").check()
    page.get_by_role("button", name="Show").click()
    seen.wait()
    expect(page.get_by_label("account")).to_have_value('of up{cluster=~"(c\\\\.1|c2)"}')
    assert "var-cluster=c.1&var-cluster=c2" in page.url
    page.get_by_role("button", name="each: a + b").click()
    page.get_by_label("a", exact=True).uncheck()
    page.get_by_label("c", exact=True).check()
    page.get_by_role("button", name="Show").click()
    seen.wait()
    assert page.locator(".panel h3").all_inner_texts() == ["One of b", "One of c"]
    page.go_back()
    seen.wait()
    assert page.locator(".panel h3").all_inner_texts() == ["One of a", "One of b"]
    assert seen.problems == []


def test_a_closed_row_asks_when_it_is_opened(seen: Seen, answers: Answers) -> None:
    seen.open("/d/choices")
    assert answers.queries("timeseries_metric") == []
    seen.page.get_by_role("button", name="Closed").press("Enter")
    seen.wait()
    assert answers.queries("timeseries_metric") == ["timeseries_metric"]
    assert seen.panel("In the row").get_attribute("data-state") == "drawn"


def test_time_is_chosen_by_preset_by_hand_and_by_dragging(seen: Seen, answers: Answers) -> None:
    seen.open("/d/many")
    page = seen.page
    page.get_by_role("button", name="Time range").click()
    page.get_by_role("button", name="Last 6 hours").click()
    seen.wait()
    assert "from=now-6h&to=now" in page.url
    _, form = answers.asked[-1]
    assert float(form["end"][0]) - float(form["start"][0]) == pytest.approx(6 * 3600, abs=120)

    page.get_by_role("button", name="Time range").click()
    page.get_by_label("From").fill("2026-01-02 10:00")
    page.get_by_label("To", exact=True).fill("2026-01-01 10:00")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_have_text("It has to begin before it ends.")
    page.get_by_label("To", exact=True).fill("2026-01-02 12:00")
    page.get_by_role("button", name="Apply").click()
    seen.wait()
    start, end = (int(value) for value in re.findall(r"(?:from|to)=(\d{13})", page.url))
    assert end - start == 2 * 3600_000

    box = page.locator(".overlay").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 30)
    page.mouse.up()
    seen.wait()
    first, last = (int(value) for value in re.findall(r"(?:from|to)=(\d{13})", page.url))
    assert first - start == pytest.approx(1800_000, abs=30_000)
    assert last - first == pytest.approx(3600_000, abs=30_000)


def test_values_are_read_by_pointer_and_by_keys(seen: Seen, answers: Answers) -> None:
    answers.names = ["low", "high"]
    seen.open("/d/kinds")
    plot = seen.panel("Lines").locator(".overlay")
    plot.focus()
    plot.press("ArrowLeft")
    lines = seen.panel("Lines").locator(".tip .line")
    assert [line.split() for line in lines.all_inner_texts()] == [["high", "2"], ["low", "1"]]
    # The others show the same moment.
    expect(seen.panel("States").locator(".crosshair")).to_be_visible()
    seen.panel("Lines").get_by_role("button", name="low").click()
    plot = seen.panel("Lines").locator(".overlay")
    plot.hover()
    expect(seen.panel("Lines").locator(".tip .line")).to_have_count(1)


def test_a_thousand_series_stay_usable(seen: Seen, answers: Answers) -> None:
    answers.names = [f"series {i}" for i in range(1000)]
    begin = time.monotonic()
    seen.open("/d/many")
    print(f"1,000 series: {time.monotonic() - begin:.1f} s")  # noqa: T201 - for who looks at the log
    lines = seen.page.locator(".panel .scatterlayer .trace")
    assert 0 < lines.count() < 100  # those of one colour are drawn at once
    assert seen.page.locator(".legend button").count() == 1000
    legend, whole = (seen.page.locator(part).bounding_box() for part in (".legend", ".panel"))
    assert legend is not None
    assert whole is not None
    assert legend["height"] < whole["height"] / 4
    seen.page.locator(".overlay").hover()
    expect(seen.page.locator(".tip .more")).to_have_text("and 976 more")
    seen.page.get_by_role("button", name="series 7", exact=True).click()
    expect(lines).to_have_count(1)
    assert seen.problems == []


def test_a_phone_shows_one_column(answers: Answers, running: Site) -> None:
    with running[1](viewport={"width": 390, "height": 844}, has_touch=True) as seen:
        seen.open("/d/kinds")
        boxes = seen.page.locator(".panel").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().toJSON())"
        )
        assert {round(box["left"]) for box in boxes} == {10}
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert all(box["height"] > 90 for box in boxes)
        seen.picture("phone")


def test_a_theme_that_was_chosen_is_kept(seen: Seen, answers: Answers) -> None:
    def background() -> str:
        return str(seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))

    seen.open("/d/kinds")
    light = background()
    seen.page.get_by_role("button", name="Dark or light").click()
    assert background() != light
    dark = background()
    seen.open("/d/kinds")
    assert background() == dark
