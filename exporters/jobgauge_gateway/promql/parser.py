"""The parser: reads a query by recursive descent and writes canonical text from its tokens.

It knows where an operand can stand, so it sees every selector. Types, arity and the order of modifiers are left to
Prometheus, which reads the text written here and finds in it no selector that was not written by `_selector`.
"""

from __future__ import annotations

from collections.abc import Callable

from jobgauge_gateway.promql import words
from jobgauge_gateway.promql.lexer import END, NUMBER, STRING
from jobgauge_gateway.promql.limits import Limits
from jobgauge_gateway.promql.reader import Reader
from jobgauge_gateway.promql.refusal import NotAllowed
from jobgauge_gateway.promql.selector import Matcher, Narrow, render
from jobgauge_gateway.promql.strings import quote

_DURATION_OPERATORS = ("+", "-", "*", "/", "%", "^")


def canonical(query: str, narrow: Narrow, functions: frozenset[str], limits: Limits) -> str:
    """Return the query in canonical text, with the matchers that `narrow` asks for ANDed on to every selector."""
    return _Parser(query, narrow, functions, limits).query()


class _Parser(Reader):
    def __init__(self, query: str, narrow: Narrow, functions: frozenset[str], limits: Limits) -> None:
        super().__init__(query, limits)
        self.narrow = narrow
        self.functions = functions
        self.depth = 0
        self.selectors = 0
        self.call = ""  # the innermost function or aggregation around the next operand
        self.out: list[str] = []

    def query(self) -> str:
        self._expression()
        if self.peek() != END:
            raise self.unexpected("an operator or the end")
        return "".join(self.out)

    def _write(self, text: str) -> None:
        self.out.append(text)

    def _copy(self, *kinds: str) -> bool:
        """Take the next token on to the output if it is one of these marks or keywords."""
        kind = self.peek()
        if kind not in kinds:
            return False
        self.next += 1
        self._write(kind)
        return True

    def _need(self, kind: str) -> None:
        if not self._copy(kind):
            raise self.unexpected(f"`{kind}`")

    def _nested(self, parse: Callable[[], None]) -> None:
        """Copy `(`, what `parse` takes, and `)`."""
        self._need("(")
        self.depth += 1
        self.limits.hold("depth", self.depth)
        parse()
        self.depth -= 1
        self._need(")")

    # Expressions

    def _expression(self) -> None:
        self._operand()
        while self._operator():
            self._operand()

    def _operand(self) -> None:
        self._signs()
        kind = self.peek()
        if self.at_word():
            self._word(kind)
        elif kind == "{":
            self._selector()
        elif kind == "(":
            self._nested(self._expression)
        elif kind == STRING:
            self._write(quote(self.string()))
        elif kind == NUMBER:
            self._number()
        else:
            raise self.unexpected("a metric, a number or an expression")
        self._modifiers()

    def _signs(self) -> None:
        signs = 0
        while self._copy("+", "-"):
            signs += 1
            self.limits.hold("depth", self.depth + signs)

    def _number(self) -> None:
        if self.peek() != NUMBER and self.peek() not in words.NUMBERS:
            raise self.unexpected(NUMBER)
        self._write(self.take())

    def _word(self, word: str) -> None:
        following = self.keys[self.next + 1]
        if word in words.NUMBERS:
            self._number()
        elif word in words.AGGREGATIONS and (following == "(" or following in words.GROUPINGS):
            self._aggregation(word)
        elif following == "(":
            self._function()
        elif word in words.RESERVED:
            raise self.unexpected("a metric (a keyword's name is written `{'name'}`)")
        else:
            self._selector()

    def _selector(self) -> None:
        self.selectors += 1
        self.limits.hold("selectors", self.selectors)
        matchers = self.matchers()
        added = [matcher for matcher in self.narrow(matchers) if matcher not in matchers]
        if self.call in words.ABSENT:
            # A label with a second matcher is not shown in the answer, so what was added does not change it.
            added += [Matcher(matcher.label, "=~", ".+") for matcher in added]
        self._write(render(matchers + added))

    # Operators

    def _operator(self) -> bool:
        operator = self.peek()
        if operator not in words.OPERATORS:
            return False
        self.next += 1
        self._write(f" {operator} ")
        if self._copy("bool"):
            self._write(" ")
        if self._copy("on", "ignoring"):
            self._labels()
            self._write(" ")
            if self._copy("group_left", "group_right"):
                if self.peek() == "(":
                    self._labels()
                else:
                    self._write("()")
                self._write(" ")
        while self.peek() in words.FILLS and self.keys[self.next + 1] == "(":
            self._write(self.take().lower())
            self._nested(self._signed_number)
            self._write(" ")
        return True

    def _labels(self) -> None:
        """Copy a list of label names: `(a, "b")`."""
        self._need("(")
        while not self._copy(")"):
            self._write(self.take() if self.at_word() else quote(self.string()))
            if self.peek() != ")":
                self._need(",")

    # Calls

    def _aggregation(self, name: str) -> None:
        self.next += 1
        self._write(name)
        if self.peek() == "(":
            self._arguments(name)
            self._grouping()
        else:
            self._grouping()
            self._write(" ")
            self._arguments(name)

    def _grouping(self) -> None:
        if self.peek() in words.GROUPINGS:
            self._write(f" {self.take().lower()} ")
            self._labels()

    def _function(self) -> None:
        name = self.take()
        if name not in self.functions:
            unknown = f"{name[:40]}() is not a function of PromQL; use one that is"
            raise NotAllowed(words.UNSCOPED.get(name, unknown))
        self._write(name)
        self._arguments(name)

    def _arguments(self, name: str) -> None:
        outer, self.call = self.call, name
        self._nested(self._expressions)
        self.call = outer

    def _expressions(self) -> None:
        if self.peek() == ")":
            return
        self._expression()
        while self._copy(","):
            self._write(" ")
            self._expression()

    # Modifiers

    def _modifiers(self) -> None:
        while True:
            kind = self.peek()
            if kind == "[":
                self._range()
            elif kind == "@":
                self._at()
            elif kind == "offset":
                self.next += 1
                self._write(" offset ")
                self._duration_operand()
            elif kind in ("anchored", "smoothed"):
                self.next += 1
                self._write(f" {kind}")
            else:
                return

    def _range(self) -> None:
        self._need("[")
        self._duration()
        if self._copy(":") and self.peek() != "]":
            self._duration()
        self._need("]")

    def _at(self) -> None:
        self.next += 1
        self._write(" @ ")
        if self._copy("start", "end"):
            self._nested(lambda: None)
        else:
            self._signed_number()

    def _signed_number(self) -> None:
        self._signs()
        self._number()

    def _duration(self) -> None:
        self._duration_operand()
        while self.peek() in _DURATION_OPERATORS:
            self._write(f" {self.take()} ")
            self._duration_operand()

    def _duration_operand(self) -> None:
        self._signs()
        if self._copy("step", "range"):
            self._nested(lambda: None)
        elif self._copy("max_of", "min_of"):
            self._nested(self._two_durations)
        elif self.peek() == "(":
            self._nested(self._duration)
        else:
            self._number()

    def _two_durations(self) -> None:
        self._duration()
        self._need(",")
        self._duration()
