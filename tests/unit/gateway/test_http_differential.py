"""The whole gateway over HTTP: what each caller gets is what a server with only their series answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from jobgauge_gateway.policy import Scope
from tests.support.gateway import Gateway, run
from tests.unit.gateway.asking import Servers, answers, comparable
from tests.unit.gateway.cases import CASES, SELECTORS, Case
from tests.unit.gateway.world import ACCOUNT, ALICE, CAROL, DOT, NOW, PUBLIC, STAFF, START, STEP

pytestmark = pytest.mark.system
PEOPLE: dict[str, Any] = {
    "people.staff": [STAFF.login],
    "people.leader": [
        f"{one.login}={account}" for one in (ALICE, CAROL, DOT) for account in sorted(one.leads)
    ],
    "people.member": [
        f"{one.login}={account}" for one in (ALICE, CAROL, DOT) for account in sorted(one.member_of)
    ],
    "metrics.defaults": False,
    "metrics.public": sorted(PUBLIC),
    "metrics.account": sorted(ACCOUNT),
}
RANGE = {"start": START + 10 * STEP, "end": NOW, "step": 4 * STEP}


@pytest.fixture(scope="module")
def gateway(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with run(tmp_path_factory.mktemp("gateway"), servers["all"].url, **PEOPLE) as gateway:
        yield gateway


def test_every_case_is_answered_from_the_callers_own_series_or_refused(
    gateway: Gateway, servers: Servers
) -> None:
    assert [problem for case in CASES if (problem := _problem(gateway, servers, case))] == []


def _problem(gateway: Gateway, servers: Servers, case: Case) -> str:
    status, instant = gateway.ask("query", case.caller.login, method="POST", query=case.query, time=NOW)
    if case.refused:
        refused = status in (400, 403) and instant["status"] == "error" and instant["error"]
        return "" if refused else f"{case.query}: answered with status {status}: {instant}"
    wanted = answers(servers[case.reference], case.plain or case.query)
    _, over_range = gateway.ask("query_range", case.caller.login, query=case.query, **RANGE)
    got = comparable(instant), comparable(over_range)
    return "" if got == wanted else f"{case.query}: {got} instead of {wanted}"


@pytest.mark.parametrize(
    ("caller", "reference"), [(ALICE, "alice"), (CAROL, "carol with chem"), (DOT, "al.ce")]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_series_are_the_callers(
    gateway: Gateway, servers: Servers, caller: Scope, reference: str, method: str
) -> None:
    when = {"start": START, "end": NOW}
    for selector in SELECTORS:
        status, body = gateway.ask("series", caller.login, method=method, match=[selector], **when)
        if caller is DOT and selector.startswith("hpc_sched_limit"):
            assert status == 403
            continue
        wanted = servers[reference].ask("series", match=[selector], **when)
        assert _sorted(body) == _sorted(wanted), selector


@pytest.mark.parametrize(
    ("caller", "reference"), [(ALICE, "alice"), (CAROL, "carol with chem"), (DOT, "al.ce")]
)
@pytest.mark.parametrize(
    "call", ["labels", "label/__name__/values", "label/user/values", "label/account/values"]
)
def test_labels_and_values_are_of_the_callers_world(
    gateway: Gateway, servers: Servers, caller: Scope, reference: str, call: str
) -> None:
    for match in ([], ['{__name__=~".+"}']):
        _, body = gateway.ask(call, caller.login, match=match, start=START, end=NOW)
        assert body["data"]
        assert body["data"] == servers[reference].ask(call, "GET", start=START, end=NOW)["data"]


def test_staff_see_everything(gateway: Gateway, servers: Servers) -> None:
    _, body = gateway.ask("label/user/values", STAFF.login, start=START, end=NOW)
    assert body["data"] == servers["all"].ask("label/user/values", "GET", start=START, end=NOW)["data"]


@pytest.mark.parametrize("call", ["rules", "alerts"])
def test_rules_and_alerts_are_empty_for_all_but_staff(gateway: Gateway, servers: Servers, call: str) -> None:
    status, body = gateway.ask(call, "alice")
    assert (status, list(body["data"].values())) == (200, [[]])
    assert gateway.ask(call, STAFF.login) == (200, servers["all"].ask(call, "GET"))


def test_what_grafana_asks_to_learn_about_the_store(gateway: Gateway) -> None:
    status, body = gateway.ask("status/buildinfo", "alice")
    assert status == 200
    assert body["data"]["version"]
    assert gateway.ask("query", "alice", method="POST", query="1+1", time=NOW)[1]["data"]["result"] == [
        NOW,
        "2",
    ]
    assert gateway.ask("metadata", "alice", limit=1)[1]["status"] == "success"
    assert gateway.ask("query_exemplars", "alice", query="hpc_job_cpus", start=START, end=NOW)[0] == 200


@pytest.mark.parametrize("caller", [ALICE, CAROL, STAFF], ids=lambda caller: caller.login)
def test_callers_learn_what_they_are_here(gateway: Gateway, caller: Scope) -> None:
    accounts = sorted(caller.member_of | caller.leads)
    wanted = {
        "login": caller.login,
        "staff": caller.staff,
        "leads": sorted(caller.leads),
        "accounts": accounts,
    }
    assert gateway.ask("whoami", caller.login) == (200, {"status": "success", "data": wanted})
    assert gateway.ask("whoami")[0] == 401
    assert gateway.ask("whoami", caller.login, method="POST")[0] == 405


def test_the_stores_own_sentence_about_a_query_reaches_the_caller(gateway: Gateway) -> None:
    status, body = gateway.ask("query", "alice", query="rate(hpc_job_cpus)")
    assert (status, body["errorType"]) == (400, "bad_data")
    assert "range vector" in body["error"]


def _sorted(body: dict[str, Any]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(labels.items()) for labels in body["data"])
