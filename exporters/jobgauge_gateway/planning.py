"""What is sent to the store for a call: made here from what was read, never taken from the request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobgauge_gateway import times
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.endpoints import Endpoint, Kind
from jobgauge_gateway.http_request import Parameters
from jobgauge_gateway.names import published
from jobgauge_gateway.policy import Scope
from jobgauge_gateway.problem import Problem
from jobgauge_gateway.promql.refusal import NotAllowed, Refused
from jobgauge_gateway.rewriter import Rewriter

_COUNT = re.compile(r"[0-9]{1,9}")
_METRIC = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]{0,254}")
_WORD = re.compile(r"[a-z]{1,10}")


@dataclass(frozen=True)
class Plan:
    """A request for the store, or the answer that needs none."""

    path: str = ""
    form: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    own: bytes = b""


class Planner:
    """Makes plans under one configuration."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._rewriter = Rewriter(published(config), config.query_limits)
        self._second_wall = config.upstream_kind == "victoriametrics"

    def plan(self, endpoint: Endpoint, parameters: Parameters, scope: Scope) -> Plan:
        """Return what to do for this caller; raise Problem where it may not be done."""
        if endpoint.kind is Kind.STATIC or (endpoint.kind is Kind.STAFF and not scope.staff):
            return Plan(own=endpoint.own)
        if endpoint.kind is Kind.CALLER:
            return Plan(own=_whoami(scope))
        if endpoint.kind is Kind.STAFF:
            return Plan(endpoint.path, self._of_staff(parameters), "GET")
        try:
            form = self._form(endpoint, parameters, scope)
        except Refused as refusal:
            raise Problem(403 if isinstance(refusal, NotAllowed) else 400, str(refusal)) from refusal
        # Values of labels and metadata are for GET only in Prometheus.
        return Plan(endpoint.path, form, "POST" if "POST" in endpoint.methods else "GET")

    def _form(self, endpoint: Endpoint, parameters: Parameters, scope: Scope) -> tuple[tuple[str, str], ...]:
        single = parameters.single
        form: list[tuple[str, str]] = []
        if endpoint.kind in (Kind.QUERY, Kind.RANGE):
            form.append(("query", self._rewriter.rewrite(_required(single, "query"), scope)))
        if endpoint.kind is Kind.RANGE:
            self._hold_points(single)
        if endpoint.kind is Kind.MATCH:
            form += [("match[]", selector) for selector in self._matches(parameters, scope)]
        form += [(name, self._value(name, text)) for name, text in single.items() if name != "query"]
        if "timeout" in endpoint.single and "timeout" not in single:
            form.append(("timeout", times.number(self._config.upstream_timeout)))
        if self._second_wall and endpoint.kind is not Kind.PASS:
            form += [("extra_filters[]", selector) for selector in self._rewriter.default_matchers(scope)]
        return tuple(form)

    def _matches(self, parameters: Parameters, scope: Scope) -> tuple[str, ...]:
        asked = parameters.lists.get("match[]", ())
        if not asked:
            return self._rewriter.default_matchers(scope)
        if len(asked) > self._config.limit_selectors:
            raise Problem(400, f"more than {self._config.limit_selectors} match[] are given; ask in parts")
        return tuple(one for selector in asked for one in self._rewriter.rewrite_matcher(selector, scope))

    def _hold_points(self, single: Mapping[str, str]) -> None:
        start, end = (times.instant(name, _required(single, name)) for name in ("start", "end"))
        step = times.duration("step", _required(single, "step"))
        if end < start:
            raise Problem(400, "end is before start; ask for a range that ends after it starts")
        if end - start > self._config.limit_range:
            raise Problem(
                400, f"the range is over {self._config.limit_range / 86400:g} days; ask for a shorter one"
            )
        if (end - start) / step > self._config.limit_points:
            raise Problem(
                400,
                f"each series would have more than {self._config.limit_points} points; ask for a longer step",
            )

    def _value(self, name: str, text: str) -> str:
        """Return a parameter written anew."""
        if name in ("time", "start", "end"):
            return times.number(times.instant(name, text))
        if name == "timeout":
            return times.number(min(times.duration(name, text), self._config.upstream_timeout))
        if name in ("step", "lookback_delta"):
            return times.number(times.duration(name, text))
        return _plain(name, text, _METRIC if name == "metric" else _COUNT)

    def _of_staff(self, parameters: Parameters) -> tuple[tuple[str, str], ...]:
        form = [(name, _plain(name, text, _WORD)) for name, text in parameters.single.items()]
        return (*form, *((name, text) for name, texts in parameters.lists.items() for text in texts))


def _whoami(scope: Scope) -> bytes:
    """Return the answer that tells callers what they are here, for front ends that choose what to show first."""
    data = {
        "login": scope.login,
        "staff": scope.staff,
        "leads": sorted(scope.leads),
        "accounts": sorted(scope.accounts),
    }
    return json.dumps({"status": "success", "data": data}).encode()


def _required(single: Mapping[str, str], name: str) -> str:
    text = single.get(name, "")
    if not text:
        raise Problem(400, f"the parameter {name!r} is missing")
    return text


def _plain(name: str, text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise Problem(400, f"{name}: {text[:40]!a} is not a value that can stand there")
    return text
