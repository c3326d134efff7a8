"""Gateways broken on purpose: each fault that a rewriter can have must show in the cases of the differential test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from jobgauge_gateway import policy
from jobgauge_gateway.policy import Published, Scope
from jobgauge_gateway.promql import parser, selector, words
from jobgauge_gateway.promql.selector import Matcher, render
from jobgauge_gateway.rewriter import Rewriter
from tests.unit.gateway.asking import Servers, faults
from tests.unit.gateway.cases import CASES
from tests.unit.gateway.world import PUBLISHED

pytestmark = pytest.mark.system
Break = Callable[[pytest.MonkeyPatch], None]
_required = policy.required


class Anywhere(frozenset[str]):
    """Names that are found in any name that contains one of them."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(part in name for part in self)


def values_are_not_escaped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(selector, "quote", lambda value: f'"{value}"')


def strings_are_not_escaped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(parser, "quote", lambda value: f'"{value}"')


def accounts_are_patterns(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(policy, "any_of", "|".join)


def the_login_is_a_pattern(patch: pytest.MonkeyPatch) -> None:
    def loose(*asked: object) -> list[Matcher]:
        return [matcher._replace(operator="=~") for matcher in _required(*asked)]  # type: ignore[arg-type]

    patch.setattr(policy, "required", loose)


def matchers_are_replaced(patch: pytest.MonkeyPatch) -> None:
    def last_of_each_label(matchers: Iterable[Matcher]) -> str:
        return render({matcher.label: matcher for matcher in matchers}.values())

    patch.setattr(parser, "render", last_of_each_label)


def a_user_matcher_is_trusted(patch: pytest.MonkeyPatch) -> None:
    def trusting(asked: Sequence[Matcher], scope: Scope, published: Published) -> tuple[Matcher, ...]:
        return () if any(one.label == "user" for one in asked) else _required(asked, scope, published)

    patch.setattr(policy, "required", trusting)


def public_names_are_substrings(patch: pytest.MonkeyPatch) -> None:
    def loose(asked: Sequence[Matcher], scope: Scope, published: Published) -> tuple[Matcher, ...]:
        return _required(asked, scope, Published(Anywhere(published.public), published.account))

    patch.setattr(policy, "required", loose)


def account_names_are_substrings(patch: pytest.MonkeyPatch) -> None:
    def loose(asked: Sequence[Matcher], scope: Scope, published: Published) -> tuple[Matcher, ...]:
        return _required(asked, scope, Published(published.public, Anywhere(published.account)))

    patch.setattr(policy, "required", loose)


def any_matcher_counts_as_an_equality(patch: pytest.MonkeyPatch) -> None:
    def value(label: str, asked: Sequence[Matcher]) -> str | None:
        return next((one.value.rstrip(".+*").split("|")[0] for one in asked if one.label == label), None)

    patch.setattr(policy, "_equal_to", value)


def every_account_is_led(patch: pytest.MonkeyPatch) -> None:
    def loose(asked: Sequence[Matcher], scope: Scope, published: Published) -> tuple[Matcher, ...]:
        return () if any(one.label == "account" for one in asked) else _required(asked, scope, published)

    patch.setattr(policy, "required", loose)


def info_is_let_through(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(words, "FUNCTIONS", words.FUNCTIONS | {"info"})


def only_metrics_with_a_name_are_limited(patch: pytest.MonkeyPatch) -> None:
    def loose(asked: Sequence[Matcher], scope: Scope, published: Published) -> tuple[Matcher, ...]:
        named = any(one == ("__name__", "=", one.value) for one in asked)
        return _required(asked, scope, published) if named else ()

    patch.setattr(policy, "required", loose)


def only_the_first_selector_is_limited(patch: pytest.MonkeyPatch) -> None:
    limit = parser._Parser._selector

    def once(self: parser._Parser) -> None:
        if self.selectors:
            self.narrow = lambda _: ()
        limit(self)

    patch.setattr(parser._Parser, "_selector", once)


def the_cache_knows_no_identity(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Scope, "__hash__", lambda _: 0)
    patch.setattr(Scope, "__eq__", lambda *_: True)


FAULTS: list[Break] = [
    values_are_not_escaped,
    strings_are_not_escaped,
    accounts_are_patterns,
    the_login_is_a_pattern,
    matchers_are_replaced,
    a_user_matcher_is_trusted,
    public_names_are_substrings,
    account_names_are_substrings,
    any_matcher_counts_as_an_equality,
    every_account_is_led,
    info_is_let_through,
    only_metrics_with_a_name_are_limited,
    only_the_first_selector_is_limited,
    the_cache_knows_no_identity,
]


def test_the_gateway_as_it_is_has_no_fault(prometheus: Servers) -> None:
    assert faults(Rewriter(PUBLISHED), prometheus, CASES) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_the_cases_show_the_leak_of_a_broken_gateway(
    prometheus: Servers, fault: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    found = faults(Rewriter(PUBLISHED), prometheus, CASES)
    assert [one.case.query for one in found if one.leak]
