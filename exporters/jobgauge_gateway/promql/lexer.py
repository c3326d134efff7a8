"""Tokens of PromQL, by the rules of Prometheus: what it would not read is refused here.

Every pattern is a choice of disjoint alternatives with possessive repeats, so the time is linear in the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from jobgauge_gateway.promql.limits import Limits
from jobgauge_gateway.promql.refusal import BadQuery

_SKIP = r"(?:[ \t\r\n]|#[^\r\n]*+)*+"
_STRING = r"""(?P<string>"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'|`[^`]*+`)"""
_DECIMAL = r"(?:[0-9][0-9_]*+(?:\.[0-9_]*+)?+|\.[0-9][0-9_]*+)(?:[eE][+-]?[0-9][0-9_]*+)?+"
_DURATION = r"(?:[0-9]++(?:ms|[smhdwy]))++"
_NUMBER = rf"(?P<number>(?:0[xX][0-9a-fA-F_]++|{_DURATION}|{_DECIMAL})(?![A-Za-z0-9_.]))"


def _mode(*alternatives: str) -> re.Pattern[str]:
    return re.compile(_SKIP + "(?:" + "|".join(alternatives) + r"|(?P<end>\Z))")


_EXPRESSION = _mode(
    r"(?P<word>[A-Za-z_:][A-Za-z0-9_:]*+)",
    r"(?P<mark>==|!=|<=|</|<|>=|>/|>|[-+*/%^(),@{\[])",
    _STRING,
    _NUMBER,
)
_BRACES = _mode(r"(?P<word>[A-Za-z_][A-Za-z0-9_]*+)", r"(?P<mark>=~|!~|!=|[=,}])", _STRING)
_BRACKETS = _mode(_NUMBER, r"(?P<mark>[-+*/%^(),:\]])", r"(?P<word>[A-Za-z_]++)")
_NEXT_MODE = {"{": _BRACES, "[": _BRACKETS, "}": _EXPRESSION, "]": _EXPRESSION}
_SPACE = re.compile(_SKIP)


WORD, NUMBER, STRING, END = "a word", "a number", "a string", "the end"  # no word or mark reads like these
_KINDS = {"word": WORD, "number": NUMBER, "string": STRING, "end": END}


class Tokens(NamedTuple):
    """The tokens of a query, without blanks and comments, as columns; the last is END."""

    kinds: list[str]  # WORD, NUMBER, STRING, END, or the mark itself
    texts: list[str]
    ends: list[int]  # where in the query each token ends


def tokenize(query: str, limits: Limits) -> Tokens:
    """Cut a query into tokens."""
    limits.hold("bytes", len(query))
    try:
        limits.hold("bytes", len(query.encode()))
    except UnicodeEncodeError as error:
        raise BadQuery("the query is not valid Unicode; remove the lone surrogate in it") from error
    kinds: list[str] = []
    texts: list[str] = []
    ends: list[int] = []
    mode, end = _EXPRESSION, 0
    while not kinds or kinds[-1] != END:
        match = mode.match(query, end)
        if match is None:
            raise _stray(query, end)
        group = match.lastgroup or ""
        text = match[group]
        end = match.end()
        kinds.append(_KINDS.get(group, text))
        texts.append(text)
        ends.append(end)
        if group == "mark":
            mode = _NEXT_MODE.get(text, mode)
        elif group == "string":
            limits.hold("string", len(text))
        if len(kinds) > limits.tokens:
            limits.hold("tokens", len(kinds))
    return Tokens(kinds, texts, ends)


def _stray(query: str, at: int) -> BadQuery:
    skipped = _SPACE.match(query, at)
    at = skipped.end() if skipped else at
    if query[at] in "\"'`":
        return BadQuery(f"the string that starts at character {at + 1} has no end; close it with {query[at]}")
    return BadQuery(f"{query[at : at + 12]!a} at character {at + 1} is not PromQL; remove or quote it")
