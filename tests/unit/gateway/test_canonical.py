"""What is sent upstream: one spelling for all ways to write a query, with the caller's matchers added."""

from __future__ import annotations

import pytest

from jobgauge_gateway.policy import Published, Scope
from jobgauge_gateway.promql.refusal import Refused
from jobgauge_gateway.rewriter import Rewriter

REWRITER = Rewriter(Published(public=frozenset(["pub"])))
STAFF = Scope("root", staff=True)
ALICE = Scope("alice")

# What staff send, and what goes upstream: nothing is added, so this is the canonical spelling alone.
SPELLINGS = {
    # selectors
    "m": '{__name__="m"}',
    "m{}": '{__name__="m"}',
    'm { a = "b" , c!~"d",}': '{__name__="m",a="b",c!~"d"}',
    "{'a'}": '{__name__="a"}',
    '{"my metric",a="b"}': '{__name__="my metric",a="b"}',
    '{"a.b"="c","d"="e",`f`=~`g`}': '{"a.b"="c",d="e",f=~"g"}',
    '{a="b",__name__=~"x|y"}': '{a="b",__name__=~"x|y"}',
    "a:b:c": '{__name__="a:b:c"}',
    "{sum=\"x\",on='y'}": '{sum="x",on="y"}',
    # keywords that are metrics where a metric can stand
    "sum": '{__name__="sum"}',
    "sum + Sum": '{__name__="sum"} + {__name__="Sum"}',
    "and and and": '{__name__="and"} and {__name__="and"}',
    "offset offset 5m": '{__name__="offset"} offset 5m',
    "by{a='b'}": '{__name__="by",a="b"}',
    "fill + fill": '{__name__="fill"} + {__name__="fill"}',
    "start @ end()": '{__name__="start"} @ end()',
    "anchored[5m] anchored": '{__name__="anchored"}[5m] anchored',
    # strings
    r'"\x41\101\u0042\U00000043"': '"AABC"',
    r"'it\'s \"'".replace(r"\"", '"'): r'"it' + "'" + r's \""',
    r"`a\d`": r'"a\\d"',
    "`a\nb\rc`": r'"a\x0ab\x0dc"',
    '"é☺\U0001f600\ufffd"': r'"\u00e9\u263a\U0001f600\ufffd"',
    r'"\xc3\xa9"': r'"\u00e9"',
    # numbers and durations
    "0x1F + 1e3 + .5 + 1. + 1_000 + 5m30s + Inf + nan": "0x1F + 1e3 + .5 + 1. + 1_000 + 5m30s + Inf + nan",
    "- + -1": "-+-1",
    # aggregations
    "SUM(m)": 'sum({__name__="m"})',
    "sum by(a,b,)(m)": 'sum by (a,b,) ({__name__="m"})',
    "sum(m)without(a)": 'sum({__name__="m"}) without (a)',
    "topk(3,m)": 'topk(3, {__name__="m"})',
    'sum by ("a.b", on, by) (m)': 'sum by ("a.b",on,by) ({__name__="m"})',
    "limitk(2, m) + limit_ratio(0.5, m)": 'limitk(2, {__name__="m"}) + limit_ratio(0.5, {__name__="m"})',
    # operators
    "a==bool b": '{__name__="a"} == bool {__name__="b"}',
    "a/on(x)group_left b": '{__name__="a"} / on(x) group_left() {__name__="b"}',
    "a*IGNORING(x,y)group_right(z)b": '{__name__="a"} * ignoring(x,y) group_right(z) {__name__="b"}',
    "a + on(x) fill(0) b": '{__name__="a"} + on(x) fill(0) {__name__="b"}',
    "a-fill_left ( -1 ) fill_right(2)b": '{__name__="a"} - fill_left(-1) fill_right(2) {__name__="b"}',
    "a </ 5 >/ 2": '{__name__="a"} </ 5 >/ 2',
    "a ATAN2 b ^ c % d Unless e": '{__name__="a"} atan2 {__name__="b"} ^ {__name__="c"} % {__name__="d"} unless {__name__="e"}',
    # ranges, subqueries, modifiers
    "m[5m]": '{__name__="m"}[5m]',
    "m [ 300 : ]": '{__name__="m"}[300:]',
    "m[1h:5m] offset -1m @ 1e9": '{__name__="m"}[1h:5m] offset -1m @ 1e9',
    "m @ -1.5 offset 5": '{__name__="m"} @ -1.5 offset 5',
    "rate(m[5m] smoothed)": 'rate({__name__="m"}[5m] smoothed)',
    "m[step()+1m:max_of(30s,RANGE()/2)]": '{__name__="m"}[step() + 1m:max_of(30s,range() / 2)]',
    "m[-(5m ^ 2) * +0x1e]": '{__name__="m"}[-(5m ^ 2) * +0x1e]',
    "m offset (5m + step()) + 1": '{__name__="m"} offset (5m + step()) + 1',
    "m offset -min_of(1m, 5m)": '{__name__="m"} offset -min_of(1m,5m)',
    # functions of today
    "step() + range() + start() - end()": "step() + range() + start() - end()",
    "max_of(1, 2) + pi()": "max_of(1, 2) + pi()",
    "info(m, {a='b'})": 'info({__name__="m"}, {a="b"})',
    "histogram_quantiles(m, 'q', 0.5, 0.9)": 'histogram_quantiles({__name__="m"}, "q", 0.5, 0.9)',
    "ts_of_max_over_time(m[5m])": 'ts_of_max_over_time({__name__="m"}[5m])',
    # blanks and comments
    "# first\nm # last": '{__name__="m"}',
    "\r\n\tm\r#c\rand\n#'\nm": '{__name__="m"} and {__name__="m"}',
    'm{#"}\na="#"}': '{__name__="m",a="#"}',
}


@pytest.mark.parametrize(("query", "canonical"), SPELLINGS.items())
def test_every_spelling_becomes_the_canonical_one(query: str, canonical: str) -> None:
    assert REWRITER.rewrite(query, STAFF) == canonical
    assert REWRITER.rewrite(canonical, STAFF) == canonical


@pytest.mark.parametrize(
    ("query", "sent"),
    {
        "m": '{__name__="m",user="alice"}',
        'm{user="bob"}': '{__name__="m",user="bob",user="alice"}',
        'm{user="alice"}': '{__name__="m",user="alice"}',
        'm{user=~"alice"}': '{__name__="m",user=~"alice",user="alice"}',
        "sum(m) / pub": 'sum({__name__="m",user="alice"}) / {__name__="pub"}',
        # absent() shows equalities as labels of its answer; a second matcher on the label keeps ours out of it
        'absent(m{a="b"})': 'absent({__name__="m",a="b",user="alice",user=~".+"})',
        "absent_over_time(m[5m])": 'absent_over_time({__name__="m",user="alice",user=~".+"}[5m])',
        'absent(m{user="alice"})': 'absent({__name__="m",user="alice"})',
        "absent(pub) + sum(m)": 'absent({__name__="pub"}) + sum({__name__="m",user="alice"})',
        "absent(sum(m))": 'absent(sum({__name__="m",user="alice"}))',
    }.items(),
)
def test_matchers_are_added_and_never_taken_away(query: str, sent: str) -> None:
    assert REWRITER.rewrite(query, ALICE) == sent


@pytest.mark.parametrize(
    ("query", "says"),
    {
        "": "the end of the query where a metric, a number or an expression should stand",
        "m +": "the end of the query",
        "(m": "the end of the query where `)` should stand",
        "m)": "')' at character 2 where an operator or the end should stand",
        "m n": "'n' at character 3",
        "m end": "'end' at character 3",
        "m{": "the end of the query",
        "m{a}": "one of `=`, `!=`, `=~`, `!~`",
        "m{a=b}": "where a string should stand",
        'm{a="b" c="d"}': "`,` or `}`",
        'm{a="b" or c="d"}': "'or' at character 9 where `,` or `}`",
        "m{,}": "where a string should stand",
        'm{"n"}': "names its metric before the braces and again inside",
        'm{__name__="n"}': "names its metric before the braces and again inside",
        '{""}': "empty name",
        '{""="x"}': "empty name",
        "m[5m": "the end of the query where `]` should stand",
        "m[]": "where a number should stand",
        "m[5m:1m:1m]": "where `]` should stand",
        "m[x]": "'x' at character 3 where a number should stand",
        "m @ now()": "where a number should stand",
        "m offset": "the end of the query where a number should stand",
        "on": "a keyword's name is written",
        "m + bool": "the end of the query",
        "a * on x b": "'x' at character 8 where `(` should stand",
        "a * group_left(x) b": "group_left() is not a function",
        "sum by x (m)": "'x' at character 8 where `(` should stand",
        "sum(m,)": "')' at character 7",
        "'abc": "the string that starts at character 1 has no end; close it with '",
        '"a\nb"': "has no end",
        '"a\\\nb"': "has no end",
        r'"\q"': "wrong escape",
        r'"\x4"': "wrong escape",
        r'"\400"': "wrong escape",
        r'"\xff"': "wrong escape",
        r'"\ud800"': "wrong escape",
        r'"\U00110000"': "wrong escape",
        r'"\'"': "wrong escape",
        r"'\"'": "wrong escape",
        "m\x00": "'\\x00' at character 2 is not PromQL",
        "\ufeffm": "'\\ufeffm' at character 1 is not PromQL",
        "m\u00a0": "is not PromQL",
        "m\v": "is not PromQL",
        "ünter": "is not PromQL",
        "m٣": "is not PromQL",  # a digit, though not one of PromQL's
        "m{a='\ud800'}": "not valid Unicode",
        "5mm": "is not PromQL",
        "1.2.3": "is not PromQL",
        "0xg": "is not PromQL",
        "m[5i]": "is not PromQL",
        "m; n": "is not PromQL",
        "$user": "is not PromQL",
        "a =~ b": "'=~ b' at character 3 is not PromQL",
        "a = b": "is not PromQL",
        "m}": "is not PromQL",
        "m]": "is not PromQL",
        "RATE(m[5m])": "RATE() is not a function of PromQL",
        "label_set(m, 'a', 'b')": "label_set() is not a function of PromQL",
        "info(m)": "info() reads series that the query does not name, so it is for staff only",
        "{}": "a selector matches everything; name a metric",
        '{a=""}': "a selector matches everything",
        '{a=~".*",b!="c"}': "a selector matches everything",
        '{__graphite__="x"}': "the label '__graphite__' is reserved for the store",
    }.items(),
)
def test_a_refusal_says_what_to_change(query: str, says: str) -> None:
    with pytest.raises(Refused) as refusal:
        REWRITER.rewrite(query, ALICE)
    assert says in str(refusal.value)
