"""How panels get their places and looks: what a board's file relies on without saying so."""

from __future__ import annotations

import pytest

from jobgauge_dashboards import style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Panel, Query, merge, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Json, Unit, Word
from jobgauge_dashboards.tables import Column, table

ABOUT = About("It shows.", "So it is computed.", "So it misleads.")


def number(title: str, width: int = 0, height: int = 4) -> Panel:
    return stat(title, ABOUT, Query("up"), unit=Unit.WHOLE, width=width, height=height)


def placed(*rows: Row) -> list[Json]:
    board = Board("b", "B", "Why?", Role.STAFF, (), rows)
    found: list[Json] = board.to_json(Settings())["panels"]
    return found


def places(panels: list[Json]) -> list[tuple[int, int, int, int]]:
    return [tuple(panel["gridPos"][key] for key in "xywh") for panel in panels if panel["type"] != "row"]  # type: ignore[misc]


def test_a_line_is_filled_and_its_panels_are_as_high_as_the_highest() -> None:
    panels = placed(Row("R", [[number("a"), number("b", height=7), number("c"), number("d"), number("e")]]))
    assert places(panels) == [(0, 1, 5, 7), (5, 1, 5, 7), (10, 1, 5, 7), (15, 1, 5, 7), (20, 1, 4, 7)]


def test_a_panel_that_names_its_width_has_it() -> None:
    assert places(placed(Row("R", [[number("a", width=18), number("b")]]))) == [(0, 1, 18, 4), (18, 1, 6, 4)]


def test_a_closed_row_holds_its_panels_and_takes_one_line() -> None:
    panels = placed(Row("R", [[number("a")]], closed=True), Row("S", [[number("b")]]))
    assert [panel["title"] for panel in panels] == ["R", "S", "b"]
    assert [panel["title"] for panel in panels[0]["panels"]] == ["a"]
    assert [panel["gridPos"]["y"] for panel in panels] == [0, 1, 2]


def test_an_open_end_of_a_verdict_is_left_out_because_grafana_takes_null_for_zero() -> None:
    low, high = (
        mapping["options"]
        for mapping in style.words(Word(None, 1, "low", "red"), Word(1, None, "high", "blue"))
    )
    assert "from" not in low
    assert "to" not in high
    assert (low["to"], high["from"]) == (1, 1)


def test_thresholds_name_the_worse_side() -> None:
    assert style.low_is_bad(0.5, 0.75) == ((None, style.POOR), (0.5, style.FAIR), (0.75, style.GOOD))
    assert style.high_is_bad(10, 20) == ((None, style.GOOD), (10, style.FAIR), (20, style.POOR))


def test_the_panels_own_settings_win_over_the_house() -> None:
    made = timeseries("t", ABOUT, Query("up", "up"), unit=Unit.RATIO, stack=True).to_json()
    defaults = made["fieldConfig"]["defaults"]
    assert (defaults["unit"], defaults["max"]) == ("percentunit", 1)
    assert defaults["custom"]["stacking"] == {"mode": "normal", "group": "A"}
    assert style.HOUSE["timeseries"]["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "none"


def test_merging_replaces_lists_and_keeps_what_is_not_named() -> None:
    assert merge({"a": {"b": 1, "c": [1]}}, {"a": {"c": [2]}, "d": 3}) == {"a": {"b": 1, "c": [2]}, "d": 3}


def test_a_table_finds_a_single_query_and_several_by_the_names_that_grafana_gives_them() -> None:
    def fields(queries: dict[str, str]) -> dict[str, str]:
        columns = [Column("user", "User"), *(Column(name, name.upper(), Unit.WHOLE) for name in queries)]
        organize = table("t", ABOUT, queries, columns).to_json()["transformations"][-1]
        renamed: dict[str, str] = organize["options"]["renameByName"]
        return renamed

    assert fields({"a": "x"}) == {"user": "User", "Value": "A"}
    assert fields({"a": "x", "b": "y"}) == {"user": "User", "Value #A": "A", "Value #B": "B"}


def test_more_queries_than_grafana_has_letters_are_refused() -> None:
    with pytest.raises(ValueError, match="27 queries"):
        stat("s", ABOUT, *[Query("up")] * 27, unit=Unit.WHOLE)
