"""The boards and what they rely on: metrics, labels, variables, links. Renaming a metric without its boards fails here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser as promql
import pytest
import yaml

from jobgauge.catalogue import FAMILIES
from jobgauge.family import Kind
from jobgauge.rules import files, settings
from jobgauge_dashboards import cli
from jobgauge_dashboards.settings import Settings
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.names import published
from jobgauge_gateway.policy import Scope
from jobgauge_gateway.rewriter import Rewriter

ROOT = Path(__file__).parents[2]
COMMITTED = {
    str(p.relative_to(ROOT / "dashboards/json")): p.read_text() for p in ROOT.glob("dashboards/json/**/*.*")
}
BOARDS: dict[str, dict[str, Any]] = {
    board["uid"]: board
    for name, text in COMMITTED.items()
    if name.endswith(".json")
    for board in [json.loads(text)]
}
MOST_QUERIES = 20  # that a board may send when it is opened
SCRAPED = frozenset({"cluster", "instance", "job"})  # labels that come with every scrape
# Series that Prometheus itself makes.
PROMETHEUS = {
    "up": SCRAPED,
    "scrape_duration_seconds": SCRAPED,
    "scrape_samples_scraped": SCRAPED,
    "scrape_series_added": SCRAPED,
    "ALERTS": SCRAPED | {"alertname", "alertstate", "severity", "user", "account", "jobid"},
}
PUBLISHED = published(GatewayConfig())
STAFF = Scope("root", staff=True)
# Whom a board is for, as the gateway sees them; "x" is what the account variable stands for here.
READERS = {"users": Scope("alice", member_of=frozenset({"x"})), "pis": Scope("alice", leads=frozenset({"x"}))}
BUILT_IN = {
    "__rate_interval": "1m",
    "__interval": "30s",
    "__range": "6h",
    "__range_s": "21600",
    "__user.login": "alice",
}
VARIABLE = re.compile(r"\$(?:\{([a-zA-Z_][\w.]*)(?::\w+)?\}|([a-zA-Z_]\w*))")


class Asked(NamedTuple):
    """A query of a board: PromQL with every variable replaced."""

    board: str
    role: str
    place: str
    expr: str
    legend: str


def panels(board: dict[str, Any], *, closed: bool = True) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield panel
        if closed:
            yield from panel.get("panels", [])


def defined(board: dict[str, Any]) -> set[str]:
    return {variable["name"] for variable in board["templating"]["list"]}


def replaced(text: str) -> str:
    return VARIABLE.sub(lambda match: BUILT_IN.get(match[1] or match[2], "x"), text)


def asked() -> Iterator[Asked]:
    for uid, board in BOARDS.items():
        who = (uid, next(tag for tag in board["tags"] if tag != "jobgauge"))
        for panel in panels(board):
            for target in panel.get("targets", []):
                yield Asked(*who, panel["title"], replaced(target["expr"]), target["legendFormat"])
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                yield Asked(*who, f"${variable['name']}", replaced(_promql_of(variable["query"])), "")
        for annotation in board["annotations"]["list"]:
            yield Asked(*who, annotation["name"], replaced(annotation["expr"]), annotation["titleFormat"])


def _promql_of(variable_query: str) -> str:
    """The PromQL in label_values(metric, label), as a query that must have that label; or in query_result(query)."""
    if match := re.fullmatch(r"query_result\((.*)\)", variable_query):
        return match[1]
    match = re.fullmatch(r"label_values\((.*), *(\w+)\)", variable_query)
    assert match, f"{variable_query} is neither label_values(metric, label) nor query_result(query)"
    return f"count by ({match[2]}) ({match[1]})"


QUERIES = list(asked())


def recorded() -> dict[str, promql.Expr]:
    folder = ROOT / "recording_rules"
    pages = files.written(folder, settings.schema(folder / "settings.yml", settings.RulesConfig)())
    groups = [group for text in pages.values() for group in yaml.safe_load(text)["groups"]]
    return {
        rule["record"]: promql.parse(rule["expr"])
        for group in groups
        for rule in group["rules"]
        if "record" in rule
    }


RECORDED = recorded()


def labels_of_metric(name: str) -> frozenset[str]:
    """The labels that a metric's series have; KeyError where no such metric is declared or recorded."""
    if name in PROMETHEUS:
        return PROMETHEUS[name]
    if name in RECORDED:
        return labels(RECORDED[name])
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    if base != name and base in FAMILIES and FAMILIES[base].kind is Kind.HISTOGRAM:
        return SCRAPED | set(FAMILIES[base].labels) | ({"le"} if name.endswith("_bucket") else set())
    if name not in FAMILIES:
        raise KeyError(f"{name} is neither in the catalogue nor recorded by a rule")
    return SCRAPED | set(FAMILIES[name].labels)


def labels(node: promql.Expr) -> frozenset[str]:
    """The labels that an expression's series may have; KeyError where it names a metric or a label that is not there."""
    return _LABELS[type(node)](node)


def _selector(node: Any) -> frozenset[str]:
    selector = getattr(node, "vector_selector", node)
    have = labels_of_metric(selector.name)
    _demand({matcher.name for matcher in selector.matchers.matchers}, have, selector.name)
    return have


def _aggregate(node: Any) -> frozenset[str]:
    inside = labels(node.expr)
    if node.modifier is None:
        return inside if str(node.op) in ("topk", "bottomk", "limitk") else frozenset()
    named = frozenset(node.modifier.labels)
    _demand(named, inside, "the expression grouped")
    return named if node.modifier.type == promql.AggModifierType.By else inside - named


def _binary(node: Any) -> frozenset[str]:
    left, right, operator = labels(node.lhs), labels(node.rhs), str(node.op)
    if operator == "or":
        return left | right
    if _is_number(node.rhs):
        return left
    if _is_number(node.lhs):
        return right
    matched = _matched(node, left, right)
    return left if operator in ("and", "unless") else matched


def _matched(node: Any, left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    """The labels of what a binary operation makes of two series; an error where no two can match."""
    modifier = node.modifier
    matching = modifier.matching if modifier is not None else None
    named = frozenset(matching.labels) if matching is not None else frozenset()
    if matching is not None and matching.type == promql.LabelModifierType.Include:
        _demand(named, left, "the left side")
        _demand(named, right, "the right side")
        joined = named
    else:
        joined = left - named
        assert joined == right - named, f"{node.prettify()} matches {sorted(left)} with {sorted(right)}"
    if modifier is not None and modifier.card == promql.VectorMatchCardinality.ManyToOne:
        return left | frozenset(modifier.group_labels)
    if modifier is not None and modifier.card == promql.VectorMatchCardinality.OneToMany:
        return right | frozenset(modifier.group_labels)
    return joined


def _is_number(node: promql.Expr) -> bool:
    if isinstance(node, promql.BinaryExpr):
        return _is_number(node.lhs) and _is_number(node.rhs)
    if isinstance(node, promql.Call):
        return node.func.name in ("time", "scalar", "pi")
    return isinstance(node, promql.NumberLiteral) or (
        isinstance(node, promql.ParenExpr) and _is_number(node.expr)
    )


def _call(node: Any) -> frozenset[str]:
    name = node.func.name
    if name == "label_replace":
        return labels(node.args[0]) | {node.args[1].val}
    found = frozenset[str]().union(*(labels(argument) for argument in node.args))
    return found - {"le"} if name == "histogram_quantile" else frozenset() if name == "scalar" else found


def _nothing(_: Any) -> frozenset[str]:
    return frozenset()


_LABELS: dict[type, Callable[[Any], frozenset[str]]] = {
    promql.VectorSelector: _selector,
    promql.MatrixSelector: _selector,
    promql.SubqueryExpr: lambda node: labels(node.expr),
    promql.ParenExpr: lambda node: labels(node.expr),
    promql.UnaryExpr: lambda node: labels(node.expr),
    promql.AggregateExpr: _aggregate,
    promql.BinaryExpr: _binary,
    promql.Call: _call,
    promql.NumberLiteral: _nothing,
    promql.StringLiteral: _nothing,
}


def _demand(named: frozenset[str] | set[str], have: frozenset[str], of: str) -> None:
    if missing := named - have:
        raise KeyError(f"{of} has no label {', '.join(sorted(missing))} (it has {', '.join(sorted(have))})")


def test_there_is_a_board() -> None:
    assert BOARDS


def test_the_committed_files_are_what_the_command_writes() -> None:
    assert cli.render(Settings()) == COMMITTED


def test_the_readme_lists_every_board() -> None:
    listed = re.findall(
        r"^\|[A-Za-z ]*\| ([^|]+) \| ([^|]+\?) \|$", (ROOT / "dashboards/README.md").read_text(), re.MULTILINE
    )
    assert sorted(listed) == sorted((board["title"], board["description"]) for board in BOARDS.values())


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.board}: {query.place}")
def test_every_query_parses_and_names_what_exists(query: Asked) -> None:
    found = labels(promql.parse(query.expr))
    _demand(set(re.findall(r"\{\{ *(\w+) *\}\}", query.legend)), found, "what the legend is of")


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.board}: {query.place}")
def test_the_gateway_lets_a_board_ask_for_its_readers(query: Asked) -> None:
    reader = READERS.get(query.role, STAFF)
    Rewriter(PUBLISHED).rewrite(query.expr, reader)
    if not reader.staff:
        for name in re.findall(r"\b(?:[a-z_]+:)?(?:hpc|jobgauge)_[\w:]+", query.expr):
            seen = name in PUBLISHED.public | PUBLISHED.account or "user" in labels_of_metric(name)
            assert seen, f"{name} is for staff, so it is always empty on a board for {query.role}"


@pytest.mark.parametrize("uid", BOARDS)
def test_every_column_of_a_table_is_a_label_or_a_query(uid: str) -> None:
    for panel in panels(BOARDS[uid]):
        if panel["type"] != "table":
            continue
        exprs = {target["refId"]: promql.parse(replaced(target["expr"])) for target in panel["targets"]}
        values = {f"Value #{ref}" for ref in exprs} if len(exprs) > 1 else {"Value"}
        organize = next(step for step in panel["transformations"] if step["id"] == "organize")
        columns = organize["options"]["renameByName"]
        assert columns.keys() >= values, f"{panel['title']}: a query that no column shows"
        for ref, expr in exprs.items():
            assert not keeps_its_name(expr), (
                f"{panel['title']}, query {ref}: the metric's name names the column"
            )
            found, labelled = labels(expr), columns.keys() - values
            if len(exprs) > 1:
                assert labelled == found, (
                    f"{panel['title']}, query {ref}: rows do not join on {found ^ labelled}"
                )
            else:
                assert labelled <= found, f"{panel['title']}: no label {labelled - found}"
        assert {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]} <= set(columns.values())


def keeps_its_name(node: promql.Expr) -> bool:
    """Say whether the expression's series still have a metric's name."""
    if isinstance(node, promql.ParenExpr):
        return keeps_its_name(node.expr)
    if isinstance(node, promql.BinaryExpr):
        return str(node.op) in ("and", "or", "unless") and keeps_its_name(node.lhs)
    if isinstance(node, promql.AggregateExpr):
        return str(node.op) in ("topk", "bottomk") and keeps_its_name(node.expr)
    return isinstance(node, promql.VectorSelector) or (
        isinstance(node, promql.Call)
        and node.func.name in ("last_over_time", "sort", "sort_desc", "label_replace")
    )


@pytest.mark.parametrize("uid", BOARDS)
def test_every_variable_used_is_defined(uid: str) -> None:
    used = {match[1] or match[2] for match in VARIABLE.finditer(json.dumps(BOARDS[uid]["panels"]))}
    own = {name for name in used if not name.startswith("__")}
    assert own <= defined(BOARDS[uid])
    known = re.compile(
        r"__(rate_interval|interval|range|range_s|url_time_range|from|to|data\..*|field\..*|value\..*|user\.login)"
    )
    assert not [name for name in used - own if not known.fullmatch(name)]


@pytest.mark.parametrize("uid", BOARDS)
def test_a_variable_depends_only_on_those_before_it(uid: str) -> None:
    before: set[str] = set()
    for variable in BOARDS[uid]["templating"]["list"]:
        used = {match[1] or match[2] for match in VARIABLE.finditer(json.dumps(variable))}
        assert {name for name in used if not name.startswith("__")} <= before
        before.add(variable["name"])


@pytest.mark.parametrize("uid", BOARDS)
def test_every_link_leads_to_a_board_and_its_variables(uid: str) -> None:
    for url in re.findall(r'"url": "(/d/[^"]+)"', json.dumps(BOARDS[uid])):
        name, parameters = re.fullmatch(r"/d/([\w-]+)\?(.*)", url).groups()  # type: ignore[union-attr]
        assert name in BOARDS
        handed = set(re.findall(r"var-(\w+)=|\$\{(\w+):queryparam\}", parameters))
        assert {one or other for one, other in handed} <= defined(BOARDS[name])
        columns = re.findall(r'__data\.fields\[\\?"([^"\\]+)', url)
        titles = {
            o["matcher"]["options"]
            for p in panels(BOARDS[uid])
            for o in p.get("fieldConfig", {}).get("overrides", [])
        }
        assert set(columns) <= titles


@pytest.mark.parametrize("uid", BOARDS)
def test_a_board_asks_little_when_it_is_opened(uid: str) -> None:
    board = BOARDS[uid]
    targets = sum(len(panel.get("targets", [])) for panel in panels(board, closed=False))
    variables = sum(variable["type"] == "query" for variable in board["templating"]["list"])
    assert targets + variables + len(board["annotations"]["list"]) <= MOST_QUERIES


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_have_a_description_a_place_and_an_id_of_their_own(uid: str) -> None:
    shown = list(panels(BOARDS[uid]))
    assert len({panel["id"] for panel in shown}) == len(shown)
    taken: dict[tuple[int, int], str] = {}
    for panel in panels(BOARDS[uid], closed=False):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, f"{panel['title']} passes the edge of the page"
        for cell in (
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ):
            assert taken.setdefault(cell, panel["title"]) == panel["title"]
    for panel in shown:
        if panel["type"] != "row":
            assert all(part in panel["description"] for part in ("**How:**", "**Beware:**")), panel["title"]
            # What fits into a title 1280 pixels wide, beside the (i).
            assert len(panel["title"]) <= 5.2 * panel["gridPos"]["w"] - 11.8, f"{panel['title']} would be cut"


@pytest.mark.parametrize("uid", BOARDS)
def test_only_panels_that_every_supported_grafana_has(uid: str) -> None:
    core = {"row", "stat", "timeseries", "table", "bargauge", "state-timeline", "heatmap"}
    assert {panel["type"] for panel in panels(BOARDS[uid])} <= core
    assert BOARDS[uid]["schemaVersion"] >= 37  # Grafana 9.2's


def test_a_renamed_metric_is_noticed() -> None:
    with pytest.raises(KeyError, match="hpc_job_cpuz is neither"):
        labels(promql.parse("sum(hpc_job_cpuz)"))
    with pytest.raises(KeyError, match="no label jobidd"):
        labels(promql.parse('hpc_job_cpus{jobidd="1"}'))
    with pytest.raises(KeyError, match="no label jobid"):
        labels(promql.parse("sum by (jobid) (sum by (user) (hpc_job_cpus))"))
