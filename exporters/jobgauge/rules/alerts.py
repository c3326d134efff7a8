"""The alerts that concern a job, a user or an account, as backtest looks at them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobgauge import data, yamlfile
from jobgauge.config import duration
from jobgauge.rules import files
from jobgauge.rules.settings import RulesConfig, values

LABELS = ("cluster", "account", "user", "jobid")
Whom = tuple[str, ...]  # their values, or those of the first of them: a job, a user of an account, an account
ACCOUNT, USER, JOB = 2, 3, 4  # how many of the labels tell one from another
_LOOKS_AT = re.compile(  # the first metric of a formula, and the window in which it is looked at
    r'((?:\w+:)?hpc_\w+(?::\w+)?)(?:\{(?:[^"}]|"(?:\\.|[^"\\])*")*\})?(?:\[(\w+)\])?'
)


@dataclass(frozen=True)
class Alert:
    """One alert: its formula, how many seconds it must hold, those between two turns, and on whom it is (ACCOUNT, USER, JOB)."""

    name: str
    formula: str
    holds: float
    turn: float
    level: int

    @property
    def metric(self) -> str:
        """What it looks at: without it, the alert can be true of nobody."""
        return self._looks_at[1]

    @property
    def window(self) -> float:
        """How many seconds of that it looks back at."""
        return sum(duration(part) for part in re.findall(r"\d+(?:ms|[smhd])", self._looks_at[2] or ""))

    @property
    def _looks_at(self) -> re.Match[str]:
        found = _LOOKS_AT.search(self.formula)
        assert found, self.formula  # noqa: S101 - every formula has a metric; the tests read them all
        return found


def whom(labels: Mapping[str, str], level: int) -> Whom:
    """Return whom a series with these labels is about."""
    return tuple(labels.get(label, "") for label in LABELS[:level])


def concerning_somebody(config: RulesConfig) -> Iterable[Alert]:
    """Yield the alerts on jobs, users and accounts with the thresholds of a site; not what reports of them by mail."""
    known = values(config)
    for path in files.rule_files(data.folder("recording_rules")):
        for group in files.filled(yamlfile.read(str(path)), known, path.name)["groups"]:
            for rule in group["rules"]:
                if "alert" in rule and "report" not in rule["labels"] and (level := _level(rule)) >= ACCOUNT:
                    yield Alert(
                        rule["alert"],
                        rule["expr"],
                        duration(rule.get("for", "0s")),
                        duration(group["interval"]),
                        level,
                    )


def _level(rule: Mapping[str, Mapping[str, str]]) -> int:
    """Return how many labels tell whom an alert is on: its summary names the narrowest."""
    named = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
    return max((number for number, label in enumerate(LABELS, 1) if label in named), default=0)
