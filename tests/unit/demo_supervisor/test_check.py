"""The checks of --once, each against a Prometheus and an Alertmanager that answer what the test says."""

import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from jobgauge_demo import check as module
from jobgauge_demo.check import Check
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.supervisor import Supervisor
from jobgauge_demo.truth import expected

Answers = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    answers: Answers

    def do_POST(self) -> None:
        """Let somebody choose who to be in the viewer."""
        chosen = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Set-Cookie", f"who={chosen['login']}; Path=/; HttpOnly; SameSite=Strict")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query).get("query", [""])[0]
        key = "query " + query.split("(")[0] if query else url.path
        body = self.answers.get(key)
        if callable(body):
            body = body()
        plain = url.path.startswith(("/api/v2", "/api/boards"))
        data = json.dumps(body if plain else {"status": "success", "data": body}).encode()
        stranger = url.path == "/api/boards" and self.headers["Cookie"] != "who=sam"
        self.send_response(401 if stranger else 200 if key in self.answers else 500)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def turn() -> str:
    """Another time at each look, as of a target that is scraped again."""
    return str(time.monotonic_ns())


def target(instance: str, **changes: Any) -> dict[str, Any]:
    return {
        "scrapeUrl": f"http://{instance}/metrics",
        "labels": {"job": "jobgauge-job", "instance": instance},
        "health": "up",
        "lastError": "",
        "lastScrape": turn(),
    } | changes


def rule(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "type": "recording", "lastError": ""} | changes


def series(metric: dict[str, str], value: str = "1") -> dict[str, Any]:
    return {"metric": metric, "value": [0, value]}


def alerts(extra: tuple[str, str] | None = None, without: str = "") -> list[dict[str, Any]]:
    must, _ = expected(CLUSTER, time.time())
    firing = [*must, *([extra] if extra else [])]
    return [
        {"labels": {"alertname": name, "jobid": job}, "state": "firing"}
        for name, job in firing
        if name != without
    ]


def _cluster() -> Cluster:
    """Return a cluster in which something must fire now and for some time."""
    for seed in range(100):
        cluster = Cluster(seed, 8, 12)
        now = time.time()
        if any(n == "JobOneBusyCore" for n, _ in expected(cluster, now)[0] & expected(cluster, now + 300)[0]):
            return cluster
    raise AssertionError("no seed has an alert now")


CLUSTER = _cluster()


def good() -> Answers:
    groups = [
        {
            "file": "a.yml",
            "name": "quick",
            "interval": 60,
            "lastEvaluation": turn(),
            "rules": [rule("job:x:sum"), rule("Alert", type="alerting")],
        },
        {
            "file": "a.yml",
            "name": "daily",
            "interval": 86400,
            "lastEvaluation": "",
            "rules": [rule("job:x:sum1d")],
        },
    ]
    return {
        "/api/v1/targets": lambda: {"activeTargets": [target("c001"), target("c002")]},
        "/api/v1/rules": lambda: {"groups": [groups[0] | {"lastEvaluation": turn()}, groups[1]]},
        "/api/v1/alerts": lambda: {"alerts": alerts()},
        "/api/v2/alerts": alerts,
        "/api/boards": [{"uid": "jobgauge-job"}],
        "query jobgauge_collector_success": {"result": [series({"collector": "cpu", "instance": "c001"})]},
        "query hpc_sched_up": {"result": [series({"source": "jobs"}), series({"source": "nodes"})]},
        "query count by ": {"result": [series({"__name__": "job:x:sum"}, "7")]},
    }


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answers], tuple[bool, str]]]:
    """Run the checks against these answers; return their verdict and the table."""
    monkeypatch.setattr(module, "_SETTLES", 0.5)
    monkeypatch.setattr(module, "_ALERTS", 1.0)
    monkeypatch.setattr(module, "_PAUSE", 0.01)
    (tmp_path / "boards" / "users").mkdir(parents=True)
    (tmp_path / "boards" / "users" / "jobgauge-job.json").write_text("{}")
    handler = type("Answering", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        # One server answers for all, since no path is the same.
        names = ("prometheus", "alertmanager", "viewer")
        ports = type("Ports", (), dict.fromkeys(names, server.server_address[1]))
        monkeypatch.setattr(DemoConfig, "ports", ports)
        monkeypatch.setattr(DemoConfig, "__post_init__", lambda _: None)
        config = DemoConfig(directory=str(tmp_path), history="0s")

        def checked(answers: Answers) -> tuple[bool, str]:
            handler.answers = answers
            said: list[str] = []
            children = Supervisor(str(tmp_path / "log"), said.append)
            children.deaths.update(answers.get("deaths", {}))
            verdict = Check(config, CLUSTER, children, with_grafana=False).run(said.append)
            return verdict, "\n".join(said)

        yield checked
        server.shutdown()


def test_all_is_well(run: Callable[[Answers], tuple[bool, str]]) -> None:
    verdict, table = run(good())
    assert verdict, table
    assert "FAILED" not in table
    assert "2 of 2 up" in table
    assert "1 of 1 names have series" in table  # the daily one cannot be there yet


BROKEN: dict[str, tuple[Answers, str]] = {
    "a target is down": (
        {
            "/api/v1/targets": lambda: {
                "activeTargets": [target("c001"), target("c002", health="down", lastError="refused")]
            }
        },
        "targets         1 of 2 up; wrong: jobgauge-job on c002: refused",
    ),
    "a target is never scraped": (
        {
            "/api/v1/targets": lambda: {
                "activeTargets": [target("c001", health="unknown", lastScrape="0001-01-01T00:00:00Z")]
            }
        },
        "wrong: jobgauge-job on c001: not scraped yet",
    ),
    "a collector fails": (
        {
            "query jobgauge_collector_success": {
                "result": [
                    series({"collector": "queue", "instance": "head"}, "0"),
                    series({"collector": "own", "instance": "head"}),
                ]
            }
        },
        "collectors      1 of 2 succeed; wrong: queue on head",
    ),
    "the scheduler does not answer": (
        {"query hpc_sched_up": {"result": [series({"source": "jobs"}, "0"), series({"source": "nodes"})]}},
        "scheduler       1 of 2 sources are read; wrong: its jobs cannot be read",
    ),
    "no collector is there": (
        {"query jobgauge_collector_success": {"result": []}},
        "collectors      0 of 0 succeed; wrong: there is none",
    ),
    "a rule cannot be evaluated": (
        {
            "/api/v1/rules": lambda: {
                "groups": [
                    {
                        "file": "a.yml",
                        "name": "quick",
                        "interval": 60,
                        "lastEvaluation": turn(),
                        "rules": [rule("job:x:sum", lastError="many-to-many matching")],
                    }
                ]
            }
        },
        "wrong: job:x:sum: many-to-many matching",
    ),
    "a rule records nothing": (
        {"query count by ": {"result": []}},
        "recorded series 0 of 1 names have series; wrong: job:x:sum has no series",
    ),
    "an alert fires that should not": (
        {"/api/v1/alerts": lambda: {"alerts": alerts(extra=("JobCpuLow", "77"))}},
        "wrong: JobCpuLow fires on 77",
    ),
    "an alert is silent": (
        {"/api/v1/alerts": lambda: {"alerts": alerts(without="JobOneBusyCore")}},
        "wrong: JobOneBusyCore is silent on ",
    ),
    "alerts do not reach Alertmanager": ({"/api/v2/alerts": []}, "did not reach it"),
    "Alertmanager does not answer": (
        {"/api/v2/alerts": ...},
        "FAILED  Alertmanager    cannot be seen; wrong: http://127.0.0.1:",
    ),
    "a board is not in the viewer": (
        {"/api/boards": [{"uid": "jobgauge-nodes"}]},
        "FAILED  viewer          0 boards shown; wrong: jobgauge-job is not in the viewer",
    ),
    "a child died": ({"deaths": {"alertmanager": 2}}, "wrong: alertmanager died 2 times"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_named(case: str, run: Callable[[Answers], tuple[bool, str]]) -> None:
    changes, told = BROKEN[case]
    answers = {key: value for key, value in (good() | changes).items() if value is not ...}
    verdict, table = run(answers)
    assert not verdict
    assert told in table
    assert table.count("FAILED") == 1, table


def test_missing_boards_are_named(run: Callable[[Answers], tuple[bool, str]], tmp_path: Path) -> None:
    (tmp_path / "boards" / "users" / "jobgauge-job.json").unlink()
    verdict, table = run(good())
    assert not verdict
    assert "boards          0 written, no Grafana to look in; wrong: there is none" in table


def test_alerts_may_come_late(run: Callable[[Answers], tuple[bool, str]]) -> None:
    looks = iter([[], [], []])
    verdict, table = run(good() | {"/api/v1/alerts": lambda: {"alerts": next(looks, None) or alerts()}})
    assert verdict, table
