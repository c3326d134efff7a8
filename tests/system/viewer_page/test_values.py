"""What the page shows: hostile values as text, numbers and steps as in Grafana."""

from __future__ import annotations

import pytest

from tests.support.browser import Seen
from tests.support.page import Answers

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

HOSTILE = [
    "<script>window.hacked = 1</script>",
    '<img src=x onerror="window.hacked = 1">',
    "<b>bold</b> &amp; &lt;i&gt;",
    "[click](javascript:window.hacked=1) **bold** `code`",
    "javascript:window.hacked=1",
    "${user} $__from {{user}} ${__data.fields[0]}",
    '"}) or vector(1) #',
    "a\\b\"c'd\u202egnp.exe",
    "x" * 10_000,
    "größe ☺ <svg/onload=window.hacked=1>",
]


def test_hostile_values_are_shown_as_text(seen: Seen, answers: Answers) -> None:
    answers.names = HOSTILE
    answers.values = lambda *_: HOSTILE
    seen.open("/d/kinds")
    assert {one["state"] for one in seen.panels().values()} == {"drawn"}
    for title in ("Bars", "Table", "Lines"):
        text = seen.panel(title).text_content()
        assert all(value in text for value in HOSTILE), title
    seen.page.locator(".overlay").first.hover()
    seen.page.locator("button.about").click()
    assert "<i>no</i>" in seen.page.locator(".card:visible").inner_text()
    page = seen.page
    assert page.evaluate(
        "window.hacked === undefined && document.querySelectorAll('main script, main img, main b').length === 0"
    )
    links = page.locator("main a").evaluate_all("all => all.map(one => one.href)")
    assert links
    assert all(link.startswith(seen.view.url + "/") for link in links)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "a long name widens the page"
    assert seen.problems == []
    seen.picture("hostile")


def test_a_value_in_the_address_stays_within_its_string(seen: Seen, answers: Answers) -> None:
    seen.open("/d/choices?var-account=" + "x%22%7D%20or%20vector(1)%5C")
    seen.page.get_by_role("button", name="Closed").click()
    seen.wait()
    assert answers.queries("timeseries_metric")
    matched = [form["match[]"][0] for call, form in answers.asked if "account" in call]
    assert matched == ['up{cluster=~".*"}']
    assert seen.page.get_by_label("account").input_value() == 'x"} or vector(1)\\'


# What Grafana 12 writes: unit, decimals, value, text.
WRITTEN = [
    ("short", None, 1234567, "1.23 Mil"),
    ("short", None, 12, "12"),
    ("locale", 0, 1234567.8, "1,234,568"),
    ("percentunit", 0, 0.567, "57%"),
    ("percentunit", None, 1.234, "123%"),
    ("bytes", None, 1536, "1.50 KiB"),
    ("bytes", None, 0, "0 B"),
    ("binBps", None, 5.5 * 2**20, "5.50 MiB/s"),
    ("ops", None, 1234, "1.23K ops/s"),
    ("ops", None, 0.5, "0.500 ops/s"),
    ("opm", None, 30, "30 ops/m"),
    ("s", None, 0.0123, "12.3 ms"),
    ("s", None, 90, "1.50 mins"),
    ("s", None, 7200, "2 hours"),
    ("dtdurations", None, 3700, "1 hour"),
    ("dtdurations", 1, 3700, "1 hour, 1 minute"),
    ("watt", 0, 1600, "2 kW"),
    ("kwatth", 1, 1.27, "1.3 kWh"),
    ("massg", None, 1500, "1.50 kg"),
    ("celsius", 0, 21.4, "21 °C"),
    ("none", None, 0.1234, "0.123"),
    ("string", None, 7, "7"),
]


def test_numbers_are_written_as_in_grafana(seen: Seen, answers: Answers) -> None:
    seen.open("/d/unknown")
    script = """async rows => { const units = await import("/static/units.js");
        return rows.map(([unit, decimals, value]) => units.format(unit, value, decimals ?? undefined)); }"""
    assert seen.page.evaluate(script, [row[:3] for row in WRITTEN]) == [row[3] for row in WRITTEN]


def test_steps_and_rates_are_grafanas(seen: Seen, answers: Answers) -> None:
    seen.open("/d/unknown")
    script = """async spans => { const { stepOf, builtIns } = await import("/static/queries.js");
        return spans.map(([span, width]) => { const range = { from: 0, to: span * 1000 };
            const step = stepOf({}, range, width, 30); const own = builtIns(range, step, 30);
            return [step, own.__interval, own.__rate_interval, own.__range]; }); }"""
    wanted = [
        [30, "30s", "2m", "3600s"],
        [60, "1m", "2m", "21600s"],
        [900, "15m", "930s", "604800s"],
        [3600, "1h", "3630s", "2592000s"],
    ]
    assert seen.page.evaluate(script, [[3600, 800], [21600, 400], [604800, 600], [2592000, 700]]) == wanted
