"""The house style, set once: units, colours, thresholds, and what every panel of a kind looks like.

Colours keep their meaning for colour-blind readers (blue, orange, red differ in lightness too) and in both themes:
named ones are Grafana's own, which it adapts to the theme. No panel says anything by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, NamedTuple

Json = dict[str, Any]

GOOD, FAIR, POOR, NEUTRAL, MUTED = "blue", "orange", "semi-dark-red", "text", "semi-dark-purple"

# The colours of Okabe and Ito, for series whose meaning is known: the first query, the second, …
SERIES = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#999999", "#F0E442")

# What goes in and what comes out has the same colours everywhere.
DIRECTIONS = {"read": SERIES[0], "write": SERIES[1], "receive": SERIES[0], "transmit": SERIES[1]}

# How jobs end, by the scheduler's final state.
ENDS = {
    "completed": SERIES[0],
    "failed": SERIES[5],
    "timeout": SERIES[1],
    "out_of_memory": SERIES[3],
    "node_fail": SERIES[7],
    "cancelled": SERIES[6],
}

NO_VALUE = "No data"


class Unit(Enum):
    """What a number is, as Grafana's unit and decimals."""

    COUNT = ("short", None)
    WHOLE = ("locale", 0)
    TENTHS = ("locale", 1)
    CORE = ("percentunit", None)  # what a single process takes of a core
    RATIO = ("percentunit", 0)
    BYTES = ("bytes", None)
    BYTES_PER_SECOND = ("binBps", None)
    PER_SECOND = ("ops", None)
    PER_MINUTE = ("opm", None)
    SECONDS = ("s", None)
    DURATION = ("dtdurations", None)
    DATE = ("dateTimeAsIso", None)  # of milliseconds
    AGO = ("dateTimeFromNow", None)  # of milliseconds
    WATTS = ("watt", 0)
    KILOWATT_HOURS = ("kwatth", 1)
    GRAMS = ("massg", None)
    CELSIUS = ("celsius", 0)
    TEXT = ("string", None)

    @property
    def json(self) -> Json:
        """As Grafana's field configuration has it."""
        unit, decimals = self.value
        field: Json = {"unit": unit}
        if decimals is not None:
            field["decimals"] = decimals
        if self is Unit.RATIO:
            field |= {"min": 0, "max": 1}
        return field


class Step(NamedTuple):
    """From this value on, this colour."""

    value: float | None
    colour: str


Scale = tuple[Step, ...]

PLAIN: Scale = (Step(None, NEUTRAL),)


def low_is_bad(poor: float, fair: float) -> Scale:
    """Return thresholds for a figure that should be high, such as an efficiency."""
    return (Step(None, POOR), Step(poor, FAIR), Step(fair, GOOD))


def high_is_bad(fair: float, poor: float) -> Scale:
    """Return thresholds for a figure that should be low, such as an age."""
    return (Step(None, GOOD), Step(fair, FAIR), Step(poor, POOR))


def thresholds(scale: Scale) -> Json:
    """Return a scale as Grafana has it."""
    return {"mode": "absolute", "steps": [{"value": step.value, "color": step.colour} for step in scale]}


class Word(NamedTuple):
    """A verdict: values from `low` to `high` are shown as this text in this colour."""

    low: float | None
    high: float | None
    text: str
    colour: str


def words(*verdicts: Word) -> list[Json]:
    """Return value mappings that put words for numbers."""
    return [
        {
            "type": "range",
            # An open end must be left out: Grafana takes null for 0.
            "options": {
                **({"from": verdict.low} if verdict.low is not None else {}),
                **({"to": verdict.high} if verdict.high is not None else {}),
                "result": {"text": verdict.text, "color": verdict.colour, "index": index},
            },
        }
        for index, verdict in enumerate(verdicts)
    ]


def nothing(text: str) -> Json:
    """Return the value mapping that keeps a missing value out of the thresholds' colours."""
    return {
        "type": "special",
        "options": {"match": "null", "result": {"text": text, "color": NEUTRAL, "index": 0}},
    }


def fixed(colour: str) -> Json:
    """Return one colour for all of a series."""
    return {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}


def by_name(colours: Mapping[str, str]) -> list[Json]:
    """Return overrides that give series with known names their colours."""
    return [
        {"matcher": {"id": "byName", "options": name}, "properties": [fixed(colour)]}
        for name, colour in colours.items()
    ]


def by_query(ids: Iterable[str]) -> list[Json]:
    """Return overrides that give each query's series one colour."""
    return [
        {"matcher": {"id": "byFrameRefID", "options": ref}, "properties": [fixed(colour)]}
        for ref, colour in zip(ids, SERIES, strict=False)
    ]


_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_FIELD = {"noValue": NO_VALUE, "thresholds": thresholds(PLAIN), "mappings": []}

# What every panel of a kind looks like unless it says otherwise.
HOUSE: dict[str, Json] = {
    "timeseries": {
        "fieldConfig": {
            "defaults": {
                **_FIELD,
                "min": 0,
                "color": {"mode": "palette-classic"},
                "custom": {
                    "lineWidth": 2,
                    "fillOpacity": 8,
                    "showPoints": "auto",
                    "pointSize": 4,
                    "spanNulls": False,
                    "stacking": {"mode": "none", "group": "A"},
                },
            }
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    },
    "stat": {
        "fieldConfig": {"defaults": {**_FIELD, "color": {"mode": "thresholds"}}},
        "options": {
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "center",
            "textMode": "value",
            "text": {"titleSize": 14, "valueSize": 28},
            "wideLayout": False,
            "reduceOptions": _LAST,
        },
    },
    "bargauge": {
        "fieldConfig": {
            "defaults": {**_FIELD, "color": {"mode": "fixed", "fixedColor": SERIES[0]}, "min": 0}
        },
        "options": {
            "displayMode": "basic",
            "orientation": "horizontal",
            "reduceOptions": _LAST,
            "showUnfilled": True,
            "valueMode": "text",
            "minVizHeight": 18,
            "maxVizHeight": 28,
            "namePlacement": "left",
            "sizing": "manual",
            "text": {"valueSize": 12},
        },
    },
    "table": {
        "fieldConfig": {
            "defaults": {
                **_FIELD,
                "custom": {
                    "align": "auto",
                    "cellOptions": {"type": "auto"},
                },
            }
        },
        "options": {
            "showHeader": True,
            "cellHeight": "sm",
        },
    },
    "state-timeline": {
        "fieldConfig": {
            "defaults": {
                **_FIELD,
                "noValue": "",
                "color": {"mode": "fixed", "fixedColor": SERIES[0]},
                "custom": {"lineWidth": 0, "fillOpacity": 80},
            }
        },
        "options": {
            "mergeValues": True,
            "showValue": "never",
            "rowHeight": 0.85,
            "legend": {"displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": False},
            "tooltip": {"mode": "single", "sort": "none"},
        },
    },
    "heatmap": {
        "fieldConfig": {"defaults": {**_FIELD, "custom": {}}},
        "options": {
            "calculate": False,
            "color": {
                "mode": "scheme",
                "scheme": "Blues",
                "fill": "blue",
                "steps": 32,
                "exponent": 0.5,
                "reverse": False,
            },
            "cellGap": 1,
            "legend": {"show": True},
            "tooltip": {"mode": "single", "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "reverse": False},
            "rowsFrame": {"layout": "auto"},
            "filterValues": {"le": 1e-9},
        },
    },
}
