"""What holds for every rule: it reads only what exists, keeps the cluster, says what its name says, and is tested."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml

from jobgauge.catalogue import FAMILIES
from jobgauge.family import Kind
from jobgauge.rules import main

SOURCES = Path(__file__).parents[2] / "recording_rules"
COMPAT = sorted(path.name.removesuffix(".rules.yml") for path in SOURCES.glob("compat/*.rules.yml"))
PROMETHEUS_OWN = {
    "ALERTS",
    "up",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_rule_group_interval_seconds",
    "prometheus_rule_group_last_duration_seconds",
    "scrape_duration_seconds",
}
NODE_EXPORTER = {"node_filesystem_avail_bytes", "node_filesystem_size_bytes"}
# The labels that a level's name stands for; else they are the words of the name.
LEVELS = {
    "job": {"cluster", "jobid", "user", "account"},
    "job_node": {"cluster", "instance", "jobid", "user", "account"},
    "job_gpu": {"cluster", "instance", "jobid", "user", "account", "gpu", "model"},
}
ANNOTATIONS = {"summary", "description", "dashboard_url", "runbook_url"}

Rule = dict[str, Any]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("rules")
    assert main(["--out", str(out), *(f"--compat={name}" for name in COMPAT)]) == 0
    return {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(out.iterdir())}


def rules_of(pages: dict[str, Any]) -> list[Rule]:
    return [rule for page in pages.values() for group in page["groups"] for rule in group["rules"]]


def is_compat(name: str) -> bool:
    return name.removesuffix(".rules.yml") in COMPAT


@pytest.fixture(scope="module")
def rules(pages: dict[str, Any]) -> list[Rule]:
    """Every rule but those of compat/, which have other systems' names on one side."""
    return rules_of({name: page for name, page in pages.items() if not is_compat(name)})


@pytest.fixture(scope="module")
def compat(pages: dict[str, Any]) -> dict[str, list[Rule]]:
    return {name: rules_of({name: page}) for name, page in pages.items() if is_compat(name)}


@pytest.fixture(scope="module")
def records(rules: list[Rule]) -> list[str]:
    return [rule["record"] for rule in rules if "record" in rule]


@pytest.fixture(scope="module")
def alerts(rules: list[Rule]) -> list[Rule]:
    return [rule for rule in rules if "alert" in rule]


@pytest.fixture(scope="module")
def tests() -> list[Rule]:
    files = sorted(Path(__file__).parent.glob("*.test.yml"))
    return [test for path in files for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]]


def parts(expression: str, kind: type[Any]) -> list[Any]:
    """The parts of an expression that are of a kind."""
    found: list[Any] = []

    def visit(node: promql.Expr) -> None:
        part = getattr(node, "vector_selector", node)
        if isinstance(part, kind) and part not in found:
            found.append(part)

    promql.walk(promql.parse(expression), pre_visit=visit)
    return found


def metrics(expression: str) -> set[str]:
    return {selector.name for selector in parts(expression, promql.VectorSelector)}


def test_the_walk_sees_every_metric() -> None:
    text = "sum(rate(m1[5m])) / on (b) (topk(3, m2) or -m3 ^ m4 unless max_over_time(m5[1h:1m] offset 1m))"
    assert metrics(text) == {"m1", "m2", "m3", "m4", "m5"}


def test_every_metric_that_a_rule_reads_is_exposed_or_recorded(rules: list[Rule], records: list[str]) -> None:
    known = {*FAMILIES, *records, *PROMETHEUS_OWN, *NODE_EXPORTER}
    for family in FAMILIES.values():
        if family.kind is Kind.HISTOGRAM:
            known |= {family.name + end for end in ("_bucket", "_sum", "_count")}
    read = {name for rule in rules for name in metrics(rule["expr"])}
    read |= {name for rule in rules for name in asked_by_templates(rule)}
    assert read - known == set()


def test_a_compat_file_leads_to_our_names_or_from_them(
    compat: dict[str, list[Rule]], records: list[str]
) -> None:
    for name, rules in compat.items():
        recorded = {rule["record"] for rule in rules}
        read = {metric for rule in rules for metric in metrics(rule["expr"])}
        if name.startswith("from-"):
            assert recorded <= set(records), name
            assert not read & set(records) - recorded, name
        else:
            assert read <= {*records, *FAMILIES, *recorded}, name


def test_every_compat_record_is_tested(compat: dict[str, list[Rule]], tests: list[Rule]) -> None:
    for rules in compat.values():
        for rule in rules:
            assert labels_seen(tests, rule["record"]), rule["record"]


def asked_by_templates(rule: Rule) -> set[str]:
    """The metrics that the queries in an alert's text name."""
    return set(re.findall(r"(?:\w+:)?hpc_\w+(?::\w+)?", " ".join(rule.get("annotations", {}).values())))


def test_the_mail_has_a_figure_for_every_alert_that_owners_are_told_of(
    alerts: list[Rule], tests: list[Rule]
) -> None:
    named = {alert["alert"] for alert in alerts if re.match("(Job|User)[A-Z]", alert["alert"])}
    told = [
        (one["exp_labels"]["kind"], one["exp_annotations"]["description"])
        for test in tests
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == "OwnerReport"
        for one in case["exp_alerts"]
    ]
    assert {kind for kind, text in told if re.search(r"[0-9]", text.partition("Longest:")[0])} == named


def test_every_aggregation_names_its_labels_and_keeps_the_cluster(rules: list[Rule]) -> None:
    for rule in rules:
        for part in parts(rule["expr"], promql.AggregateExpr):
            assert part.modifier, rule["expr"]
            assert part.modifier.type == promql.AggModifierType.By, rule["expr"]
            assert "cluster" in part.modifier.labels, rule["expr"]


def test_every_match_keeps_the_cluster(rules: list[Rule]) -> None:
    for rule in rules:
        for part in parts(rule["expr"], promql.BinaryExpr):
            if part.modifier and part.modifier.matching:
                named = "cluster" in part.modifier.matching.labels
                assert named == (part.modifier.matching.type == promql.LabelModifierType.Include), rule[
                    "expr"
                ]


def test_every_group_has_an_interval_and_a_name_of_its_own(pages: dict[str, Any]) -> None:
    groups = [group for page in pages.values() for group in page["groups"]]
    names = [group["name"] for group in groups]
    assert sorted(set(names)) == sorted(names)
    assert all(name.startswith("jobgauge-") for name in names)
    assert all("interval" in group for group in groups)


def test_every_record_is_made_once_and_by_one_group(rules: list[Rule], records: list[str]) -> None:
    assert sorted(set(records)) == sorted(records)


def labels_seen(tests: list[Rule], name: str) -> list[set[str]]:
    """The label names of a record's series, as the tests expect them."""
    samples = [
        sample["labels"]
        for test in tests
        for case in test.get("promql_expr_test", [])
        for sample in case["exp_samples"]
    ]
    return [
        {matcher.name for matcher in promql.parse(labels).matchers.matchers}
        for labels in samples
        if labels == name or labels.startswith(name + "{")
    ]


def test_every_record_is_tested_and_has_the_labels_of_its_level(
    records: list[str], tests: list[Rule]
) -> None:
    for name in records:
        level, _, _ = name.split(":")
        labels = LEVELS.get(level) or set(level.split("_"))
        assert labels in labels_seen(tests, name), (
            f"{name}: no test expects a series with just {sorted(labels)}"
        )


def test_every_alert_is_tested_where_it_fires_and_where_it_does_not(
    alerts: list[Rule], tests: list[Rule]
) -> None:
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    for alert in alerts:
        of_alert = [case["exp_alerts"] for case in cases if case["alertname"] == alert["alert"]]
        assert any(of_alert), f"{alert['alert']}: no test expects it to fire"
        assert [] in of_alert, f"{alert['alert']}: no test expects it to be silent"


def test_every_alert_says_what_to_do_and_where_to_look(alerts: list[Rule]) -> None:
    runbook = (SOURCES / "runbook.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (\w+)$", runbook, re.MULTILINE)
    assert sorted(sections) == sorted(alert["alert"] for alert in alerts)
    for alert in alerts:
        assert alert["labels"]["severity"] in {"info", "warning", "critical"}
        assert set(alert["annotations"]) == ANNOTATIONS
        assert alert["annotations"]["runbook_url"].endswith("/runbook.md#" + alert["alert"].lower())


def test_every_link_leads_to_a_board_that_knows_its_variables(alerts: list[Rule]) -> None:
    boards = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in SOURCES.parent.glob("dashboards/json/*/*.json")
    ]
    variables = {board["uid"]: {v["name"] for v in board["templating"]["list"]} for board in boards}
    for alert in alerts:
        link = alert["annotations"]["dashboard_url"]
        uid = link.removeprefix("http://localhost:3000/d/").partition("?")[0]
        assert uid in variables, link
        assert set(re.findall(r"var-(\w+)=", link)) <= variables[uid], link


def test_every_setting_is_used_and_every_file_ends_as_promised() -> None:
    files = [path for path in SOURCES.rglob("*.yml") if path.name != "settings.yml"]
    mail = list((SOURCES / "alertmanager").iterdir())
    assert all(path.name.endswith((".rules.yml", ".alerts.yml")) for path in {*files} - {*mail})
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*files, *mail])
    used = {
        match.removesuffix(".seconds").removesuffix(".percent") for match in re.findall(r"@\{([^}]+)\}", text)
    }
    # What these placeholders are derived from.
    used |= {"exempt.user", "exempt.account"} if "exempt" in used else set()
    used |= {f"exempt.{label}" for label in ("partition", "qos", "name") if "unless-exempt" in used}
    used |= {"grafana-url"} if "job-board" in used else set()
    assert set(yaml.safe_load((SOURCES / "settings.yml").read_text(encoding="utf-8"))) - used == set()


def test_the_readme_lists_every_record(records: list[str]) -> None:
    readme = (SOURCES / "README.md").read_text(encoding="utf-8")
    listed = [
        f"{level}:{metric}:{operation}"
        for metric, row in re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", readme, re.MULTILINE)
        for level, operation in re.findall(r"`(\w+):(\w+)`", row)
    ]
    assert sorted(listed) == sorted(records)


def test_the_recipe_for_long_term_storage_keeps_what_is_long_term_and_nothing_else(
    pages: dict[str, Any], records: list[str], tmp_path: Path
) -> None:
    readme = (SOURCES / "README.md").read_text(encoding="utf-8")
    recipe = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)[0]
    (tmp_path / "prometheus.yml").write_text(recipe, encoding="utf-8")
    subprocess.run(
        ["promtool", "check", "config", "prometheus.yml"], cwd=tmp_path, check=True, capture_output=True
    )
    (keep,) = yaml.safe_load(recipe)["remote_write"][0]["write_relabel_configs"]
    kept = {name for name in (*records, *FAMILIES) if re.fullmatch(keep["regex"], name)}
    assert kept == {rule["record"] for rule in rules_of({"": pages["longterm.rules.yml"]})}
