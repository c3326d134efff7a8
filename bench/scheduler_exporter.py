"""What a refresh of the queue and a scrape cost the scheduler exporter, by source, beside the usual way of exporters.

    python bench/scheduler_exporter.py [JOBS …]     made-up queues of 10,000 and 100,000 jobs, in the shape of recorded ones
    python bench/scheduler_exporter.py --here [SOURCE …]
                                                    the Slurm of this machine (SLURM_CONF), with what its clients cost

The clients of made-up queues only hand out a file, so squeue's own cost is in the second form alone. Documents are those
of Slurm 26.05 without what each job holds core by core, which real ones have besides: they are 2 to 3 times as large.

The usual way, of all exporters that we know of, is to ask and parse within each scrape: `peer text` splits lines of squeue,
`peer json` loads the document of squeue --json, and both fill prometheus_client's gauges by user, account, partition and
state. Nothing of another exporter's code is here: it is a floor for them, since they tell more than that.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from jobgauge import process
from jobgauge.exposition import render
from jobgauge_scheduler.backends import choose
from jobgauge_scheduler.collectors.jobs import JobsCollector
from jobgauge_scheduler.collectors.queue import QueueCollector
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Reading, Source
from jobgauge_scheduler.poller import Poller
from jobgauge_scheduler.slurm import squeue

RECORDED = Path(__file__).parents[1] / "tests/fixtures/slurm/26.05.5/rest_jobs.json"
OURS = {"cli": "slurm-cli", "json": "slurm-json", "rest": "slurm-rest"}
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072"}  # as in the unit
LONG = 600.0  # seconds that a client may take here
PEER_FORMAT = "%u|%a|%P|%T|%C"


def queue(jobs: int) -> Iterator[tuple]:
    """Make up a queue: a fifth runs; 500 users, as unequal as they are, have six kinds of jobs each, in 200 accounts and 5 partitions."""
    chance = random.Random(1)
    kinds = [
        [
            (
                f"group{(3 * user + chance.randrange(3)) % 200}",
                chance.choice(["batch", "fat", "gpu", "long", "short"]),
                chance.choice([1, 4, 16, 64]),
                chance.choice([2, 4, 16]),
            )
            for _ in range(6)
        ]
        for user in range(500)
    ]
    for number in range(jobs):
        user = int(chance.paretovariate(0.7)) % 500
        account, partition, cpus, memory = chance.choice(kinds[user])
        reason = chance.choice(["Priority", "Resources"])
        yield number + 1, user, account, partition, cpus, memory, number % 5 == 0, reason


def text(jobs: int, other: int = 0) -> Iterator[str]:
    """Write what squeue prints for us; every `other`-th job has another priority than without it."""
    for number, user, account, partition, cpus, memory, running, reason in queue(jobs):
        start = 1_700_000_000 + number
        own = (
            number, number, "N/A", 1000 + number % 997 + (other if other and number % other == 0 else 0),
            start - 5000, start - 5000, start if running else "N/A", f"n{number % 1000}" if running else "", "(null)",
        )  # fmt: skip
        common = (
            f"user{user}", 1000 + user, account, partition, "normal",
            "RUNNING" if running else "PENDING", "None" if running else reason, cpus, 1,
            f"cpu={cpus},mem={cpus * memory}G,node=1,billing={cpus}{',gres/gpu=2' * (partition == 'gpu')}",
            "N/A", "gres:gpu:a100:2" if partition == "gpu" else "N/A", "N/A", "N/A", "1-00:00:00",
        )  # fmt: skip
        parts = (*own, squeue.WITHIN.join(map(str, common)), f"job-{number % 321}.sh")
        yield squeue.SEPARATOR.join(map(str, parts)) + squeue.MARK + "\n"


def peer_text(jobs: int) -> Iterator[str]:
    """Write what squeue prints for the usual way."""
    for _, user, account, partition, cpus, _, running, _ in queue(jobs):
        yield f"user{user}|{account}|{partition}|{'RUNNING' if running else 'PENDING'}|{cpus}\n"


def document(jobs: int) -> Iterator[str]:
    """Write what squeue --json prints, and slurmrestd answers."""
    recorded = json.loads(RECORDED.read_text(errors="surrogateescape"))["jobs"]
    running, pending = (
        next(job for job in recorded if job["job_state"] == [state] and not job["array_task_string"])
        for state in ("RUNNING", "PENDING")
    )
    for number, user, account, partition, cpus, _, runs, reason in queue(jobs):
        job = dict(running if runs else pending)
        job |= {
            "job_id": number,
            "user_name": f"user{user}",
            "account": account,
            "partition": partition,
        }
        job |= {"name": f"job-{number % 321}.sh", "cpus": {"set": True, "infinite": False, "number": cpus}}
        job |= {"state_reason": "None" if runs else reason}
        yield ('{"jobs": [' if number == 1 else ",\n") + json.dumps(job)
    yield '], "errors": [], "warnings": []}\n'


def clients(folder: Path, answer: Path) -> str:
    """Put programs there that hand out the answer."""
    script = f'#!/bin/sh\ncase "$*" in *--version*) echo slurm 26.05.5;; *) exec cat {answer};; esac\n'
    (folder / "squeue").write_text(script)
    (folder / "squeue").chmod(0o755)
    return str(folder)


def slurmrestd(answer: Path) -> str:
    """Serve the answer from a process of its own; return the address."""
    out, into = os.pipe()
    if os.fork() == 0:

        class Requests(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = b'{"/slurm/v0.0.45/jobs": 1}'
                size = len(body) if "openapi" in self.path else answer.stat().st_size
                self.send_response(200)
                self.send_header("Content-Length", str(size))
                self.end_headers()
                if "openapi" in self.path:
                    self.wfile.write(body)
                else:
                    with answer.open("rb") as file:
                        while chunk := file.read(1 << 20):
                            self.wfile.write(chunk)

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Requests)
        os.write(into, str(server.server_port).encode())
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
        server.serve_forever()
    return f"http://127.0.0.1:{os.read(out, 10).decode()}"


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.1)
    os._exit(0)


def ours(
    source: str, jobs: int, folder: Path, held: list[float]
) -> tuple[Callable[[], object], Callable[[], bytes]]:
    """Return how to refresh, and to scrape; `held` gets the MiB that are held here when a client starts."""
    settings = {"slurm_conf": os.environ.get("SLURM_CONF", "")}
    if jobs:
        answer = write(folder / "answer", text(jobs) if source == "cli" else document(jobs))
        settings |= (
            {"slurmrest_url": slurmrestd(answer)}
            if source == "rest"
            else {"slurm_bin_dir": clients(folder, answer)}
        )
    config = SchedulerConfig(backend=OURS[source], command_timeout=LONG, **settings)  # type: ignore[arg-type]
    clock = [0.0]
    read = choose(config).reads()[Source.JOBS]

    def watched() -> Reading[object]:
        held.append(resident())
        return read()

    poller = Poller({Source.JOBS: watched}, {Source.JOBS: 60.0}, clock=lambda: clock[0])
    collectors = [QueueCollector([poller], config), JobsCollector([poller], config)]

    def refresh() -> None:
        clock[0] += 100.0
        poller.step()
        if not poller.health[Source.JOBS].up:
            raise SystemExit(poller.health[Source.JOBS].problem)

    return refresh, lambda: render([samples for c in collectors for samples in c.collect()])


def peer(
    source: str, jobs: int, folder: Path, held: list[float]
) -> tuple[Callable[[], object], Callable[[], bytes]]:
    """Return nothing to refresh: all of it happens within the scrape."""
    argv = ["squeue", "-a", "-h", *(["-o", PEER_FORMAT] if source == "peer text" else ["--json"])]
    if jobs:
        answer = write(folder / "answer", peer_text(jobs) if source == "peer text" else document(jobs))
        argv = ["cat", str(answer)]

    def scrape() -> bytes:
        held.append(resident())
        output = process.run(argv, timeout=LONG, max_bytes=1 << 33, environment={**os.environ})
        counts: Counter[tuple[str, ...]] = Counter()
        cpus: Counter[tuple[str, ...]] = Counter()
        for key, number in (_lines if source == "peer text" else _loaded)(output):
            counts[key] += 1
            cpus[key] += number
        registry = CollectorRegistry()
        for name, values in (("jobs", counts), ("cpus", cpus)):
            gauge = Gauge(name, name, ("user", "account", "partition", "state"), registry=registry)
            for key, value in values.items():
                gauge.labels(*key).set(value)
        page: bytes = generate_latest(registry)
        return page

    return lambda: None, scrape


def _lines(output: bytes) -> Iterator[tuple[tuple[str, ...], int]]:
    for line in output.decode(errors="replace").splitlines():
        user, account, partition, state, cpus = line.split("|")
        yield (user, account, partition, state), int(cpus)


def _loaded(output: bytes) -> Iterator[tuple[tuple[str, ...], int]]:
    for job in json.loads(output.decode(errors="replace"))["jobs"]:
        state, cpus = job["job_state"], job["cpus"]
        key = (
            job["user_name"],
            job["account"],
            job["partition"],
            state if isinstance(state, str) else state[0],
        )
        yield key, cpus if isinstance(cpus, int) else cpus["number"]


def write(path: Path, parts: Iterator[str]) -> Path:
    with path.open("w", errors="surrogateescape") as file:
        file.writelines(parts)
    return path


def measure(source: str, jobs: int) -> None:
    """Refresh again and again, so that the old figures are there beside the new ones; then scrape.

    Text is read where all jobs are new, where a tenth have changed since the last time, and where all have.
    """
    with tempfile.TemporaryDirectory() as folder:
        make = ours if source in OURS else peer
        held: list[float] = []
        refresh, scrape = make(source, jobs, Path(folder), held)
        costs = [cpu(refresh)]
        scrape()  # warms up
        for other in (10, 1):
            if source == "cli" and jobs:
                write(Path(folder) / "answer", text(jobs, other))
            costs.append(cpu(refresh))
        page_cost = cpu(scrape)
        page = scrape()
    own, child = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    count = f"{jobs:,}" if jobs else "here"
    first, some, every = (seconds for seconds, _ in costs)
    print(
        f"{count:>8} {source:10} refresh {first:5.2f}, then {some:5.2f} to {every:5.2f} + client {costs[-1][1]:5.2f} CPU s   "
        f"scrape {page_cost[0] * 1000:8.1f} + client {page_cost[1] * 1000:6.0f} CPU ms   "
        f"peak {own:5.0f} MiB, when a client starts {max(held):5.0f}, client {child:5.0f} MiB   {len(page.splitlines()):6} lines",
        flush=True,
    )


def resident() -> float:
    """Return the MiB of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def cpu(work: Callable[[], object]) -> tuple[float, float]:
    """Return the CPU seconds that it takes here, and in the programs that it starts."""
    before = _used()
    work()
    after = _used()
    return after[0] - before[0], after[1] - before[1]


def _used() -> tuple[float, float]:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, children.ru_utime + children.ru_stime


def main() -> None:
    """Do what the arguments ask for."""
    match sys.argv[1:]:
        case ["--one", source, jobs]:
            measure(source, int(jobs))
        case ["--here", *sources]:
            run("0", *(sources or ["cli", "peer text", "json", "peer json"]))
        case counts:
            for jobs in counts or ["10000", "100000"]:
                # documents of more jobs would need 0.5 GB of memory here, and the usual way more than 3
                large = int(jobs) > 20_000
                run(jobs, "cli", "peer text", "rest", *(() if large else ("json", "peer json")))


def run(jobs: str, *sources: str) -> None:
    """Measure each source in a process of its own, for memory that was used once stays counted."""
    for source in sources:
        command = [sys.executable, __file__, "--one", source, jobs]
        subprocess.run(command, check=True, env={**os.environ, **MALLOC})


if __name__ == "__main__":
    main()
