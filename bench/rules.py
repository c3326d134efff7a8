#!/usr/bin/env python3
"""What the rules cost and what they save: a real Prometheus scrapes generated jobs and evaluates all rules.

It says how long each group of rules took, and how long the queries of each board take: as they are, on recorded series, and with
every record replaced by its formula, on raw series. 20 jobs run on a node.

python bench/rules.py --jobs 20000 --users 1000 --interval 60 --longest 0
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

from jobgauge.rules import main as write_rules

TURNS = 4  # scrapes before the measurement
BOARDS = Path(__file__).parents[1] / "dashboards" / "json"
RECORD = re.compile(r"(\w+:\w+:\w+)(\{[^}]*\})?(\[[^\]]*\])?")
PUSHED = re.compile(r'(?:cluster|user|account|jobid)=~?"[^"]*"')
GAUGES = {"cpus": 8, "memory_limit_bytes": 3.2e10, "memory_rss_bytes": 1e10, "memory_shmem_bytes": 1e8}
GAUGES |= {"memory_peak_bytes": 2e10, "memory_swap_bytes": 0}
COUNTERS = {
    "cpu_seconds_total": ("mode", ("user", "system")),
    "memory_events_total": ("event", ("oom_kill", "max")),
    "process_cpu_seconds_total": ("exe", ("/opt/a", "/opt/b", "other")),
    "energy_joules_total": ("domain", ("cpu", "dram")),
}


def page(jobs: int, users: int, start: float) -> Iterator[str]:
    """What the exporters of a cluster show now: each node has 20 jobs, one job in ten has a GPU."""
    now = time.time()
    for job in range(jobs):
        user = job % users
        labels = f'instance="n{job // 20}",jobid="{job}",user="u{user}",account="a{user // 10}"'
        yield f"hpc_job_start_time_seconds{{{labels}}} {start}\n"
        for name, value in GAUGES.items():
            yield f"hpc_job_{name}{{{labels}}} {value}\n"
        for name, (label, values) in COUNTERS.items():
            for value in values:
                yield f'hpc_job_{name}{{{labels},{label}="{value}"}} {(now - start) * 2}\n'
        yield f'hpc_job_threads{{{labels},state="running"}} 8\n'
        listed = f'{labels},partition="p{job % 5}",qos="q",name="n",state="running"'
        yield f"hpc_job_info{{{listed}}} 1\n"
        if job % 10 == 0:
            yield f'hpc_job_gpu_info{{{labels},gpu="0",model="A100"}} 1\n'
            yield f'hpc_job_gpu_utilization_ratio{{{labels},gpu="0"}} 0.5\n'


def serve(jobs: int, users: int) -> int:
    """Serve the page; return the port."""
    start = time.time() - 3600

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "".join(page(jobs, users, start)).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def ask(port: int, path: str) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=120) as answer:
        return json.load(answer)["data"]


def value(port: int, query: str) -> float:
    found = ask(port, "query?query=" + urllib.parse.quote(query))["result"]
    return float(found[0]["value"][1]) if found else 0.0


def cpu(pid: int) -> float:
    """CPU seconds that a process used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, jobs: int, users: int, interval: int, longest: int) -> None:
    write_rules(["--out", str(folder / "rules"), f"--scrape-interval={interval}s"])
    target = serve(jobs, users)
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: {interval}s, scrape_timeout: {interval}s}}\n"
        "rule_files: [rules/*.yml]\nscrape_configs:\n- job_name: jobs\n  honor_labels: true\n"
        f"  static_configs: [{{targets: ['127.0.0.1:{target}'], labels: {{cluster: bench}}}}]\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    argv += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with subprocess.Popen(argv) as prometheus:
        try:
            time.sleep(interval * (TURNS - 1))
            before = cpu(prometheus.pid)
            time.sleep(interval)
            busy = (cpu(prometheus.pid) - before) / interval
            print(f"{jobs} jobs of {users} users on {-(-jobs // 20)} nodes, interval {interval} s")
            print(f"series scraped: {value(port, 'sum(scrape_samples_scraped)'):.0f}")
            recorded = 'count({__name__=~".+:.+"})'
            print(f"series recorded: {value(port, recorded):.0f}")
            groups = ask(port, "rules")["groups"]
            for group in sorted(groups, key=lambda group: -group["evaluationTime"]):
                failed = sum(rule["health"] == "err" for rule in group["rules"])
                print(
                    f"{group['evaluationTime'] * 1000:9.1f} ms  {group['name']}  ({len(group['rules'])} rules, {failed} failed)"
                )
            total = sum(group["evaluationTime"] / group["interval"] for group in groups)
            print(f"rules take {total:.2f} s a second, Prometheus {busy:.2f} cores with scrapes and storage")
            if longest:
                measure_boards(port, formulas(folder / "rules"), interval, longest)
        finally:
            prometheus.terminate()


def formulas(folder: Path) -> dict[str, str]:
    """Return the formula of each record."""
    pages = [yaml.safe_load(path.read_text()) for path in folder.glob("*.yml")]
    rules = [rule for page in pages for group in page["groups"] for rule in group["rules"]]
    return {
        rule["record"]: re.sub(r"#[^\n]*", "", rule["expr"]).strip() for rule in rules if "record" in rule
    }


def measure_boards(port: int, known: dict[str, str], interval: int, longest: int) -> None:
    """Print how long the queries of each board take, on records and on raw series."""
    span = interval * TURNS
    print(f"{'recorded':>12} {'raw':>12}  queries of a board, over {span} s")
    for path in sorted(BOARDS.glob("*/*.json")):
        board = json.loads(path.read_text())
        queries = list(dict.fromkeys(expressions(board, interval, span)))
        pairs = [(query, on_raw(query, known, interval)) for query in queries]
        pairs = [pair for pair in pairs if pair[0] != pair[1]]
        if pairs:
            recorded, raw = (
                board_seconds(port, [pair[side] for pair in pairs], span, interval, longest)
                for side in (0, 1)
            )
            print(f"{recorded:>12} {raw:>12}  {board['uid']} ({len(pairs)})", flush=True)


def board_seconds(port: int, queries: list[str], span: int, interval: int, longest: int) -> str:
    """Return how long all the queries take, or that they take too long."""
    begin = time.monotonic()
    for query in queries:
        now = time.time()
        asked = {"query": query, "start": now - span, "end": now, "step": interval, "timeout": f"{longest}s"}
        try:
            ask(port, f"query_range?{urllib.parse.urlencode(asked)}")
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise SystemExit(f"{query}: {error.read().decode()}") from error
        except TimeoutError:
            return f"> {longest} s"
        if time.monotonic() - begin > longest:
            return f"> {longest} s"
    return f"{1000 * (time.monotonic() - begin):.0f} ms"


def expressions(part: object, interval: int, span: int) -> Iterator[str]:
    """Yield every query of a board, its variables filled."""
    filled = {
        "cluster": "bench",
        "account": "a0",
        "user": "u1",
        "__user": "u1",
        "jobid": "1",
        "node": "n0",
        "array": "1",
    }
    filled |= {
        "jobs": "1|2",
        "__range": f"{span}s",
        "__range_s": str(span),
        "__rate_interval": f"{4 * interval}s",
    }
    if isinstance(part, dict):
        if isinstance(part.get("expr"), str):
            yield re.sub(
                r"\$\{(\w+)(?::\w+)?\}|\$(\w+)",
                lambda match: filled.get(match[1] or match[2], ".*"),
                part["expr"],
            )
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from expressions(one, interval, span)


def on_raw(query: str, known: dict[str, str], interval: int) -> str:
    """Return a query with each record replaced by its formula; the records' matchers that jobs have too go with it."""

    def formula(match: re.Match[str]) -> str:
        name, matchers, window = match.groups()
        if name not in known:
            return match[0]
        text = on_raw(known[name], known, interval)
        if pushed := ",".join(PUSHED.findall(matchers or "")):
            text = re.sub(
                r"\b(hpc_job_\w+)(\{)?", lambda leaf: f"{leaf[1]}{{{pushed}" + ("," if leaf[2] else "}"), text
            )
        if window and ":" not in window:
            window = f"{window[:-1]}:{interval}s]"
        return f"({text})" + (window or "")

    return RECORD.sub(formula, query)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=5000, help="running jobs (default: 5000)")
    parser.add_argument("--users", type=int, default=250, help="users (default: 250)")
    parser.add_argument("--interval", type=int, default=15, help="seconds between scrapes (default: 15)")
    parser.add_argument(
        "--longest",
        type=int,
        default=10,
        help="seconds that the queries of a board may take, 0 to ask none; what takes longer is not asked to the end (default: 10)",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        measure(Path(directory), arguments.jobs, arguments.users, arguments.interval, arguments.longest)
