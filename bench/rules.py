#!/usr/bin/env python3
"""What the rules cost: a real Prometheus scrapes generated jobs, evaluates all rules, and says how long each group took.

python bench/rules.py --jobs 5000 --users 250
"""

from __future__ import annotations

import argparse
import http.server
import json
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from jobgauge.rules import main as write_rules

INTERVAL = 15  # seconds
TURNS = 6  # scrapes before the measurement
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
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=30) as answer:
        return json.load(answer)["data"]


def value(port: int, query: str) -> float:
    found = ask(port, "query?query=" + urllib.parse.quote(query))["result"]
    return float(found[0]["value"][1]) if found else 0.0


def measure(folder: Path, jobs: int, users: int) -> None:
    write_rules(["--out", str(folder / "rules"), f"--scrape-interval={INTERVAL}s"])
    target = serve(jobs, users)
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: {INTERVAL}s, scrape_timeout: {INTERVAL}s}}\n"
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
            time.sleep(INTERVAL * TURNS)
            print(f"{jobs} jobs of {users} users, interval {INTERVAL} s")
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
            print(f"rules keep {total:.2f} cores busy")
        finally:
            prometheus.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=5000, help="running jobs (default: 5000)")
    parser.add_argument("--users", type=int, default=250, help="users (default: 250)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        measure(Path(directory), arguments.jobs, arguments.users)
