"""Made-up queries: whatever is accepted carries its matchers, by the word of other parsers, and answers from own series."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
from hypothesis import given, settings

from jobgauge_gateway.rewriter import Rewriter
from tests.unit.gateway.asking import Servers, faults
from tests.unit.gateway.cases import Case
from tests.unit.gateway.grammar import selectors, vectors
from tests.unit.gateway.world import ACCOUNT, ALICE, CAROL, PUBLIC, PUBLISHED

REWRITER = Rewriter(PUBLISHED)
made_up = settings(max_examples=200, deadline=None, derandomize=True)
NOT_METRICS = {"and", "or", "unless", "atan2", "bool", "offset", "Inf", "NaN"}
OTHER_PARSER_READS = 400  # characters; it is slow on more


def _selectors(node: Any) -> Iterator[list[tuple[str, str, str]]]:
    """Walk another parser's tree and return the matchers of every selector, the metric's name among them."""
    if isinstance(node, promql_parser.VectorSelector):
        assert not node.matchers.or_matchers
        named = [("__name__", "=", node.name)] if node.name else []
        yield named + [(one.name, OPERATORS[str(one.op)], one.value) for one in node.matchers.matchers]
    for child in ("lhs", "rhs", "expr", "param", "vector_selector"):
        if getattr(node, child, None) is not None:
            yield from _selectors(getattr(node, child))
    for argument in getattr(node, "args", ()):
        yield from _selectors(argument)


OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def _admissible(matchers: list[tuple[str, str, str]]) -> bool:
    """Say whether a selector is within what alice may ask for; written without the gateway's code."""
    names = [value for label, operator, value in matchers if (label, operator) == ("__name__", "=")]
    if len(names) == 1 and names[0] in PUBLIC:
        return True
    if len(names) == 1 and names[0] in ACCOUNT:
        accounts = [(operator, value) for label, operator, value in matchers if label == "account"]
        return any(one in (("=", "physics"), ("=", "a.c"), ("=~", r"a\.c|physics")) for one in accounts)
    return ("user", "=", "alice") in matchers


@made_up
@given(vectors(selectors()))
def test_another_parser_finds_the_matcher_in_every_selector(query: str) -> None:
    sent = REWRITER.rewrite(query, ALICE)
    assert REWRITER.rewrite(sent, ALICE) == sent
    if len(sent) <= OTHER_PARSER_READS:
        found = list(_selectors(promql_parser.parse(sent)))
        assert found
        assert all(map(_admissible, found)), sent


@pytest.mark.system
@made_up
@given(query=vectors(selectors()))
def test_prometheus_reads_the_canonical_text_and_finds_no_selector_without_it(
    servers: Servers, query: str
) -> None:
    printed = servers["all"].ask("format_query", query=REWRITER.rewrite(query, ALICE))["data"]
    strings: list[str] = []

    def number(literal: re.Match[str]) -> str:
        strings.append(ast.literal_eval(literal[0]))
        return f'"{len(strings) - 1}"'

    numbered = re.sub(r'"(?:[^"\\]|\\.)*"', number, printed)
    for group in re.findall(r"\{(.*?)\}", numbered):
        matchers = re.findall(r'(\w+)(=~|!~|!=|=)"(\d+)"', group)
        assert _admissible([(label, operator, strings[int(place)]) for label, operator, place in matchers]), (
            printed
        )
    outside = re.sub(r"\{.*?\}|(by|without|on|ignoring|group_left|group_right) \(.*?\)", "", numbered)
    assert set(re.findall(r"(?<![\w.])[A-Za-z_:][\w:]*+(?! *\()", outside)) <= NOT_METRICS, printed


@pytest.mark.system
@made_up
@given(query=vectors(selectors()))
def test_a_made_up_query_answers_from_own_series(servers: Servers, query: str) -> None:
    assert faults(REWRITER, servers, [Case(query, ALICE, "alice")]) == []


@pytest.mark.system
@made_up
@given(query=vectors(selectors(must='account="chem"', without=frozenset(["account"])), absent=False))
def test_a_made_up_query_about_a_led_account_answers_from_it(servers: Servers, query: str) -> None:
    assert faults(REWRITER, servers, [Case(query, CAROL, "carol with chem")]) == []
