"""Reads promtool's test files, so that other servers can be held to what they expect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml

from jobgauge.config import duration

_VALUES = re.compile(
    r"(?P<gap>_)(x(?P<gaps>\d+))?|(?P<stale>stale)|(?P<first>-?[\d.e]+)((?P<step>[+-][\d.e]+))?(x(?P<more>\d+))?"
)


@dataclass(frozen=True)
class Case:
    """One question of a test, and the samples that must be found, by their labels."""

    expression: str
    at: float
    expected: Mapping[frozenset[tuple[str, str]], float]


@dataclass(frozen=True)
class Scenario:
    """One test of a file."""

    name: str
    inputs: Mapping[frozenset[tuple[str, str]], list[tuple[float, float | None]]]
    cases: list[Case]

    @property
    def end(self) -> float:
        return max(case.at for case in self.cases)


def read(path: Path) -> Iterator[Scenario]:
    """Yield the tests that ask for samples."""
    # Strings only: 0x5 is no number here.
    for test in yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)["tests"]:  # noqa: S506 - a loader of strings
        cases = [_case(case) for case in test.get("promql_expr_test", []) if "ALERTS" not in case["expr"]]
        if cases:
            step = duration(test["interval"])
            inputs = {
                labels(one["series"]): list(samples(str(one["values"]), step)) for one in test["input_series"]
            }
            yield Scenario(test["name"], inputs, cases)


def in_order(test: str, rules: Path) -> str:
    """Have the groups take turns as the test lists their files: where nobody says, promtool takes any order."""
    files = [rules / name for name in yaml.safe_load(test)["rule_files"]]
    groups = [
        group["name"]
        for file in files
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    ]
    return f"{test}\ngroup_eval_order: {groups}\n"


def _case(case: Mapping[str, Any]) -> Case:
    expected = {labels(sample["labels"]): float(sample["value"]) for sample in case.get("exp_samples", [])}
    return Case(case["expr"], _seconds(str(case["eval_time"])), expected)


def _seconds(text: str) -> float:
    """Read a duration of several parts, such as 1h30m."""
    return sum(duration(part) for part in re.findall(r"\d+(?:ms|[smhd])", text))


def labels(selector: str) -> frozenset[tuple[str, str]]:
    """Return the labels of a series as it stands in a test, its name as `__name__`."""
    if selector in ("", "{}"):
        return frozenset()
    parsed = promql.parse(selector)
    name = {("__name__", parsed.name)} if parsed.name else set()
    return frozenset(name | {(one.name, one.value) for one in parsed.matchers.matchers})


def samples(text: str, step: float) -> Iterator[tuple[float, float | None]]:
    """Yield time and value of each sample that `1+2x3 _ stale` stands for; None is the end of the series."""
    turn = 0
    for word in text.split():
        found = _VALUES.fullmatch(word)
        assert found, f"{word!r} in {text!r} is not understood"
        if found["gap"]:
            turn += int(found["gaps"] or 1)
        elif found["stale"]:
            yield turn * step, None
            turn += 1
        else:
            for count in range(int(found["more"] or 0) + 1):
                yield turn * step, float(found["first"]) + count * float(found["step"] or 0)
                turn += 1
