"""A running jobgauge-demo for tests: every program of the suite on a simulated cluster, and questions to it."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job
from jobgauge_demo.settings import Ports
from jobgauge_demo.truth import expected

NODES = 8
TARGETS = NODES + 4  # and the login node, the scheduler exporter, the gateway, and Prometheus itself
COMMAND = os.path.join(os.path.dirname(sys.executable), "jobgauge-demo")

_SHARED_NODES = 11  # enough for one to be drained and reserved
_SHARED_TARGETS = TARGETS - NODES + _SHARED_NODES
_SHARED_FOR = 3600  # seconds for which the shared demo's jobs of alice go on
_ALICE_RUNS = {"membrane", "train-net"}  # a whole-node MPI job, and one on GPUs


def free_base() -> int:
    """Return a port base whose whole range is free."""
    while True:
        base = random.randrange(20000, 32000)
        try:
            for port in range(base, base + 12 + _SHARED_NODES):
                with socket.socket() as attempt:
                    attempt.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


@dataclass
class Demo:
    """A running jobgauge-demo; what it says goes to a file."""

    directory: Path
    base: int
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.output.read_text()

    def says(self, words: str) -> None:
        """Wait until it says these words."""
        with suppress(AssertionError):
            wait_until(lambda: words in self.text or self.process.poll() is not None)
        assert words in self.text, self.text

    def children(self) -> dict[int, str]:
        """Return the command lines of all processes that name the demo's folder, by pid."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                command = (
                    Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            if str(self.directory) in command and int(pid) not in (self.process.pid, os.getpid()):
                found[int(pid)] = command
        return found

    def child(self, words: str) -> int:
        """Return the pid of the only child whose command line has these words, once it has one: not while it is just started."""
        found: list[int] = []

        def is_there() -> bool:
            found[:] = [pid for pid, command in self.children().items() if words in command]
            return len(found) == 1

        wait_until(is_there)
        return found[0]

    def query(self, expression: str, when: float) -> dict[str, float]:
        """Ask its Prometheus; return values by instance (or "" where there is none)."""
        result = self.prometheus("query", query=expression, time=when)["result"]
        return {one["metric"].get("instance", ""): float(one["value"][1]) for one in result}

    def prometheus(self, path: str, **parameters: object) -> Any:
        """Return the data of an answer of its Prometheus."""
        return self._data(f"http://127.0.0.1:{self.base}", path, parameters, {})

    def gateway(self, path: str, login: str, **parameters: object) -> Any:
        """Return the data of an answer of the gateway to somebody who comes through Grafana; HTTPError where it refuses."""
        secret = (self.directory / "gateway/channel").read_text()
        return self._data(
            self.gateway_url, path, parameters, {"X-Grafana-User": login, "X-Jobgauge-Channel": secret}
        )

    @property
    def gateway_url(self) -> str:
        """Where Grafana and the viewer ask."""
        return f"http://127.0.0.1:{Ports(self.base).gateway}"

    @staticmethod
    def _data(url: str, path: str, parameters: dict[str, object], headers: dict[str, str]) -> Any:
        form = urllib.parse.urlencode(parameters, doseq=True)
        request = urllib.request.Request(f"{url}/api/v1/{path}?{form}", headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def settled(self) -> bool:
        """Say whether every target was scraped three times, rules followed, alerts fire, jobs started and ended."""
        now = time.time()
        scraped = self.query("count(count_over_time(scrape_duration_seconds[1h]) > 2)", now).get("", 0)
        evaluated = self.query("max(timestamp(cluster:hpc_job_cpus_held:sum))", now).get("", 0)
        oldest = self.query("min(timestamp(scrape_duration_seconds))", now).get("", now)
        alerts = self.query('count(ALERTS{alertstate="firing",jobid!=""})', now)
        counts = (
            f"sum(increase(hpc_sched_{name}_count[1h])) > 0" for name in ("wait_seconds", "expansion_ratio")
        )
        counted = all(self.query(count, now) for count in counts)
        return scraped >= _SHARED_TARGETS and evaluated > oldest and bool(alerts) and counted


def launch(folder: Path, name: str, *flags: str, base: int = 0, nodes: int = NODES) -> Demo:
    """Start a demo; `end` it, whatever happens."""
    base = base or free_base()
    directory = folder / name
    argv = [COMMAND, f"--nodes={nodes}", f"--dir={directory}", f"--port-base={base}", *flags]
    output = folder / f"output-{name}-{len(os.listdir(folder))}"
    with open(output, "wb") as file:
        process = subprocess.Popen(argv, stdout=file, stderr=subprocess.STDOUT)
    return Demo(directory, base, process, output)


def end(demos: list[Demo]) -> None:
    """Kill demos, and wait until their children have gone too."""
    for demo in demos:
        demo.process.kill()
        demo.process.wait()
    wait_until(lambda: not any(demo.children() for demo in demos), 30)


@contextmanager
def shared(folder: Path) -> Iterator[Demo]:
    """Run a demo with three hours of history, in which alice's known jobs run as long as the tests do."""
    demo = launch(folder, "shared", "--history=3h", f"--seed={_seed()}", nodes=_SHARED_NODES)
    try:
        demo.says("Ctrl-C ends it all.")
        yield demo
    finally:
        end([demo])


def _seed() -> int:
    """Return a seed with alice's known jobs, and with a job that must raise an alert."""
    now = time.time()
    for seed in range(1, 2000):
        cluster = Cluster(seed, _SHARED_NODES)
        steady = {job.template.name for job in alice(cluster, now) if job.end > now + _SHARED_FOR}
        if steady >= _ALICE_RUNS and lasting_alerts(cluster, now):
            return seed
    raise AssertionError("no seed has alice's jobs running for so long")


def lasting_alerts(cluster: Cluster, now: float) -> frozenset[tuple[str, str]]:
    """Return the alerts that must fire for all of the next ten minutes."""
    return expected(cluster, now + 60)[0] & expected(cluster, now + 600)[0]


def alice(cluster: Cluster, t: float) -> list[Job]:
    """Return alice's running jobs."""
    return [job for job in cluster.running(t) if job.user.name == "alice"]
