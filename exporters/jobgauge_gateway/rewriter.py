"""What the gateway does to a query: read strictly, limited to the caller's scope, written anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from jobgauge_gateway import policy
from jobgauge_gateway.policy import Published, Scope
from jobgauge_gateway.promql import words
from jobgauge_gateway.promql.limits import Limits
from jobgauge_gateway.promql.parser import canonical
from jobgauge_gateway.promql.reader import parse_selector
from jobgauge_gateway.promql.selector import Matcher, render

_CACHED_QUERIES = 1024
_CACHED_LENGTH = 4096  # a longer query is read again each time, so strangers cannot fill the memory

_STAFF_FUNCTIONS = words.FUNCTIONS | words.UNSCOPED.keys()


class Rewriter:
    """Rewrites queries under one set of published metrics and limits; a reload makes a new one, and so a new cache."""

    def __init__(self, published: Published, limits: Limits | None = None) -> None:
        self._published = published
        self._limits = limits or Limits()
        self._remembered = lru_cache(_CACHED_QUERIES)(self._rewrite)  # by text and scope

    def rewrite(self, query: str, scope: Scope) -> str:
        """Return the text to send upstream for this caller's query, or raise Refused."""
        return (self._remembered if len(query) <= _CACHED_LENGTH else self._rewrite)(query, scope)

    def rewrite_matcher(self, selector: str, scope: Scope) -> tuple[str, ...]:
        """Return the `match[]` to send upstream for one of this caller's, or raise Refused."""
        matchers = parse_selector(selector, self._limits)
        added = policy.alternatives(matchers, scope, self._published)
        return tuple(render([*matchers, *(more for more in some if more not in matchers)]) for some in added)

    def default_matchers(self, scope: Scope) -> tuple[str, ...]:
        """Return the `match[]` to send when this caller gave none; staff need none, all others get at least one."""
        if scope.staff:
            return ()
        return tuple(render(matchers) for matchers in policy.entitlements(scope, self._published))

    def _rewrite(self, query: str, scope: Scope) -> str:
        def narrow(selector: Sequence[Matcher]) -> tuple[Matcher, ...]:
            return policy.required(selector, scope, self._published)

        return canonical(query, narrow, _STAFF_FUNCTIONS if scope.staff else words.FUNCTIONS, self._limits)
