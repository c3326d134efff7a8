"""Ask the same of two servers and compare what they answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from jobgauge_gateway.promql.refusal import Refused
from jobgauge_gateway.rewriter import Rewriter
from tests.support.prometheus import Prometheus
from tests.unit.gateway.cases import Case
from tests.unit.gateway.world import NOW, START, STEP

Servers = Mapping[str, Prometheus]  # by the name of what they hold


class Fault(NamedTuple):
    """A case that was not answered as its reference answers it."""

    case: Case
    said: str  # what was sent upstream, or why nothing was
    leak: bool  # the answer holds something that the caller may not see


@cache  # the series never change, and the same is asked under many rewriters
def answers(server: Prometheus, query: str) -> tuple[Any, Any]:
    """Return what a server answers to a query at one time and over a range, in no order."""
    instant = server.ask("query", query=query, time=NOW)
    over_range = server.ask("query_range", query=query, start=START + 10 * STEP, end=NOW, step=4 * STEP)
    return comparable(instant), comparable(over_range)


def comparable(body: dict[str, Any]) -> Any:
    if body["status"] != "success":
        return body["errorType"]
    data = body["data"]
    if data["resultType"] == "string":
        return Counter([data["result"][1]])
    if data["resultType"] == "scalar":
        return Counter([_rounded(data["result"])])
    return Counter(
        repr(
            (sorted(one["metric"].items()), [_rounded(pair) for pair in one.get("values") or [one["value"]]])
        )
        for one in data["result"]
    )


def _rounded(pair: tuple[float, str]) -> tuple[float, str]:
    """Round a sample: Prometheus adds up series in the order of a map, so the last digits are not always the same."""
    return pair[0], f"{round(float(pair[1]), 6) + 0.0:.9g}"


def faults(rewriter: Rewriter, servers: Servers, cases: Iterable[Case]) -> list[Fault]:
    """Return the cases that are answered otherwise than by their reference, or not refused though they must be."""
    found = []
    for case in cases:
        try:
            sent = rewriter.rewrite(case.query, case.caller)
        except Refused as refusal:
            if not case.refused:
                found.append(Fault(case, str(refusal), leak=False))
            continue
        if case.refused:
            found.append(Fault(case, sent, leak=True))
            continue
        got, wanted = (
            answers(servers["all"], sent),
            answers(servers[case.reference], case.plain or case.query),
        )
        if got != wanted:
            found.append(Fault(case, sent, leak=any(map(_more, got, wanted))))
    return found


def _more(got: Any, wanted: Any) -> bool:
    """Say whether an answer holds what the right one does not; an error holds nothing."""
    return isinstance(got, Counter) and bool(got - (wanted if isinstance(wanted, Counter) else Counter()))
