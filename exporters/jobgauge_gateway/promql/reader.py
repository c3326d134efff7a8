"""What both parsers share: the tokens, one ahead, and how a selector is read."""

from __future__ import annotations

from jobgauge_gateway.promql.lexer import END, STRING, WORD, tokenize
from jobgauge_gateway.promql.limits import Limits
from jobgauge_gateway.promql.refusal import BadQuery
from jobgauge_gateway.promql.selector import METRIC_NAME, Matcher
from jobgauge_gateway.promql.strings import unquote

_MATCH_OPERATORS = frozenset(["=", "!=", "=~", "!~"])


class Reader:
    """The tokens of a query, read from the first to the last."""

    def __init__(self, query: str, limits: Limits) -> None:
        self.limits = limits
        self.tokens = tokenize(query, limits)
        # Keywords are read in any case; the kinds of tokens are not words, so the two cannot be taken for each other.
        pairs = zip(self.tokens.kinds, self.tokens.texts, strict=True)
        self.keys = [text.lower() if kind is WORD else kind for kind, text in pairs]
        self.next = 0

    def peek(self) -> str:
        """Return what comes next: a mark, a word in lower case, or the kind of the token."""
        return self.keys[self.next]

    def take(self) -> str:
        """Return the text of the next token and go past it."""
        self.next += 1
        return self.tokens.texts[self.next - 1]

    def skip(self, kind: str) -> bool:
        """Go past the next token if it is this one."""
        found = self.keys[self.next] == kind
        self.next += found
        return found

    def at_word(self) -> bool:
        """Say whether a word comes next, keyword or not."""
        return self.tokens.kinds[self.next] is WORD

    def unexpected(self, wanted: str) -> BadQuery:
        """Return the refusal for a next token that cannot stand where it stands."""
        text, end = self.tokens.texts[self.next], self.tokens.ends[self.next]
        found = f"{text[:40]!a} at character {end - len(text) + 1}" if text else "the end of the query"
        return BadQuery(f"{found} where {wanted} should stand")

    def string(self) -> str:
        """Take a string literal and return what it stands for."""
        if self.peek() != STRING:
            raise self.unexpected(STRING)
        return unquote(self.take())

    def matchers(self) -> list[Matcher]:
        """Take a selector: a metric's name, matchers in braces, or both."""
        named = [Matcher(METRIC_NAME, "=", self.take())] if self.at_word() else []
        if not self.skip("{"):
            return named
        found: list[Matcher] = []
        while not self.skip("}"):
            found.append(self._matcher())
            self.limits.hold("matchers", len(found))
            if self.peek() != "}" and not self.skip(","):
                raise self.unexpected("`,` or `}`")
        if named and any(matcher.label == METRIC_NAME for matcher in found):
            raise BadQuery("a selector names its metric before the braces and again inside; keep one name")
        return named + found

    def _matcher(self) -> Matcher:
        bare = self.at_word()
        label = self.take() if bare else self.string()
        if not label:
            raise BadQuery("a label or metric has an empty name; write its name between the quotes")
        if self.peek() in _MATCH_OPERATORS:
            return Matcher(label, self.take(), self.string())
        if bare:
            raise self.unexpected("one of `=`, `!=`, `=~`, `!~`")
        return Matcher(METRIC_NAME, "=", label)


def parse_selector(text: str, limits: Limits) -> list[Matcher]:
    """Return the matchers of a text that is one selector and nothing else, such as a `match[]`."""
    reader = Reader(text, limits)
    matchers = reader.matchers()
    if not matchers or reader.peek() != END:
        raise reader.unexpected("nothing but one selector, such as `metric{label='value'}`,")
    return matchers
