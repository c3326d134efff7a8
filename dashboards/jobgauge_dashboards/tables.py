"""Tables: the rows of instant queries joined on their labels, a column each label or query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from jobgauge_dashboards import style
from jobgauge_dashboards.panels import About, Link, Panel, Query, mappings, targets
from jobgauge_dashboards.style import Json, Scale, Unit, Word


@dataclass(frozen=True)
class Column:
    """A column of a table: the label, or the name of the query, that it shows, and how."""

    source: str
    title: str
    unit: Unit = Unit.TEXT
    scale: Scale = ()
    mappings: Sequence[Word] = ()
    links: Sequence[Link] = ()
    bar: bool = False
    wrap: bool = False  # long text over several lines
    hidden: bool = False  # there for links to read
    width: int = 0


def table(
    title: str,
    about: About,
    queries: Mapping[str, str],
    columns: Sequence[Column],
    *,
    sort: str = "",
    no_rows: str = style.NO_VALUE,
    width: int = 0,
    height: int = 10,
) -> Panel:
    """Rows joined from instant queries: `queries` maps names to PromQL; all must aggregate to the same labels.

    A column shows a label or one of the queries. What no column names is not shown. `sort` is a column's title, largest
    value first.
    """
    ids = dict(zip(queries, ascii_uppercase, strict=False))
    # One query's values are in "Value"; with several, Grafana tells them apart by the query's letter.
    fields = {name: f"Value #{ids[name]}" if len(ids) > 1 else "Value" for name in queries}
    shown = {fields.get(column.source, column.source): column.title for column in columns}
    order = {name: place for place, name in enumerate(shown)}
    transformations = [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": list(shown)}}},
        {"id": "organize", "options": {"indexByName": order, "renameByName": shown, "excludeByName": {}}},
    ]
    extra: Json = {
        "fieldConfig": {
            "defaults": {"noValue": no_rows},
            "overrides": [_column(column) for column in columns],
        },
        "options": {"sortBy": [{"displayName": sort, "desc": True}] if sort else []},
        "transformations": transformations,
    }
    asked = targets([Query(expr) for expr in queries.values()], instant=True, form="table")
    return Panel("table", title, about.text, asked, extra, width, height)


# Pixels: what a date needs, a bar with its number, and headings by the letter and around it.
_WIDTHS = {Unit.DATE: 165, Unit.AGO: 135}
_NAMES = {"user": 95, "account": 110, "cluster": 95}
_BAR_WIDTH, _DURATION_WIDTH = 130, 95
_LETTER, _AROUND = 7.5, 32
_NO_CELL = "-"

# How a cell is drawn: for Grafana from 9.5 on, and before.
_COLOURED_TEXT: list[Json] = [
    {"id": "custom.cellOptions", "value": {"type": "color-text"}},
    {"id": "custom.displayMode", "value": "color-text"},
]
# Long text in several lines: for Grafana from 12.2 on, and before.
_WRAPPED: list[Json] = [
    {"id": "custom.wrapText", "value": True},
    {"id": "custom.cellOptions", "value": {"type": "auto", "wrapText": True}},
]
_BAR: list[Json] = [
    {"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}},
    {"id": "custom.displayMode", "value": "basic"},
    # Else bars begin at the least number of the column, and end at the largest of the table.
    {"id": "min", "value": 0},
    {"id": "fieldMinMax", "value": True},
    style.fixed(style.SERIES[0]),
]


def _column(column: Column) -> Json:
    properties: list[Json] = [{"id": key, "value": value} for key, value in column.unit.json.items()]
    properties.append({"id": "noValue", "value": _NO_CELL})
    properties.append({"id": "custom.filterable", "value": column.unit is Unit.TEXT})
    if column.scale:
        properties.append({"id": "thresholds", "value": style.thresholds(column.scale)})
        properties.append({"id": "mappings", "value": [style.nothing(_NO_CELL)]})
        properties += _COLOURED_TEXT
    if column.mappings:
        properties.append(mappings(column.mappings))
        properties += _COLOURED_TEXT
    if column.bar:
        properties += _BAR
    if column.wrap:
        properties += _WRAPPED
    if column.links:
        properties.append({"id": "links", "value": [link.json for link in column.links]})
    if column.hidden:
        properties.append({"id": "custom.hidden", "value": True})
    if width := column.width or _NAMES.get(column.source, 0) or _WIDTHS.get(column.unit, 0):
        properties.append({"id": "custom.width", "value": width})
    else:
        properties.append({"id": "custom.minWidth", "value": _least_width(column)})
    return {"matcher": {"id": "byName", "options": column.title}, "properties": properties}


def _least_width(column: Column) -> int:
    """Return what the heading needs, with its sign for sorting and, over text, the one for filtering."""
    heading = round(_LETTER * len(column.title)) + _AROUND + (20 if column.unit is Unit.TEXT else 0)
    content = _BAR_WIDTH if column.bar else _DURATION_WIDTH if column.unit is Unit.DURATION else 0
    return max(content, heading)
