"""Which calls of the query API there are for whom. What is not here is not found, and the store never hears of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

_LABEL_PATH = re.compile(r"/api/v1/label/([A-Za-z_][A-Za-z0-9_]*)/values")


class Kind(Enum):
    """What is done with a call."""

    QUERY = auto()  # the parameter `query` is rewritten
    RANGE = auto()  # and the number of points held down
    MATCH = auto()  # every match[] is scoped; one is made where none is given
    PASS = auto()  # nothing in the answer belongs to anybody
    STAFF = auto()  # passed for staff; others get an empty answer
    STATIC = auto()  # answered here
    CALLER = auto()  # answered here: who asks, as what


@dataclass(frozen=True)
class Endpoint:
    """One call: its path, methods and parameters."""

    name: str
    kind: Kind
    methods: tuple[str, ...] = ("GET",)
    single: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    own: bytes = b""  # the answer that is given here

    @property
    def path(self) -> str:
        """Where the store has it."""
        return f"/api/v1/{self.name}"


_BOTH = ("GET", "POST")
_WHEN = frozenset(["start", "end"])
_HOW = frozenset(["timeout", "limit", "lookback_delta"])
_MATCH = frozenset(["match[]"])
_RULES = frozenset(["rule_name[]", "rule_group[]", "file[]", "match[]"])

# Grafana asks for this to learn which features the store has.
_BUILD = (
    b'{"status":"success","data":{"version":"2.42.0","revision":"","branch":"","buildUser":"jobgauge-gateway",'
    b'"buildDate":"","goVersion":""}}'
)
_NO_RULES = b'{"status":"success","data":{"groups":[]}}'
_NO_ALERTS = b'{"status":"success","data":{"alerts":[]}}'

_TABLE = (
    Endpoint("query", Kind.QUERY, _BOTH, frozenset(["query", "time"]) | _HOW),
    Endpoint("query_range", Kind.RANGE, _BOTH, frozenset(["query", "step"]) | _WHEN | _HOW),
    Endpoint("query_exemplars", Kind.QUERY, _BOTH, frozenset(["query"]) | _WHEN),
    Endpoint("series", Kind.MATCH, _BOTH, _WHEN | {"limit"}, _MATCH),
    Endpoint("labels", Kind.MATCH, _BOTH, _WHEN | {"limit"}, _MATCH),
    Endpoint("metadata", Kind.PASS, single=frozenset(["metric", "limit", "limit_per_metric"])),
    Endpoint("status/buildinfo", Kind.STATIC, own=_BUILD),
    Endpoint("whoami", Kind.CALLER),
    Endpoint("rules", Kind.STAFF, ("GET",), frozenset(["type", "exclude_alerts"]), _RULES, _NO_RULES),
    Endpoint("alerts", Kind.STAFF, own=_NO_ALERTS),
)
_BY_PATH = {endpoint.path: endpoint for endpoint in _TABLE}
NAMES = (*(endpoint.name for endpoint in _TABLE), "label", "none")  # as they are counted


def find(path: str) -> Endpoint | None:
    """Return the call at exactly this path, as it stands in the request line."""
    if label := _LABEL_PATH.fullmatch(path):
        return Endpoint(f"label/{label[1]}/values", Kind.MATCH, ("GET",), _WHEN | {"limit"}, _MATCH)
    return _BY_PATH.get(path)


def counted_as(endpoint: Endpoint | None) -> str:
    """Return the name under which a call is counted: labels of callers' choice would grow the metrics without end."""
    if endpoint is None:
        return "none"
    return "label" if endpoint.name.startswith("label/") else endpoint.name
