"""Boards as Grafana opens them: variables resolved by their own queries, and what each panel then asks the gateway."""

from __future__ import annotations

import json
import math
import re
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tests.support.demo import Demo

Json = dict[str, Any]

VARIABLE = re.compile(r"\$(?:\{([a-zA-Z_][\w.]*)(?::\w+)?\}|([a-zA-Z_]\w*))")
SCRAPE_INTERVAL = 60  # seconds, as the demo writes it into the data source
_POINTS = 800  # that fit into a panel
_STEPS = (60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_UNITS = {"m": 60, "h": 3600, "d": 86400}
_ALL = "$__all"


def panels(board: Json, *, closed: bool = True) -> Iterator[Json]:
    """Yield a board's panels, its rows among them, and those in closed rows too."""
    for panel in board["panels"]:
        yield panel
        if closed:
            yield from panel.get("panels", [])


def written(demo: Demo) -> dict[str, Json]:
    """Return the boards that the demo has written for its Grafana, by uid."""
    files = [json.loads(path.read_text()) for path in demo.directory.glob("boards/*/*.json")]
    return {board["uid"]: board for board in files}


class Source(Protocol):
    """What Grafana asks."""

    def gateway(self, path: str, login: str, **parameters: object) -> Any:
        """Return the data of an answer to somebody."""


class Query(NamedTuple):
    """One query of a panel, as it is sent."""

    panel: str
    expr: str
    instant: bool


@dataclass
class Answer:
    """What one query of a panel got: series with their labels, or the refusal."""

    panel: str
    expr: str
    series: list[dict[str, str]] = field(default_factory=list)
    refused: str = ""


class Opened:
    """A board in somebody's browser."""

    def __init__(self, source: Source, login: str, board: Json, **url: str | list[str]) -> None:
        """Open it at its own time range; `url` are the variables that stand in the address."""
        self._source, self._login, self._board = source, login, board
        self._end = int(time.time())
        length, unit = re.fullmatch(r"now-(\d+)([mhd])", board["time"]["from"]).groups()  # type: ignore[union-attr]
        self._range = int(length) * _UNITS[unit]
        self._step = next((step for step in _STEPS if self._range / step <= _POINTS), _STEPS[-1])
        self.values: dict[str, str] = {}
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                self.values[variable["name"]] = self._value(variable, url.get(variable["name"]))

    def queries(self, *, closed: bool = True) -> Iterator[Query]:
        """Yield what every panel asks, those in closed rows too, and the annotations."""
        for panel in panels(self._board, closed=closed):
            for target in panel.get("targets", []):
                yield Query(panel["title"], self._filled(target["expr"]), target["instant"])
        for mark in self._board["annotations"]["list"]:
            yield Query(f"annotation {mark['name']}", self._filled(mark["expr"]), instant=False)

    def answer(self, query: Query) -> Answer:
        """Ask one of them."""
        try:
            found = self._results(query.expr, instant=query.instant)
        except urllib.error.HTTPError as error:
            return Answer(query.panel, query.expr, refused=error.read().decode())
        return Answer(query.panel, query.expr, [one["metric"] for one in found])

    def _results(self, expr: str, *, instant: bool) -> list[Json]:
        if instant:
            data = self._source.gateway("query", self._login, query=expr, time=self._end)
            return [one for one in data["result"] if not math.isnan(float(one["value"][1]))]
        aligned = self._end // self._step * self._step
        data = self._source.gateway(
            "query_range",
            self._login,
            query=expr,
            start=aligned - self._range,
            end=aligned,
            step=self._step,
        )
        return [one for one in data["result"] if any(not math.isnan(float(v)) for _, v in one["values"])]

    def _value(self, variable: Json, chosen: str | list[str] | None) -> str:
        """Return what stands for a variable in a query."""
        if chosen is None:
            chosen = variable["current"].get("value") or self._offered(variable)[:1]
        values = [chosen] if isinstance(chosen, str) else chosen
        if values == [_ALL]:
            return str(variable["allValue"])
        if not variable["multi"]:
            return "".join(values).replace("\\", "\\\\")
        escaped = [re.sub(r"[\\^$*+?.()|\[\]{}]", lambda found: "\\\\" + found[0], value) for value in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    def _offered(self, variable: Json) -> list[str]:
        """Return a variable's list, as Grafana makes it."""
        query = self._filled(variable["query"])
        if match := re.fullmatch(r"label_values\((.*), *(\w+)\)", query):
            parameters = {"match[]": match[1], "start": self._end - self._range, "end": self._end}
            found: list[str] = self._source.gateway(f"label/{match[2]}/values", self._login, **parameters)
        else:
            expr = re.fullmatch(r"query_result\((.*)\)", query)[1]  # type: ignore[index]
            found = [_as_text(one) for one in self._results(expr, instant=True)]
        if variable["regex"]:
            found = [match[1] for text in found if (match := re.search(variable["regex"].strip("/"), text))]
        return {0: found, 1: sorted(found), 4: sorted(found, key=_number, reverse=True)}[variable["sort"]]

    def _filled(self, text: str) -> str:
        built_in = {
            "__rate_interval": f"{max(self._step + SCRAPE_INTERVAL, 4 * SCRAPE_INTERVAL)}s",
            "__interval": f"{self._step}s",
            "__range": f"{self._range}s",
            "__range_s": str(self._range),
            "__user.login": self._login,
        }
        known = built_in | self.values
        return VARIABLE.sub(lambda match: known[match[1] or match[2]], text)


def _as_text(result: Json) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in result["metric"].items())
    return f"{{{labels}}} {result['value'][1]} {result['value'][0]}"


def _number(text: str) -> int:
    digits = re.search(r"\d+", text)
    return int(digits[0]) if digits else 0
