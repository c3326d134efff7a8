"""Whatever a stranger sends is answered or refused; nothing else is ever raised, and work is bounded by counts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobgauge_gateway.policy import Published, Scope
from jobgauge_gateway.promql.limits import Limits
from jobgauge_gateway.promql.refusal import OverLimit, Refused
from jobgauge_gateway.promql.strings import quote, unquote
from jobgauge_gateway.rewriter import Rewriter

REWRITER = Rewriter(Published())
ALICE = Scope("alice")
PIECES = [
    *"+-*/%^(){}[],=~!<>@:#\"'`\\ \n\r\t",
    "m",
    "sum",
    "by",
    "on",
    "rate(",
    "5m",
    "offset",
    '"a"',
    "0x",
    "1e",
    "é",
    "\0",
    "\ud800",
]


@given(
    st.text(st.characters(codec=None), max_size=60)
    | st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
)
@settings(max_examples=500, deadline=None, derandomize=True)
def test_any_text_is_rewritten_or_refused(text: str) -> None:
    for call in (REWRITER.rewrite, REWRITER.rewrite_matcher):
        try:
            said = "".join(call(text, ALICE))
        except Refused as refusal:
            said = str(refusal)
        assert said.isprintable()
        assert said.isascii()


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("+".join(["x"] * 5000), "200 selectors"),
        ("+".join(["x"] * 30_000), "10000 tokens"),
        ("(" * 40_000, "10000 tokens"),
        ("(" * 5000 + "m" + ")" * 4000, "64 levels"),
        ("abs(" * 65 + "m" + ")" * 65, "64 levels"),
        ("-" * 5000 + "1", "64 levels"),
        ("m[" + "(" * 65 + "5m" + ")" * 65 + "]", "64 levels"),
        ("m offset " + "-" * 65 + "5m", "64 levels"),
        ('m{a=~"' + "x" * 65_000 + '"}', "16384 characters in one string"),
        ("m{" + 'a="b",' * 51 + "}", "50 matchers in one selector"),
        ("m" + " @ 1" * 9000, "10000 tokens"),
        ("x" * 65_537, "65536 bytes"),
        ("# " + "é" * 32_768, "65536 bytes"),
        ("x" * 10_000_000, "65536 bytes"),
    ],
    ids=lambda value: value[:20],
)
def test_too_much_is_refused_by_the_limit_that_it_breaks(text: str, limit: str) -> None:
    with pytest.raises(OverLimit, match=f"more than {limit}"):
        REWRITER.rewrite(text, ALICE)


@pytest.mark.parametrize(
    "text",
    [
        "abs(" * 64 + "m" + ")" * 64,
        "sum by (a) (" * 64 + "m" + ")" * 64,
        "(" * 64 + "m" + ")" * 64,
        "-" * 64 + "m",
        "+".join(["m"] * 200),
        "^".join(["2"] * 5000),
        "m" + "[5m]" * 3000,
        'm{a=~"' + "a|" * 8000 + '"}',
        'm{a="' + "\\\\" * 8000 + '"}',
        "m{a='" + "é" * 16_000 + "'}",
        " " * 65_000 + "m",
        "#\r" * 30_000 + "m",
        "m" * 65_000,
        "1" * 65_000,
        "1m" * 30_000,
    ],
    ids=lambda value: value[:20],
)
def test_what_is_just_within_the_limits_passes(text: str) -> None:
    assert REWRITER.rewrite(text, ALICE)


@pytest.mark.parametrize(
    "text",
    [
        '"' + "\\" * 65_001,
        "'" * 9999,
        "`" * 9999,
        "1" * 60_000 + "x",
        "1m" * 30_000 + "é",
        " " * 65_000 + "é",
        "{" * 60_000,
        "m{" + "," * 9000,
    ],
    ids=lambda value: value[:20],
)
def test_what_no_rule_reads_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        REWRITER.rewrite(text, ALICE)


def test_limits_are_the_sites_to_set() -> None:
    small = Rewriter(Published(), Limits(selectors=1, matchers=1, depth=1, string=5, tokens=12, bytes=30))
    assert small.rewrite("(m)", ALICE)
    for query in (
        "m + n",
        'm{a="b",c="d"}',
        "((m))",
        '"12345"',
        "1+1+1+1+1+1+1",
        " " * 30 + "m",
    ):
        with pytest.raises(OverLimit):
            small.rewrite(query, ALICE)


@given(st.text())
def test_a_string_is_read_back_as_it_was(value: str) -> None:
    literal = quote(value)
    assert unquote(literal) == value
    assert literal.isascii()
    assert literal.isprintable()
    assert not literal[1:-1].replace("\\\\", "").replace('\\"', "").count('"')
