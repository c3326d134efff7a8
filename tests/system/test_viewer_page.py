"""The viewer's page in a real browser, before a gateway that says what a test wants: hostile, slow, down, very much."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.browser import Seen, chromium, success, visit
from tests.support.gateway import Store, say
from tests.support.view import View, view

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

Form = dict[str, list[str]]
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


def panel(kind: str, title: str, x: int, y: int, **more: Any) -> dict[str, Any]:
    instant = kind in ("stat", "table", "bargauge")
    target = {
        "refId": "A",
        "expr": f"{kind}_metric",
        "legendFormat": "{{name}}",
        "instant": instant,
        "range": not instant,
        "format": "table" if kind == "table" else "time_series",
    }
    options = {"stat": {"textMode": "value_and_name", "colorMode": "value"}}.get(kind, {})
    place = {"x": x, "y": y, "w": 12, "h": 8}
    base = {"id": 100 + y * 24 + x, "type": kind, "title": title, "gridPos": place, "targets": [target]}
    return base | {"options": options, "fieldConfig": {"defaults": {}, "overrides": []}} | more


def board(uid: str, panels: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    base = {"uid": uid, "title": uid, "description": "", "tags": ["jobgauge"], "refresh": ""}
    return base | {"time": {"from": "now-1h", "to": "now"}, "panels": panels} | more


def query(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "query", "name": name, "query": text, "refresh": 2, "sort": 1, **more}


LINK = {"title": "This user's jobs", "url": '/d/kinds?var-user=${__data.fields["name"]:percentencode}'}
BOARDS = [
    board(
        "kinds",
        [
            panel("stat", "Stat of $user", 0, 0, description="About **$user**, with <i>no</i> HTML"),
            panel(
                "bargauge", "Bars", 12, 0, fieldConfig={"defaults": {"displayName": "${__field.labels.name}"}}
            ),
            panel(
                "table",
                "Table",
                0,
                8,
                fieldConfig={
                    "defaults": {},
                    "overrides": [
                        {
                            "matcher": {"id": "byName", "options": "name"},
                            "properties": [{"id": "links", "value": [LINK]}],
                        }
                    ],
                },
            ),
            panel("timeseries", "Lines", 12, 8),
            panel("state-timeline", "States", 0, 16),
        ],
        templating={"list": [query("user", "label_values(hpc_job_cpus, user)")]},
    ),
    board(
        "choices",
        [
            panel("stat", "One of $each", 0, 0, repeat="each", repeatDirection="h"),
            {
                "id": 1,
                "type": "row",
                "title": "Closed",
                "collapsed": True,
                "gridPos": {"x": 0, "y": 8, "w": 24, "h": 1},
            }
            | {"panels": [panel("timeseries", "In the row", 0, 9)]},
        ],
        templating={
            "list": [
                query("cluster", "label_values(up, cluster)", multi=True, includeAll=True, allValue=".*")
                | {"current": {"value": ["$__all"]}},
                query("account", 'label_values(up{cluster=~"$cluster"}, account)'),
                {
                    "type": "custom",
                    "name": "each",
                    "query": "a, b, c",
                    "multi": True,
                    "current": {"value": ["a", "b"]},
                },
                {"type": "textbox", "name": "words", "query": "typed"},
                {"type": "interval", "name": "every", "query": "1m,5m"},
                {"type": "constant", "name": "fixed", "query": "same"},
            ]
        },
    ),
    board(
        "unknown",
        [panel("piechart", "Pie", 0, 0), panel("stat", "Fine", 12, 0)],
    ),
    board("many", [panel("timeseries", "A thousand", 0, 0)]),
]


class Answers:
    """What the gateway says, by the call; a test changes it, and sees what was asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.reset()

    def reset(self) -> None:
        self.names = ["alpha", "beta"]
        self.values: Callable[[str, Form], Any] = lambda label, _: [f"{label}1", f"{label}2"]
        self.asked: list[tuple[str, Form]] = []
        self.store.behave = self.behave

    def behave(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        url = urlsplit(handler.path)
        call = url.path.removeprefix("/api/v1/")
        form = parse_qs(url.query or body.decode())
        self.asked.append((call, form))
        say(self._answer(call, form))(handler, body)

    def _answer(self, call: str, form: Form) -> bytes:
        if call == "whoami":
            return success({"login": "alice", "staff": False, "leads": [], "accounts": []}, "")
        if label := re.fullmatch(r"label/(\w+)/values", call):
            return success(self.values(label[1], form), "")
        if call == "query":
            return success(
                [{"metric": {"name": name}, "value": [0, str(i + 1)]} for i, name in enumerate(self.names)]
            )
        start, end, step = (float(form[name][0]) for name in ("start", "end", "step"))
        times = [start + i * step for i in range(int((end - start) / step) + 1)]
        rows = [
            {"metric": {"name": name}, "values": [[t, str(i + 1)] for t in times]}
            for i, name in enumerate(self.names)
        ]
        return success(rows, "matrix")

    def queries(self, word: str) -> list[str]:
        return [form["query"][0] for call, form in self.asked if "query" in form and word in form["query"][0]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Answers, Callable[..., Any]]]:
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
def answers(running: tuple[Answers, Callable[..., Any]]) -> Answers:
    running[0].reset()
    return running[0]


@pytest.fixture
def seen(answers: Answers, running: tuple[Answers, Callable[..., Any]]) -> Iterator[Seen]:
    with running[1]() as page:
        yield page


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


def test_a_phone_shows_one_column(answers: Answers, running: tuple[Answers, Callable[..., Any]]) -> None:
    with running[1](viewport={"width": 390, "height": 844}, has_touch=True) as seen:
        seen.open("/d/kinds")
        boxes = seen.page.locator(".panel").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().toJSON())"
        )
        assert {round(box["left"]) for box in boxes} == {10}
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert all(box["height"] > 90 for box in boxes)
        seen.picture("phone")


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
