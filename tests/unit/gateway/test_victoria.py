"""VictoriaMetrics: the same walls as before Prometheus, a second one of its own, and none of its own language let through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings

from jobgauge_gateway.promql.refusal import Refused
from jobgauge_gateway.rewriter import Rewriter
from tests.support.gateway import CHANNEL, FORM, Gateway, inside, run
from tests.unit.gateway.asking import Servers, answers, comparable, faults
from tests.unit.gateway.cases import CASES, SELECTORS, Case
from tests.unit.gateway.grammar import selectors, vectors
from tests.unit.gateway.test_http_differential import PEOPLE
from tests.unit.gateway.world import ALICE, CAROL, DOT, NOW, PUBLISHED, SERIES, STAFF, START, visible

pytestmark = pytest.mark.system
REWRITER = Rewriter(PUBLISHED)
SETTINGS = {**PEOPLE, "upstream.kind": "victoriametrics"}
# Unlike Prometheus, it shows in absent() a label that two matchers name: the caller's own login, and nobody else's.
ABSENT = [case for case in CASES if "absent" in case.query and not case.refused]
OTHERS = [case for case in CASES if case not in ABSENT]

# What its language has beyond PromQL. Each must mean something to it, else refusing it would show nothing.
EXTENSIONS = r"""
WITH (x = hpc_job_cpus{user="bob"}) x
with (f(u) = hpc_job_cpus{user=u}) f("bob")
rate(hpc_job_cpu_seconds_total[5m]) keep_metric_names
abs(hpc_job_cpus) keep_metric_names
sum(hpc_job_cpus) by (user) limit 3
hpc_job_cpus default 0
hpc_job_cpus if hpc_job_info
hpc_job_cpus ifnot hpc_job_info
(hpc_job_cpus, hpc_job_info)
union(hpc_job_cpus, hpc_job_info)
label_set(hpc_job_cpus, "user", "alice")
label_del(hpc_job_cpus, "user")
label_copy(hpc_job_cpus, "user", "owner")
label_move(hpc_job_cpus, "user", "owner")
label_keep(hpc_job_cpus, "jobid")
label_map(hpc_job_cpus, "user", "bob", "alice")
label_match(hpc_job_cpus, "user", "b.*")
label_mismatch(hpc_job_cpus, "user", "a.*")
label_transform(hpc_job_cpus, "user", "b", "a")
label_uppercase(hpc_job_cpus, "user")
label_value(hpc_job_cpus, "jobid")
alias(hpc_job_cpus, "mine")
rollup(hpc_job_cpus[5m])
rollup_rate(hpc_job_cpu_seconds_total[5m])
aggr_over_time("min_over_time", hpc_job_cpus[5m])
range_max(hpc_job_cpus)
running_sum(hpc_job_cpus)
any(hpc_job_cpus)
topk_max(3, hpc_job_cpus)
limit_offset(1, 1, hpc_job_cpus)
drop_common_labels(hpc_job_cpus)
histogram(hpc_job_cpus)
distinct_over_time(hpc_job_cpus[5m])
hpc_job_cpus[5i]
hpc_job_cpus * 1Ki
hpc_job_cpus offset 1i
hpc_job_cpus @ (end() - 60)
hpc_job_cpus + now()
rand() + hpc_job_cpus
hpc\_job_cpus
"""
# The same, of versions later than the one that the tests run.
LATER_EXTENSIONS = r"""
hpc_job_cpus{user="alice" or user="bob"}
{__name__="hpc_job_cpus" or user="bob"}
hpc_job_cpus{user="alice",jobid="1" or jobid="3"}
labels_equal(hpc_job_cpus, "user", "account")
share(hpc_job_cpus) by (account)
sort_by_label_numeric(hpc_job_cpus, "jobid")
outlier_iqr_over_time(hpc_job_cpus[5m])
"""


@pytest.fixture(scope="module")
def gateway(victoria: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with run(tmp_path_factory.mktemp("gateway"), victoria["all"].url, **SETTINGS) as gateway:
        yield gateway


def asked(gateway: Gateway, case: Case) -> tuple[int, dict[str, Any]]:
    return gateway.ask("query", case.caller.login, method="POST", query=case.query, time=NOW)


def test_every_case_is_answered_from_the_callers_own_series_or_refused(
    gateway: Gateway, victoria: Servers
) -> None:
    wrong = []
    for case in OTHERS:
        status, body = asked(gateway, case)
        if case.refused:
            right = status in (400, 403)
        else:
            right = comparable(body) == answers(victoria[case.reference], case.plain or case.query)[0]
        wrong += [] if right else [(case.query, case.caller.login, body)]
    assert wrong == []


def test_over_a_range_too(victoria: Servers) -> None:
    assert faults(REWRITER, victoria, OTHERS) == []


def test_absence_is_told_with_no_more_than_the_callers_own_login(gateway: Gateway, victoria: Servers) -> None:
    for case in ABSENT:
        _, body = asked(gateway, case)
        wanted = victoria[case.reference].ask("query", query=case.plain or case.query, time=NOW)
        for one in body["data"]["result"]:
            if "user" not in case.query:
                assert one["metric"].pop("user", case.caller.login) == case.caller.login
        assert comparable(body) == comparable(wanted), case.query


@settings(max_examples=100, deadline=None, derandomize=True)
@given(query=vectors(selectors(), absent=False))
def test_a_made_up_query_shows_nothing_foreign(victoria: Servers, query: str) -> None:
    plain = REWRITER.rewrite(query, STAFF)  # a comment ends elsewhere for VictoriaMetrics
    found = faults(REWRITER, victoria, [Case(query, ALICE, "alice", plain)])
    assert [one for one in found if one.leak] == []


@pytest.mark.parametrize("query", EXTENSIONS.strip().splitlines())
def test_its_own_language_is_refused(victoria: Servers, query: str) -> None:
    assert victoria["all"].ask("query", query=query, time=NOW)["status"] == "success"
    demand_refused(query)


@pytest.mark.parametrize("query", LATER_EXTENSIONS.strip().splitlines())
def test_its_later_language_is_refused(query: str) -> None:
    demand_refused(query)


def demand_refused(query: str) -> None:
    for caller in (ALICE, STAFF):
        with pytest.raises(Refused):
            REWRITER.rewrite(query, caller)


@pytest.mark.parametrize(
    ("login", "reference"), [("alice", "alice"), ("carol", "carol with chem"), ("al.ce", "al.ce")]
)
def test_series_labels_and_values_are_of_the_callers_world(
    gateway: Gateway, victoria: Servers, login: str, reference: str
) -> None:
    when = {"start": START, "end": NOW}
    for call in ("labels", "label/user/values", "label/__name__/values"):
        _, body = gateway.ask(call, login, **when)
        assert sorted(body["data"]) == sorted(victoria[reference].ask(call, "GET", **when)["data"]), call
    for selector in SELECTORS:
        status, body = gateway.ask("series", login, match=[selector], **when)
        if status == 200:
            assert _sorted(body) == _sorted(victoria[reference].ask("series", match=[selector], **when)), (
                selector
            )


def _sorted(body: dict[str, Any]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(labels.items()) for labels in body["data"])


def test_the_second_wall_holds_where_the_first_is_gone(
    victoria: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With queries sent as they are, all that comes back is still within what the caller may see."""
    monkeypatch.setattr(Rewriter, "rewrite", lambda _, query, __: query)
    within = {
        scope.login: {
            tuple(sorted(one.labels.items())) for one in SERIES if visible(one.labels, scope, scope.leads)
        }
        for scope in (ALICE, CAROL, DOT)
    }
    with inside(tmp_path, victoria["all"].url, **SETTINGS) as address:
        for login, own in within.items():
            for query in (
                '{__name__!=""}',
                '{user="bob"}',
                'hpc_job_cpus{user=~".*"}',
                "hpc_node_load",
                "{user!='x'}",
            ):
                found = _vector(address, login, query)
                assert found <= own, (login, query)
            assert _vector(address, login, '{__name__!=""}') == own


def _vector(address: str, login: str, query: str) -> set[tuple[tuple[str, str], ...]]:
    with closing(HTTPConnection(address, timeout=30)) as connection:
        headers = {**CHANNEL, **FORM, "X-Grafana-User": login}
        connection.request("POST", "/api/v1/query", urlencode({"query": query, "time": NOW}), headers)
        body = json.loads(connection.getresponse().read())
    return {tuple(sorted(one["metric"].items())) for one in body["data"]["result"]}
