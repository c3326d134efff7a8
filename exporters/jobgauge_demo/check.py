"""--once: does the whole chain work, and does exactly that raise an alert which should?"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jobgauge.errors import SourceError
from jobgauge_demo import grafana, viewer
from jobgauge_demo.api import fetch_json
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.history import BLOCK
from jobgauge_demo.prometheus import Client
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.supervisor import Supervisor
from jobgauge_demo.truth import expected

_TURNS = 2  # scrapes of each target and evaluations of each rule group that are waited for
_SETTLES = 180.0  # seconds within which they must come
_ALERTS = 240.0  # seconds within which, from the start, the alerts must be right
_QUICK = 60  # seconds; groups of rules with a longer interval are not waited for
_PAUSE = 1.0
_SHOWN = 5  # of the names in one finding


@dataclass(frozen=True)
class Finding:
    """What one check found; nothing wrong is good."""

    what: str
    seen: str
    wrong: Sequence[str] = ()
    in_time: bool = False  # what is wrong may come right by itself within a while

    def __str__(self) -> str:
        """Return a line of the table."""
        more = f" and {len(self.wrong) - _SHOWN} more" if len(self.wrong) > _SHOWN else ""
        told = f"{self.seen}; wrong: {', '.join(self.wrong[:_SHOWN])}{more}" if self.wrong else self.seen
        return f"  {'FAILED' if self.wrong else 'good':8}{self.what:16}{told}"


class Check:
    """Looks at a demo that runs."""

    def __init__(
        self, config: DemoConfig, cluster: Cluster, children: Supervisor, *, with_grafana: bool
    ) -> None:
        self._config = config
        self._cluster = cluster
        self._children = children
        self._with_grafana = with_grafana
        self._prometheus = Client(config.ports.prometheus)
        self._turns: dict[str, set[str]] = defaultdict(
            set
        )  # when each target was scraped, each group evaluated

    def run(self, say: Callable[[str], None]) -> bool:
        """Wait until there is something to judge, print the table, and tell whether all is good."""
        begin = time.monotonic()
        while not self._settled() and time.monotonic() - begin < _SETTLES:
            self._children.wait(_PAUSE)
        findings = self._findings()
        while self._may_come_right(findings) and time.monotonic() - begin < _ALERTS:
            self._children.wait(_PAUSE)
            findings = self._findings()
        say("\n".join(["checks:", *map(str, findings)]))
        return not any(finding.wrong for finding in findings)

    def _settled(self) -> bool:
        for target in self._targets():
            self._turns[target["scrapeUrl"]].add(target["lastScrape"])
        for group in self._groups():
            if group["interval"] <= _QUICK:
                self._turns[f"{group['file']} {group['name']}"].add(group["lastEvaluation"])
        zero = "0001-01-01T00:00:00Z"  # not yet
        return all(len(times - {zero}) >= _TURNS for times in self._turns.values())

    @staticmethod
    def _may_come_right(findings: Iterable[Finding]) -> bool:
        wrong = [finding for finding in findings if finding.wrong]
        return bool(wrong) and all(finding.in_time for finding in wrong)

    def _findings(self) -> list[Finding]:
        checks = (
            ("children", self._all_live),
            ("targets", self._all_up),
            ("collectors", self._all_collect),
            ("scheduler", self._all_sources),
            ("rules", self._all_evaluate),
            ("recorded series", self._all_record),
            ("alerts", self._right_alerts),
            ("Alertmanager", self._alertmanager_knows),
            ("boards", self._all_boards),
            ("viewer", self._viewer_has_all),
        )
        return [_guarded(name, check) for name, check in checks]

    def _all_live(self) -> Finding:
        deaths = [f"{name} died {count} times" for name, count in self._children.deaths.items()]
        return Finding("children", f"{self._children.count} run", deaths)

    def _targets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._prometheus.get("targets", state="active")["activeTargets"]
        return found

    def _groups(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._prometheus.get("rules")["groups"]
        return found

    def _all_up(self) -> Finding:
        targets = self._targets()
        wrong = [_target_problem(target) for target in targets if target["health"] != "up"]
        return Finding("targets", f"{len(targets) - len(wrong)} of {len(targets)} up", wrong)

    def _all_collect(self) -> Finding:
        found = self._prometheus.query("jobgauge_collector_success", time.time())
        wrong = [
            f"{series['metric']['collector']} on {series['metric']['instance']}"
            for series in found
            if series["value"][1] != "1"
        ]
        return Finding(
            "collectors", f"{len(found) - len(wrong)} of {len(found)} succeed", wrong or _none(found)
        )

    def _all_sources(self) -> Finding:
        found = self._prometheus.query("hpc_sched_up", time.time())
        wrong = [
            f"its {series['metric']['source']} cannot be read"
            for series in found
            if series["value"][1] != "1"
        ]
        seen = f"{len(found) - len(wrong)} of {len(found)} sources are read"
        return Finding("scheduler", seen, wrong or _none(found))

    def _all_evaluate(self) -> Finding:
        rules = [rule for group in self._groups() for rule in group["rules"]]
        wrong = [f"{rule['name']}: {rule['lastError']}" for rule in rules if rule.get("lastError")]
        return Finding("rules", f"{len(rules)} rules evaluated", wrong or _none(rules))

    def _all_record(self) -> Finding:
        # Slower ones have been recorded within the history only, where that was long enough.
        longest = max(_QUICK, min(BLOCK, self._config.history_seconds // 2))
        names = {
            rule["name"]
            for group in self._groups()
            for rule in group["rules"]
            if rule["type"] == "recording" and group["interval"] <= longest
        }
        query = f'count by (__name__) (last_over_time({{__name__=~".+:.+"}}[{longest + 300}s]))'
        there = {series["metric"]["__name__"] for series in self._prometheus.query(query, time.time())}
        missing = [f"{name} has no series" for name in sorted(names - there)]
        seen = f"{len(names & there)} of {len(names)} names have series"
        return Finding("recorded series", seen, missing or _none(names))

    def _right_alerts(self) -> Finding:
        alerts = self._prometheus.get("alerts")["alerts"]
        firing = {_identity(alert["labels"]) for alert in alerts if alert["state"] == "firing"}
        must, may = expected(self._cluster, time.time())
        silent = [f"{name} is silent on {job}" for name, job in sorted(must - firing)]
        false = [f"{name} fires on {what}" for name, what in sorted(firing - must - may)]
        return Finding(
            "alerts", f"{len(firing)} fire, {len(must)} must", [*false, *silent], in_time=not false
        )

    def _alertmanager_knows(self) -> Finding:
        url = f"http://127.0.0.1:{self._config.ports.alertmanager}/api/v2/alerts"
        known = {_identity(alert["labels"]) for alert in fetch_json(url)}
        must, _ = expected(self._cluster, time.time())
        missing = [f"{name} on {job} did not reach it" for name, job in sorted(must - known)]
        return Finding("Alertmanager", f"{len(known)} alerts", missing, in_time=True)

    def _all_boards(self) -> Finding:
        boards = grafana.board_files(self._config)
        if not self._with_grafana:
            return Finding("boards", f"{len(boards)} written, no Grafana to look in", _none(boards))
        missing = [f"{uid} is not in Grafana" for uid in grafana.missing_boards(self._config)]
        return Finding(
            "boards",
            f"{len(boards)} written and looked for in Grafana",
            missing or _none(boards),
            in_time=True,
        )

    def _viewer_has_all(self) -> Finding:
        count = len(grafana.board_files(self._config))
        missing = [f"{uid} is not in the viewer" for uid in viewer.missing_boards(self._config)]
        return Finding("viewer", f"{count - len(missing)} boards shown", missing)


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except SourceError as error:
        return Finding(name, "cannot be seen", [str(error)])


def _none(found: Iterable[object]) -> list[str]:
    return [] if any(True for _ in found) else ["there is none"]


def _target_problem(target: dict[str, Any]) -> str:
    return f"{target['labels']['job']} on {target['labels']['instance']}: {target['lastError'] or 'not scraped yet'}"


def _identity(labels: dict[str, str]) -> tuple[str, str]:
    """Return what tells alerts apart for the truth: the name, and the job, the user, the account or else the place."""
    about = (labels[name] for name in ("jobid", "user", "account", "instance") if name in labels)
    return labels["alertname"], next(about, "the cluster")
