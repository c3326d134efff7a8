"""Boards with a panel of each kind, and a gateway that says of them what a test wants: for tests of the viewer's page."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.browser import success
from tests.support.gateway import Store, say

Form = dict[str, list[str]]


def panel(kind: str, title: str, x: int, y: int, **more: Any) -> dict[str, Any]:
    """Return a panel of a kind, whose metric is named after it."""
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
    """Return a board."""
    base = {"uid": uid, "title": uid, "description": "", "tags": ["jobgauge"], "refresh": ""}
    return base | {"time": {"from": "now-1h", "to": "now"}, "panels": panels} | more


def query(name: str, text: str, **more: Any) -> dict[str, Any]:
    """Return a variable that is asked for."""
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


Site = tuple[Answers, Callable[..., Any]]  # what the gateway says, and how to open a page
