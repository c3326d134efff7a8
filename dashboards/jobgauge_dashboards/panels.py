"""Panels: one function a kind. All else about a panel's looks comes from `style.HOUSE`; grafanalib stays behind here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any, NamedTuple

from grafanalib import core
from grafanalib._gen import DashboardEncoder

from jobgauge_dashboards import style
from jobgauge_dashboards.style import Json, Scale, Unit, Word

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

_KINDS = {
    "timeseries": core.TimeSeries,
    "stat": core.Stat,
    "bargauge": core.BarGauge,
    "table": core.Table,
    "state-timeline": core.StateTimeline,
    "heatmap": core.Heatmap,
}
_LABEL = re.compile(r"\{\{(\w+)\}\}")
# What grafanalib writes for Grafana versions that are gone.
_DEAD = frozenset(
    [
        "cacheTimeout",
        "cards",
        "color",
        "columns",
        "dataFormat",
        "editable",
        "error",
        "fontSize",
        "heatmap",
        "height",
        "hideTimeOverride",
        "hideZeroBuckets",
        "highlightCards",
        "legend",
        "mappings",
        "maxPerRow",
        "minSpan",
        "repeatDirection",
        "reverseYBuckets",
        "span",
        "tooltip",
        "xAxis",
        "xBucketNumber",
        "xBucketSize",
        "yAxis",
        "yBucketBound",
        "yBucketNumber",
        "yBucketSize",
    ]
)


class About(NamedTuple):
    """What stands behind a panel's (i): no panel without all three."""

    shows: str
    computed: str
    misleads: str

    @property
    def text(self) -> str:
        """As Grafana shows it."""
        return f"{self.shows}\n\n**How:** {self.computed}\n\n**Beware:** {self.misleads}"


class Query(NamedTuple):
    """A PromQL query; its legend may use `{{label}}`."""

    expr: str
    legend: str = ""


class Link(NamedTuple):
    """A link from a value to another place."""

    title: str
    url: str

    @property
    def json(self) -> Json:
        """As Grafana has it."""
        return {"title": self.title, "url": self.url, "targetBlank": False}


@dataclass(frozen=True)
class Panel:
    """A panel before it has a place; width in 24ths of the page, 0 for an equal share of its row."""

    kind: str
    title: str
    description: str
    queries: Sequence[Json] = ()
    extra: Json = field(default_factory=dict)
    width: int = 0
    height: int = 8

    def to_json(self) -> Json:
        """Return Grafana's JSON: grafanalib's, then the house style, then the panel's own."""
        look = merge(merge({"fieldConfig": {"overrides": []}}, style.HOUSE[self.kind]), self.extra)
        made = _KINDS[self.kind](
            title=self.title,
            description=self.description,
            dataSource=DATASOURCE if self.queries else None,
            targets=list(self.queries),
            maxDataPoints=None,
            extraJson=look,
        )
        raw = json.loads(json.dumps(made.to_json_data(), cls=DashboardEncoder))
        if self.kind in ("heatmap", "bargauge"):  # grafanalib has their options of Grafana 7
            raw["options"] = look["options"]
        defaults = raw["fieldConfig"]["defaults"]
        raw["fieldConfig"]["defaults"] = _set(defaults) | (
            {"custom": _set(defaults["custom"])} if "custom" in defaults else {}
        )
        return {key: value for key, value in _set(raw).items() if key not in _DEAD}


def _set(made: Json) -> Json:
    """Return what grafanalib has a value for."""
    return {key: value for key, value in made.items() if value is not None}


def merge(base: Json, more: Mapping[str, Any]) -> Json:
    """Merge nested dictionaries into `base`, and return it; lists are replaced."""
    for key, value in more.items():
        if isinstance(value, Mapping):
            here = base.get(key)
            base[key] = merge(here if isinstance(here, dict) else {}, value)
        else:
            base[key] = value
    return base


def timeseries(
    title: str,
    about: About,
    *queries: Query,
    unit: Unit,
    stack: bool = False,
    colours: Mapping[str, str] | None = None,
    lines: Sequence[str] = (),
    limits: Sequence[str] = (),
    no_value: str = style.NO_VALUE,
    width: int = 0,
    height: int = 8,
) -> Panel:
    """Series over time, side by side or stacked; `lines` and `limits` name series that stand beside the stack.

    Series have the colours of their places where each query makes one; `colours` are for names that have a meaning.
    """
    field_config = {**unit.json, "noValue": no_value}
    if stack:
        field_config["custom"] = {"stacking": {"mode": "normal"}, "fillOpacity": 60, "lineWidth": 1}
    overrides = style.by_name(colours or {})
    asked = targets(queries)
    if not colours and not any("{{" in query.legend for query in queries):
        overrides = style.by_query(target["refId"] for target in asked)
    overrides += [_drawn(name, _LINE) for name in lines] + [_drawn(name, _LIMIT) for name in limits]
    extra = {"fieldConfig": {"defaults": field_config, "overrides": overrides}}
    return Panel("timeseries", title, about.text, asked, extra, width, height)


# A line beside a stack, and one that is not to be passed.
_LINE: list[Json] = [
    {"id": "custom.fillOpacity", "value": 0},
    {"id": "custom.lineWidth", "value": 2},
    {"id": "custom.stacking", "value": {"mode": "none", "group": "lines"}},
]
_LIMIT: list[Json] = [
    *_LINE,
    style.fixed(style.NEUTRAL),
    {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
]


def _drawn(name: str, properties: Sequence[Json]) -> Json:
    return {"matcher": {"id": "byName", "options": name}, "properties": list(properties)}


def stat(
    title: str,
    about: About,
    *queries: Query,
    unit: Unit,
    scale: Scale = style.PLAIN,
    plain: Sequence[str] = (),
    no_value: str = style.NO_VALUE,
    width: int = 0,
    height: int = 4,
) -> Panel:
    """One number a series, as of the end of the time range; those named in `plain` have no part in the colours."""
    defaults = {
        **unit.json,
        "thresholds": style.thresholds(scale),
        "noValue": no_value,
        "mappings": [style.nothing(no_value)],
    }
    named = any(query.legend for query in queries)
    extra: Json = {
        "fieldConfig": {
            "defaults": defaults,
            "overrides": [
                _drawn(name, [{"id": "thresholds", "value": style.thresholds(style.PLAIN)}]) for name in plain
            ],
        },
        "options": {"textMode": "value_and_name"} if named else {},
    }
    return Panel("stat", title, about.text, targets(queries, instant=True), extra, width, height)


def verdict(
    title: str,
    about: About,
    query: Query,
    words: Mapping[str, Sequence[Word]],
    *,
    no_value: str,
    width: int = 0,
    height: int = 4,
) -> Panel:
    """One word a series instead of its number: `words` has what to say for each series' name."""
    overrides = [
        {"matcher": {"id": "byName", "options": name}, "properties": [mappings(said)]}
        for name, said in words.items()
    ]
    extra = {
        "fieldConfig": {"defaults": {"noValue": no_value}, "overrides": overrides},
        "options": {
            "colorMode": "background",
            "textMode": "value_and_name" if len(words) > 1 else "value",
            "text": {"titleSize": 14, "valueSize": 16},
            "wideLayout": False,
        },
    }
    return Panel("stat", title, about.text, targets([query], instant=True), extra, width, height)


def mappings(said: Sequence[Word]) -> Json:
    """Return the property that puts words for numbers."""
    return {"id": "mappings", "value": style.words(*said)}


def tiles(
    title: str,
    about: About,
    query: Query,
    verdicts: Sequence[Word],
    *,
    links: Sequence[Link] = (),
    width: int = 0,
    height: int = 8,
) -> Panel:
    """One small tile a series with its name, in the colour of what its value means."""
    defaults = {"mappings": style.words(*verdicts), "links": [link.json for link in links]}
    extra = {
        "fieldConfig": {"defaults": defaults},
        "options": {
            "colorMode": "background",
            "textMode": "name",
            "text": {"titleSize": 14, "valueSize": 14},
        },
    }
    return Panel("stat", title, about.text, targets([query], instant=True), extra, width, height)


def bars(
    title: str,
    about: About,
    *queries: Query,
    unit: Unit,
    scale: Scale = (),
    links: Sequence[Link] = (),
    no_value: str = style.NO_VALUE,
    width: int = 0,
    height: int = 9,
) -> Panel:
    """One horizontal bar a series, as of the end of the time range."""
    defaults: Json = {**unit.json, "links": [link.json for link in links], "noValue": no_value}
    defaults["mappings"] = [style.nothing(no_value)]
    if label := _LABEL.fullmatch(queries[0].legend):
        defaults["displayName"] = f"${{__field.labels.{label[1]}}}"  # else a single bar has no name
    if scale:
        defaults |= {"thresholds": style.thresholds(scale), "color": {"mode": "thresholds"}}
    extra = {"fieldConfig": {"defaults": defaults}}
    return Panel("bargauge", title, about.text, targets(queries, instant=True), extra, width, height)


def states(
    title: str, about: About, query: Query, verdicts: Sequence[Word], *, width: int = 0, height: int = 8
) -> Panel:
    """A band a series over time, coloured by what its value means."""
    extra = {"fieldConfig": {"defaults": {"mappings": style.words(*verdicts)}}}
    return Panel("state-timeline", title, about.text, targets([query]), extra, width, height)


def heatmap(title: str, about: About, expr: str, *, unit: Unit, width: int = 0, height: int = 8) -> Panel:
    """How a histogram's buckets (`sum by (le)`) fill over time."""
    asked = targets([Query(expr, "{{le}}")], form="heatmap")
    extra = {"options": {"yAxis": {"unit": unit.value[0]}}}
    return Panel("heatmap", title, about.text, asked, extra, width, height)


def targets(queries: Sequence[Query], *, instant: bool = False, form: str = "time_series") -> list[Json]:
    """Return queries as Grafana has them."""
    if len(queries) > len(ascii_uppercase):
        raise ValueError(
            f"{len(queries)} queries in one panel; Grafana has letters for {len(ascii_uppercase)}"
        )
    return [
        {
            "datasource": DATASOURCE,
            "refId": ref,
            "expr": query.expr,
            "legendFormat": query.legend,
            "format": form,
            "instant": instant,
            "range": not instant,
            "editorMode": "code",
        }
        for ref, query in zip(ascii_uppercase, queries, strict=False)
    ]
