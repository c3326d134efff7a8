"""Who may see what: the one place that decides which matchers a selector has to gain.

Each selector is made admissible by itself, so no operator, join or subquery can combine selectors into more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobgauge_gateway.promql.refusal import BadQuery, NotAllowed
from jobgauge_gateway.promql.selector import METRIC_NAME, Matcher
from jobgauge_gateway.promql.strings import any_of

USER, ACCOUNT = "user", "account"
_RESERVED_LABELS = frozenset([METRIC_NAME, "__type__", "__unit__"])  # those that Prometheus gives to series

# A name of digits only is left out: it is what the user label holds for a uid that has no name.
_LOGIN = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")


@dataclass(frozen=True)
class Published:
    """Metrics that others than a job's owner may see, by exact name; a histogram's series each have their own name."""

    public: frozenset[str] = frozenset()  # for everybody
    account: frozenset[str] = frozenset()  # for the members of the account in their label


@dataclass(frozen=True)
class Scope:
    """Who asks, and what for the identity step found them entitled to."""

    login: str
    staff: bool = False
    member_of: frozenset[str] = frozenset()
    leads: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what would match series that have no owner."""
        if not _LOGIN.fullmatch(self.login):
            raise NotAllowed(
                f"{self.login[:40]!a} is not a login that can own jobs; sign in by your cluster account"
            )
        for account in self.accounts:
            if not account or not account.isprintable():
                raise NotAllowed(
                    f"{account[:40]!a} is not the name of an account; correct the list of accounts"
                )

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts whose own metrics (limits, fairshare) this caller may see."""
        return self.member_of | self.leads


def required(selector: Sequence[Matcher], scope: Scope, published: Published) -> tuple[Matcher, ...]:
    """Return what must be ANDed on to a selector before this caller may ask for it."""
    if scope.staff:
        return ()
    _refuse_magic(selector)
    metric, account = _equal_to(METRIC_NAME, selector), _equal_to(ACCOUNT, selector)
    if metric in published.public:
        return ()
    if metric in published.account:
        return () if account in scope.accounts else (_one_of_accounts(metric, scope),)
    if account in scope.leads:
        return ()
    _demand_selective(selector)
    return (Matcher(USER, "=", scope.login),)


def entitlements(scope: Scope, published: Published) -> tuple[tuple[Matcher, ...], ...]:
    """Return selectors that together hold all that a caller who is not staff may see, each admissible by itself."""
    everything = [
        (Matcher(USER, "=", scope.login),),
        (Matcher(ACCOUNT, "=~", any_of(scope.leads)),),
        (Matcher(METRIC_NAME, "=~", any_of(published.public)),),
        (
            Matcher(METRIC_NAME, "=~", any_of(published.account)),
            Matcher(ACCOUNT, "=~", any_of(scope.accounts)),
        ),
    ]
    return tuple(matchers for matchers in everything if all(matcher.value for matcher in matchers))


def alternatives(
    selector: Sequence[Matcher], scope: Scope, published: Published
) -> Iterable[tuple[Matcher, ...]]:
    """Return what to AND on to a `match[]`, one answer for each `match[]` to send: upstream ORs them.

    So, unlike a selector in a query, a `match[]` that names no metric finds everything in it that the caller may see.
    """
    needed = required(selector, scope, published)
    if needed != (Matcher(USER, "=", scope.login),):
        return (needed,)
    named = _equal_to(METRIC_NAME, selector) is not None
    return [more for more in entitlements(scope, published) if not (named and more[0].label == METRIC_NAME)]


def _refuse_magic(selector: Sequence[Matcher]) -> None:
    """Refuse labels that no series has, since a store may give them a meaning, as VictoriaMetrics does `__graphite__`."""
    for label in (matcher.label for matcher in selector):
        if label.startswith("__") and label not in _RESERVED_LABELS:
            raise NotAllowed(f"the label {label[:40]!a} is reserved for the store; ask by another label")


def _equal_to(label: str, selector: Sequence[Matcher]) -> str | None:
    """Return the value that the selector's only equality on this label asks for."""
    values = [matcher.value for matcher in selector if matcher.label == label and matcher.operator == "="]
    return values[0] if len(values) == 1 else None


def _one_of_accounts(metric: str | None, scope: Scope) -> Matcher:
    if not scope.accounts:
        raise NotAllowed(
            f"{metric} is for members of an account, and you are in none; ask for another metric"
        )
    return Matcher(ACCOUNT, "=~", any_of(scope.accounts))


def _demand_selective(selector: Sequence[Matcher]) -> None:
    """Refuse, as Prometheus would without our matcher, a selector that says nothing about what it wants."""
    if not any(_says_something(matcher) for matcher in selector):
        raise BadQuery("a selector matches everything; name a metric in it, or give a label a value")


def _says_something(matcher: Matcher) -> bool:
    """Say whether a matcher refuses an empty label, as far as that shows without running a stranger's pattern."""
    empty = matcher.value in ("", ".*") if "~" in matcher.operator else not matcher.value
    return empty if matcher.operator.startswith("!") else not empty
