"""No foreign series, ever: the rewritten query on everybody's data answers as the query itself on the caller's own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jobgauge_gateway.policy import Scope
from jobgauge_gateway.promql.refusal import Refused
from jobgauge_gateway.rewriter import Rewriter
from tests.support.prometheus import Prometheus
from tests.unit.gateway.asking import Servers, answers, faults
from tests.unit.gateway.cases import CASES, SELECTORS, Case
from tests.unit.gateway.world import ALICE, CAROL, DOT, NOW, PUBLISHED, STAFF, START

pytestmark = pytest.mark.system
REWRITER = Rewriter(PUBLISHED)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.reference}: {case.query}")
def test_a_query_is_answered_from_the_callers_own_series_or_refused(servers: Servers, case: Case) -> None:
    assert faults(REWRITER, servers, [case]) == []


def test_most_cases_would_show_foreign_series_if_they_were_sent_as_they_are(servers: Servers) -> None:
    asked = [(case.reference, case.plain or case.query) for case in CASES if not case.refused]
    leaking = [
        query for name, query in asked if answers(servers["all"], query) != answers(servers[name], query)
    ]
    assert len(leaking) > 200


@pytest.mark.parametrize("case", [case for case in CASES if case.reference == "alice" and not case.refused])
def test_staff_are_answered_as_if_they_had_asked_prometheus_itself(servers: Servers, case: Case) -> None:
    sent = REWRITER.rewrite(case.query, STAFF)
    assert answers(servers["all"], sent) == answers(servers["all"], case.plain or case.query)


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize(
    ("caller", "reference"), [(ALICE, "alice"), (CAROL, "carol with chem"), (DOT, "al.ce")]
)
def test_a_match_finds_all_that_the_caller_may_see(
    servers: Servers, caller: Scope, reference: str, selector: str
) -> None:
    try:
        sent = REWRITER.rewrite_matcher(selector, caller)
    except Refused:
        assert caller is DOT
        assert selector.startswith("hpc_sched_limit")  # members' metrics, asked by a member of nothing
        return
    assert _series(servers["all"], sent) == _series(servers[reference], [selector])


@pytest.mark.parametrize(
    ("caller", "reference"), [(ALICE, "alice"), (CAROL, "carol with chem"), (DOT, "al.ce")]
)
@pytest.mark.parametrize(
    "call", ["labels", "label/__name__/values", "label/user/values", "label/account/values"]
)
def test_calls_without_a_match_show_the_callers_world_only(
    servers: Servers, caller: Scope, reference: str, call: str
) -> None:
    sent = REWRITER.default_matchers(caller)
    times = {"start": START, "end": NOW}
    scoped = servers["all"].ask(call, "GET", match=sent, **times)
    assert scoped["data"]
    assert scoped["data"] == servers[reference].ask(call, "GET", **times)["data"]


def _series(server: Prometheus, selectors: Sequence[str]) -> list[list[tuple[str, str]]]:
    body = server.ask("series", match=selectors, start=START, end=NOW)
    assert body["status"] == "success", body
    return sorted(sorted(labels.items()) for labels in body["data"])
