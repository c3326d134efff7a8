"""The rules of the scope, one by one, and the `match[]` that follow from them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge_gateway.policy import Published, Scope, required
from jobgauge_gateway.promql.limits import Limits
from jobgauge_gateway.promql.reader import parse_selector
from jobgauge_gateway.promql.refusal import NotAllowed, Refused
from jobgauge_gateway.promql.selector import render
from jobgauge_gateway.promql.strings import any_of
from jobgauge_gateway.rewriter import Rewriter

PUBLISHED = Published(public=frozenset(["pub", "pub_too"]), account=frozenset(["limit"]))
REWRITER = Rewriter(PUBLISHED)
STAFF = Scope("root", staff=True)
ALICE = Scope("alice")
MEMBER = Scope("mia", member_of=frozenset(["a.c", "physics"]))
PI = Scope("pi", member_of=frozenset(["physics"]), leads=frozenset(["chem"]))

OWN, MINE, OF_PI = 'user="alice"', r'account=~"a\\.c|physics"', 'account=~"chem|physics"'


@pytest.mark.parametrize(
    ("scope", "selector", "added"),
    [
        # staff: nothing
        (STAFF, "m", ""),
        (STAFF, "{a=''}", ""),
        # public, by one equality on the exact name
        (ALICE, "pub", ""),
        (ALICE, '{"pub"}', ""),
        (ALICE, 'pub{user="bob"}', ""),
        (ALICE, '{__name__="pub",__name__!="x"}', ""),
        (ALICE, "pu", OWN),
        (ALICE, "pub_", OWN),
        (ALICE, "PUB", OWN),
        (ALICE, '{__name__=~"pub",a="b"}', OWN),
        (ALICE, '{__name__!="m",a="b"}', OWN),
        (ALICE, '{__name__="pub",__name__="m"}', OWN),
        (ALICE, '{__name__="pub",__name__="pub"}', OWN),
        (ALICE, '{name="pub"}', OWN),
        # an account's metrics, for its members
        (MEMBER, "limit", MINE),
        (MEMBER, 'limit{account="physics"}', ""),
        (MEMBER, 'limit{account="a.c"}', ""),
        (MEMBER, 'limit{account="abc"}', MINE),
        (MEMBER, 'limit{account=""}', MINE),
        (MEMBER, 'limit{account=~"physics"}', MINE),
        (MEMBER, 'limit{account!="chem"}', MINE),
        (MEMBER, 'limit{account="physics",account="chem"}', MINE),
        (MEMBER, 'm{account="physics"}', 'user="mia"'),
        (PI, "limit", OF_PI),
        (PI, 'limit{account="chem"}', ""),
        # a led account, by one equality
        (PI, 'm{account="chem"}', ""),
        (PI, '{account="chem"}', ""),
        (PI, 'm{account="chem",user="bob"}', ""),
        (PI, 'm{account="chem",account!="x"}', ""),
        (PI, 'm{account=~"chem"}', 'user="pi"'),
        (PI, 'm{account="Chem"}', 'user="pi"'),
        (PI, 'm{account="chem",account="x"}', 'user="pi"'),
        (PI, 'm{Account="chem"}', 'user="pi"'),
        (ALICE, 'm{account="chem"}', OWN),
        # all else
        (ALICE, "m", OWN),
        (ALICE, 'm{user="bob"}', OWN),
        (ALICE, '{a="b"}', OWN),
        (ALICE, '{a=~".+"}', OWN),
        (ALICE, '{a!=""}', OWN),
        (ALICE, '{a!~".*"}', OWN),
    ],
)
def test_what_a_selector_gains(scope: Scope, selector: str, added: str) -> None:
    matchers = parse_selector(selector, Limits())
    assert render(required(matchers, scope, PUBLISHED)) == f"{{{added}}}"


def test_an_accounts_metrics_are_refused_to_who_is_in_no_account() -> None:
    with pytest.raises(NotAllowed, match="limit is for members of an account, and you are in none"):
        REWRITER.rewrite("limit", ALICE)
    with pytest.raises(NotAllowed):
        REWRITER.rewrite_matcher('limit{account=""}', ALICE)


@pytest.mark.parametrize(
    "login",
    [
        "",
        " ",
        "a b",
        "alice\n",
        "al/ice",
        "ål",
        "*",
        ".*",
        "-a",
        ".",
        'a"',
        "a\\",
        "a|b",
        "1000",
        "alice@example.org",
        "x" * 256,
    ],
)
def test_an_odd_login_has_no_scope(login: str) -> None:
    with pytest.raises(NotAllowed, match="is not a login that can own jobs"):
        Scope(login)
    with pytest.raises(NotAllowed, match="is not a login"):
        Scope(login, staff=True)


@pytest.mark.parametrize("login", ["alice", "_svc", "a.b", "A-1", "1abc", "x" * 255])
def test_a_login_of_the_cluster_has_a_scope(login: str) -> None:
    assert REWRITER.rewrite("m", Scope(login)) == f'{{__name__="m",user="{login}"}}'


@pytest.mark.parametrize("account", ["", "a\nb", "a\0"])
def test_an_account_without_a_proper_name_has_no_scope(account: str) -> None:
    with pytest.raises(NotAllowed, match="is not the name of an account"):
        Scope("alice", member_of=frozenset([account]))
    with pytest.raises(NotAllowed, match="is not the name of an account"):
        Scope("alice", leads=frozenset([account]))


@given(st.sets(st.text(min_size=1), min_size=1, max_size=5), st.text())
def test_a_list_of_values_matches_them_and_nothing_else(values: set[str], other: str) -> None:
    pattern = re.compile(any_of(values))
    assert all(pattern.fullmatch(value) for value in values)
    assert bool(pattern.fullmatch(other)) == (other in values)
    assert not pattern.fullmatch("")


@pytest.mark.parametrize(
    ("scope", "selector", "sent"),
    [
        (STAFF, "m", ['{__name__="m"}']),
        (STAFF, "{'a'!=''}", ['{a!=""}']),
        (ALICE, "pub", ['{__name__="pub"}']),
        (ALICE, 'm{user="alice"}', ['{__name__="m",user="alice"}']),
        (ALICE, "m", ['{__name__="m",user="alice"}']),
        (ALICE, '{a="b"}', ['{a="b",user="alice"}', '{a="b",__name__=~"pub|pub_too"}']),
        (MEMBER, "limit", [r'{__name__="limit",account=~"a\\.c|physics"}']),
        (PI, 'm{account="chem"}', ['{__name__="m",account="chem"}']),
        (PI, "m", ['{__name__="m",user="pi"}', '{__name__="m",account=~"chem"}']),
        (
            PI,
            '{a=~".+"}',
            [
                '{a=~".+",user="pi"}',
                '{a=~".+",account=~"chem"}',
                '{a=~".+",__name__=~"pub|pub_too"}',
                '{a=~".+",__name__=~"limit",account=~"chem|physics"}',
            ],
        ),
    ],
)
def test_a_match_becomes_one_for_each_right_that_the_caller_has(
    scope: Scope, selector: str, sent: list[str]
) -> None:
    assert list(REWRITER.rewrite_matcher(selector, scope)) == sent


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "m[5m]",
        "m offset 5m",
        "sum(m)",
        "m or n",
        "m m",
        "{}",
        '{user=""}',
        '{user=~".*"}',
        "1",
        "'m'",
        "m{",
    ],
)
def test_a_match_is_one_selector_that_says_something(selector: str) -> None:
    with pytest.raises(Refused):
        REWRITER.rewrite_matcher(selector, ALICE)


def test_who_gives_no_match_gets_one_for_each_right() -> None:
    assert REWRITER.default_matchers(STAFF) == ()
    assert REWRITER.default_matchers(ALICE) == ('{user="alice"}', '{__name__=~"pub|pub_too"}')
    assert Rewriter(Published()).default_matchers(ALICE) == ('{user="alice"}',)
    assert REWRITER.default_matchers(PI) == (
        '{user="pi"}',
        '{account=~"chem"}',
        '{__name__=~"pub|pub_too"}',
        '{__name__=~"limit",account=~"chem|physics"}',
    )


def test_a_query_is_remembered_for_its_scope_only() -> None:
    scopes = [ALICE, PI, MEMBER, STAFF, Scope("alice", leads=frozenset(["chem"])), Scope("alice", staff=True)]
    first = [REWRITER.rewrite('m{account="chem"}', scope) for scope in scopes]
    assert first == [REWRITER.rewrite('m{account="chem"}', scope) for scope in scopes]
    assert first == [Rewriter(PUBLISHED).rewrite('m{account="chem"}', scope) for scope in scopes]
    assert [text.partition('user="')[2] for text in first] == ['alice"}', "", 'mia"}', "", "", ""]


def test_another_set_of_published_metrics_is_another_memory() -> None:
    assert REWRITER.rewrite("pub", ALICE) == '{__name__="pub"}'
    assert Rewriter(Published()).rewrite("pub", ALICE) == '{__name__="pub",user="alice"}'
