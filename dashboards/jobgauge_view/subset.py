"""What the viewer draws of Grafana's boards, as data: a path in the JSON, and the values that it may have there.

A list is `[]` in a path, and `*` stands for any key below. A board that says anything else is not drawn at a guess: its
panel shows what it is, and `tests/contract` holds all boards of the suite to this table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple


class Said(NamedTuple):
    """What may stand at a path: these values; every one where there is no list."""

    values: tuple[Any, ...] = ()
    drawn: bool = True  # False: it changes nothing that could be seen here

    def allows(self, value: object) -> bool:
        """Tell whether a value may stand here."""
        return not self.values or any(value == one and type(value) is type(one) for one in self.values)


ANY = Said()
UNSEEN = Said(drawn=False)


def _one(*values: Any) -> Said:
    return Said(values)


UNITS = (
    "", "none", "short", "locale", "string",
    "percent", "percentunit",
    "bytes", "decbytes", "binBps", "Bps",
    "ops", "opm", "reqps", "hertz",
    "ns", "ms", "s", "dtdurations", "dateTimeAsIso", "dateTimeFromNow",
    "watt", "kwatth", "joule", "massg", "celsius",
)  # fmt: skip
CALCS = ("lastNotNull", "last", "firstNotNull", "max", "min", "mean", "sum", "count", "range")

_LINKS = {"links[].title": ANY, "links[].url": ANY, "links[].targetBlank": ANY}
_TARGET = {
    "targets[].expr": ANY,
    "targets[].legendFormat": ANY,
    "targets[].refId": ANY,
    "targets[].instant": ANY,
    "targets[].range": ANY,
    "targets[].format": _one("time_series", "table", "heatmap"),
    "targets[].hide": _one(False),
    "targets[].interval": ANY,
    "targets[].datasource.*": UNSEEN,
    "targets[].editorMode": UNSEEN,
}
_PANEL = {
    "id": ANY,
    "type": ANY,
    "title": ANY,
    "description": ANY,
    "transparent": ANY,
    "interval": ANY,
    "maxDataPoints": ANY,
    "repeat": ANY,
    "repeatDirection": _one("h", "v"),
    "maxPerRow": ANY,
    "gridPos.*": ANY,
    "datasource.*": UNSEEN,
    "pluginVersion": UNSEEN,
    **_LINKS,
    **_TARGET,
}
_FIELD = {
    "unit": _one(*UNITS),
    "decimals": ANY,
    "min": ANY,
    "max": ANY,
    "fieldMinMax": _one(True, False),
    "noValue": ANY,
    "displayName": ANY,
    "description": UNSEEN,
    "color.mode": _one("fixed", "palette-classic", "thresholds"),
    "color.fixedColor": ANY,
    "thresholds.mode": _one("absolute"),
    "thresholds.steps[].value": ANY,
    "thresholds.steps[].color": ANY,
    "mappings[].type": _one("value", "range", "special"),
    "mappings[].options.*": ANY,
    **_LINKS,
}
_REDUCED = {
    "reduceOptions.calcs[]": _one(*CALCS),
    "reduceOptions.fields": _one(""),
    "reduceOptions.values": _one(False),
}
_LEGEND = {
    "legend.displayMode": _one("list", "table", "hidden"),
    "legend.placement": _one("bottom", "right"),
    "legend.showLegend": ANY,
    "legend.calcs[]": _one(*CALCS),
    "tooltip.mode": _one("multi", "single", "none"),
    "tooltip.sort": UNSEEN,
}
_TIMESERIES_CUSTOM = {
    "custom.drawStyle": _one("line", "bars", "points"),
    "custom.lineInterpolation": _one("linear", "stepAfter", "stepBefore"),
    "custom.lineWidth": ANY,
    "custom.fillOpacity": ANY,
    "custom.fillBelowTo": _one(None),
    "custom.gradientMode": _one("none"),
    "custom.lineStyle.fill": _one("solid", "dash"),
    "custom.lineStyle.dash[]": UNSEEN,
    "custom.showPoints": UNSEEN,
    "custom.pointSize": UNSEEN,
    "custom.spanNulls": _one(False, True),
    "custom.stacking.mode": _one("none", "normal"),
    "custom.stacking.group": ANY,
    "custom.scaleDistribution.type": _one("linear"),
    "custom.scaleDistribution.log": UNSEEN,
    "custom.axisPlacement": _one("auto", "left"),
    "custom.axisLabel": ANY,
    "custom.axisSoftMin": ANY,
    "custom.axisSoftMax": ANY,
    "custom.barAlignment": UNSEEN,
    "custom.thresholdsStyle.mode": _one("off", "line"),
    "custom.hideFrom.legend": _one(False, True),
    "custom.hideFrom.tooltip": _one(False, True),
    "custom.hideFrom.viz": _one(False, True),
}
_TABLE_CUSTOM = {
    "custom.align": _one("auto", "left", "center", "right"),
    "custom.width": ANY,
    "custom.minWidth": UNSEEN,
    "custom.filterable": UNSEEN,
    "custom.hidden": _one(False, True),
    "custom.wrapText": _one(False, True),
    "custom.cellOptions.type": _one("auto", "color-text", "color-background", "gauge"),
    "custom.cellOptions.mode": _one("basic"),
    "custom.cellOptions.valueDisplayMode": _one("text"),
    "custom.cellOptions.wrapText": _one(False, True),
    "custom.displayMode": UNSEEN,  # cellOptions says it for Grafana from 9.5 on, and here
}
_TRANSFORMATIONS = {
    "transformations[].id": _one("merge", "filterFieldsByName", "organize"),
    "transformations[].options.include.names[]": ANY,
    "transformations[].options.indexByName.*": ANY,
    "transformations[].options.renameByName.*": ANY,
    "transformations[].options.excludeByName.*": ANY,
}
# Where Grafana has options and fields of a panel.
_OPTIONS: Mapping[str, Mapping[str, Said]] = {
    "text": {"mode": _one("markdown"), "content": ANY, "code.*": UNSEEN},
    "stat": {
        "colorMode": _one("value", "background", "none"),
        "graphMode": _one("none"),
        "justifyMode": _one("auto", "center"),
        "orientation": UNSEEN,
        "textMode": _one("auto", "value", "value_and_name", "name"),
        "wideLayout": _one(False),
        "text.titleSize": ANY,
        "text.valueSize": ANY,
        "percentChangeColorMode": UNSEEN,
        "showPercentChange": _one(False),
        **_REDUCED,
    },
    "bargauge": {
        "displayMode": _one("basic"),
        "orientation": _one("horizontal"),
        "showUnfilled": _one(True),
        "valueMode": _one("text", "color"),
        "namePlacement": _one("left", "auto"),
        "minVizHeight": UNSEEN,
        "maxVizHeight": UNSEEN,
        "sizing": UNSEEN,
        "text.titleSize": UNSEEN,
        "text.valueSize": UNSEEN,
        "legend.showLegend": _one(False),
        **_REDUCED,
    },
    "timeseries": _LEGEND,
    "table": {
        "showHeader": _one(True),
        "cellHeight": UNSEEN,
        "footer.show": _one(False),
        "footer.reducer[]": UNSEEN,
        "footer.fields": UNSEEN,
        "sortBy[].displayName": ANY,
        "sortBy[].desc": _one(True, False),
        "frameIndex": UNSEEN,
    },
    "state-timeline": {
        "mergeValues": _one(True),
        "showValue": _one("never", "auto"),
        "alignValue": UNSEEN,
        "rowHeight": ANY,
        **_LEGEND,
    },
    "heatmap": {
        "calculate": _one(False),
        "cellGap": UNSEEN,
        "color.mode": _one("scheme"),
        "color.scheme": _one("Blues", "Oranges"),
        "color.exponent": UNSEEN,
        "color.steps": UNSEEN,
        "color.fill": UNSEEN,  # of another mode
        "color.reverse": _one(False),
        "filterValues.le": ANY,
        "legend.show": UNSEEN,
        "rowsFrame.layout": _one("auto"),
        "tooltip.*": UNSEEN,
        "yAxis.unit": _one(*UNITS),
        "yAxis.axisPlacement": _one("left"),
        "yAxis.reverse": _one(False),
    },
}
_CUSTOM: Mapping[str, Mapping[str, Said]] = {
    "timeseries": _TIMESERIES_CUSTOM,
    "table": _TABLE_CUSTOM,
    "state-timeline": {"custom.lineWidth": UNSEEN, "custom.fillOpacity": ANY},
    "heatmap": {"custom.*": UNSEEN},
}
PANELS = tuple(_OPTIONS)

_VARIABLE = {
    "type": _one("query", "custom", "textbox", "interval", "constant", "datasource"),
    "name": ANY,
    "label": ANY,
    "query": ANY,
    "regex": ANY,
    "multi": _one(True, False),
    "includeAll": _one(True, False),
    "allValue": ANY,
    "sort": _one(0, 1, 2, 3, 4),
    "refresh": _one(0, 1, 2),
    "hide": _one(0, 1, 2),
    "current.*": ANY,
    "options[].*": ANY,
    "auto": _one(False),
    "skipUrlSync": _one(False),
    "description": UNSEEN,
    "definition": UNSEEN,
    "datasource.*": UNSEEN,
}
_ANNOTATION = {
    "name": ANY,
    "enable": ANY,
    "expr": ANY,
    "iconColor": ANY,
    "titleFormat": ANY,
    "textFormat": ANY,
    "step": ANY,
    "useValueForTime": _one("on", False),
    "hide": _one(False),
    "tagKeys": _one(""),
    "datasource.*": UNSEEN,
}
BOARD = {
    "uid": ANY,
    "title": ANY,
    "description": ANY,
    "tags[]": ANY,
    "time.from": ANY,
    "time.to": ANY,
    "refresh": ANY,
    "timezone": _one("browser", ""),
    "graphTooltip": _one(0, 1),
    "links[].type": _one("link", "dashboards"),
    "links[].title": ANY,
    "links[].url": ANY,
    "links[].tags[]": ANY,
    "links[].asDropdown": _one(True),
    "links[].includeVars": ANY,
    "links[].keepTime": ANY,
    "links[].targetBlank": ANY,
    "links[].tooltip": ANY,
    "links[].icon": UNSEEN,
    **{f"templating.list[].{path}": said for path, said in _VARIABLE.items()},
    **{f"annotations.list[].{path}": said for path, said in _ANNOTATION.items()},
    **dict.fromkeys(
        ("id", "version", "editable", "fiscalYearStartMonth", "liveNow", "schemaVersion", "weekStart"), UNSEEN
    ),
}
_ROW = {
    **dict.fromkeys(("id", "type", "title", "collapsed", "repeat", "gridPos.*"), ANY),
    "repeatDirection": UNSEEN,
    "datasource.*": UNSEEN,
}
_OVERRIDE = "fieldConfig.overrides[]"


@cache
def table(kind: str) -> Mapping[str, Said]:
    """Return what a panel of this kind may say, by path."""
    fields = {**_FIELD, **_CUSTOM.get(kind, {})}
    return {
        **_PANEL,
        **(_TRANSFORMATIONS if kind == "table" else {}),
        **{f"options.{path}": said for path, said in _OPTIONS[kind].items()},
        **{f"fieldConfig.defaults.{path}": said for path, said in fields.items()},
        f"{_OVERRIDE}.matcher.id": _one("byName", "byFrameRefID"),
        f"{_OVERRIDE}.matcher.options": ANY,
        # An override says of some fields what the defaults say of all.
        **{f"{_OVERRIDE}.{path}": said for path, said in fields.items()},
    }


def not_drawn(board: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what the viewer does not draw of a board, by the ids of its panels; of the board itself under ""."""
    found = {"": list(_faults({k: v for k, v in board.items() if k != "panels"}, BOARD))}
    for panel in _panels(board["panels"]):
        found[str(panel.get("id"))] = list(_of_panel(panel))
    return {place: faults for place, faults in found.items() if faults}


def _panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels") or [])


def _of_panel(panel: dict[str, Any]) -> Iterator[str]:
    kind = panel.get("type")
    if kind == "row":
        yield from _faults({k: v for k, v in panel.items() if k != "panels"}, _ROW)
    elif kind not in PANELS:
        yield f"panels of type {kind} are not drawn (these are: {', '.join(PANELS)})"
    else:
        yield from _faults(panel, table(kind))


def _faults(said: Any, allowed: Mapping[str, Said]) -> Iterator[str]:
    for path, value in _leaves(said):
        rule = _rule(path, allowed)
        if rule is None:
            yield f"{path} is not known"
        elif not rule.allows(value):
            yield f"{path}: {value!r} is not drawn (these are: {', '.join(map(repr, rule.values))})"


def _rule(path: str, allowed: Mapping[str, Said]) -> Said | None:
    if path in allowed:
        return allowed[path]
    parts = re.split(r"(?=\.)", path)
    return next(
        (allowed[key] for end in range(len(parts)) if (key := "".join(parts[:end]) + ".*") in allowed), None
    )


def _leaves(said: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what stands in the leaves, by path; an override's `{id, value}` as what it says at that id."""
    if isinstance(said, dict) and path == f"{_OVERRIDE}.properties[]":
        yield from _leaves(said.get("value"), f"{_OVERRIDE}.{said.get('id')}")
    elif isinstance(said, dict):
        for key, value in said.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(said, list):
        for value in said:
            yield from _leaves(value, f"{path}[]")
    elif said is not None:  # a null says nothing
        yield path, said


def page() -> str:
    """Return the table as a page of documentation."""
    lines = [
        "# What the viewer draws",
        "",
        "Written by `make generate` from `dashboards/jobgauge_view/subset.py`, which the viewer itself goes by. Paths are those in",
        "a board's JSON; a dash says that a path changes nothing here. What is not listed is named in its panel instead of being drawn.",
    ]
    sections = {"A board": BOARD, "Every panel": {**_PANEL, **_prefixed("fieldConfig.*.", _FIELD)}}
    for kind in PANELS:
        own = {**_prefixed("options.", _OPTIONS[kind]), **_prefixed("fieldConfig.*.", _CUSTOM.get(kind, {}))}
        sections[f"`{kind}`"] = {**own, **(_TRANSFORMATIONS if kind == "table" else {})}
    for title, rows in sections.items():
        lines += ["", f"## {title}", "", "| path | values |", "|---|---|"]
        lines += [f"| `{path}` | {_shown(said)} |" for path, said in rows.items()]
    return "\n".join(lines) + "\n"


def _prefixed(prefix: str, said: Mapping[str, Said]) -> dict[str, Said]:
    return {prefix + path: one for path, one in said.items()}


def _shown(said: Said) -> str:
    if not said.drawn:
        return "-"
    return (
        ", ".join(
            f"`{value!r}`" if not isinstance(value, str) else f"`{value or ' '}`" for value in said.values
        )
        or "any"
    )


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - what `make generate` writes
