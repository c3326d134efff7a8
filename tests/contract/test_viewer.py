"""What the viewer draws is what the boards say: each holds to the subset, and the subset to what is written in JavaScript."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from jobgauge_view import subset

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "dashboards/jobgauge_view/static"
BOARDS = {path.stem: json.loads(path.read_text()) for path in ROOT.glob("dashboards/json/*/*.json")}
SAMPLE = BOARDS["jobgauge-cluster-overview"]


def test_there_are_boards() -> None:
    assert BOARDS


@pytest.mark.parametrize("uid", BOARDS)
def test_the_viewer_draws_all_of_a_board(uid: str) -> None:
    titles = {str(panel["id"]): panel["title"] for panel in subset._panels(BOARDS[uid]["panels"])} | {
        "": "the board"
    }
    faults = [
        f"{titles[place]}: {fault}"
        for place, found in subset.not_drawn(BOARDS[uid]).items()
        for fault in dict.fromkeys(found)
    ]
    assert not faults, (
        "jobgauge-view does not draw this; see docs/viewer-subset.md, or teach it: " + "; ".join(faults)
    )


def _changed(path: str, value: Any) -> dict[str, Any]:
    """The sample board with one thing said otherwise: `panels.TYPE` is the first panel of a type."""
    board = copy.deepcopy(SAMPLE)
    at: Any = board
    *keys, last = path.split("/")
    for key in keys:
        if key.startswith("panels."):
            at = next(panel for panel in at["panels"] if panel["type"] == key.removeprefix("panels."))
        elif isinstance(at, list):
            at = at[int(key)]
        else:
            at = at[key]
    at[last] = value
    return board


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("panels.stat/type", "piechart", "piechart"),
        ("panels.stat/options/graphMode", "area", "graphMode: 'area'"),
        ("panels.stat/options/sparkle", 1, "sparkle is not known"),
        ("panels.stat/timeFrom", "1h", "timeFrom is not known"),
        ("panels.stat/fieldConfig/defaults/unit", "furlongs", "'furlongs'"),
        ("panels.timeseries/fieldConfig/defaults/custom/drawStyle", "spline", "'spline'"),
        ("panels.timeseries/fieldConfig/defaults/custom/scaleDistribution/type", "log", "'log'"),
        ("panels.table/transformations/0/id", "calculateField", "'calculateField'"),
        ("panels.table/fieldConfig/overrides/0/properties", [{"id": "unit", "value": "ells"}], "'ells'"),
        (
            "panels.table/fieldConfig/overrides/0/properties",
            [{"id": "custom.inspect", "value": 1}],
            "custom.inspect",
        ),
        ("panels.table/fieldConfig/overrides/0/matcher/id", "byRegexp", "'byRegexp'"),
        ("panels.table/options/showHeader", False, "showHeader"),
        ("templating/list/0/type", "adhoc", "'adhoc'"),
        ("timezone", "Mars/Olympus", "timezone"),
    ],
)
def test_what_the_viewer_does_not_draw_is_named_where_it_stands(path: str, value: Any, named: str) -> None:
    board = _changed(path, value)
    kind = path.partition("/")[0].removeprefix("panels.")
    place = ""
    if path.startswith("panels."):
        kind = "piechart" if path == "panels.stat/type" else kind
        place = str(next(panel["id"] for panel in board["panels"] if panel["type"] == kind))
    found = subset.not_drawn(board)
    assert list(found) == [place]
    assert named in found[place][0]


def test_a_panel_in_a_closed_row_is_looked_at_too() -> None:
    row = {"id": 99, "type": "row", "title": "x", "collapsed": True, "panels": [{"id": 100, "type": "news"}]}
    board = copy.deepcopy(SAMPLE)
    board["panels"].append(row)
    assert list(subset.not_drawn(board)) == ["100"]


def test_every_unit_and_panel_of_the_subset_is_written() -> None:
    units = (STATIC / "units.js").read_text()
    written = set()
    for table in ("SCALES", "WORDS"):
        body = re.search(rf"const {table} = {{\n(.*?)\n}};", units, re.DOTALL)
        assert body is not None
        written |= set(re.findall(r'^  "?(\w*)"?[:,]', body[1], re.MULTILINE))
    assert written == set(subset.UNITS)
    kinds = re.search(r"const KINDS = {(.*?)}", (STATIC / "panel.js").read_text())
    assert kinds is not None
    assert {part.split(":")[0].strip(' "') for part in kinds[1].split(",")} == set(subset.PANELS)


def test_the_page_of_the_subset_is_the_subset() -> None:
    assert (ROOT / "docs/viewer-subset.md").read_text() == subset.page(), "run `make generate`"


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.*")), ids=lambda path: path.name)
def test_the_page_asks_nobody_else_and_evaluates_nothing(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for url in re.findall(r"https?://[^\s\"'`)]+", text):
        assert url == "http://www.w3.org/2000/svg", url
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc", text
    )
