#!/usr/bin/env python3
"""What a scrape of the job exporter costs on nodes with 1, 128 and 512 jobs, against a floor measured in the same run.

The node is a tree of plain files with the figures of each job in 13 files, as a kernel with cgroup v2 has them. The real
command is started on it and scraped over HTTP with gzip, as Prometheus does; CPU time is the kernel's count for the whole
process. Each node is measured without and with the figures of processes. The floor (bench/job_exporter_floor.py) reads the
same files but no processes, and is measured in turns with it. Plain files are cheaper to read than the kernel's: the figures
compare programs, and do not foretell a node's.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.node_tree import NodeTree  # noqa: E402 - found by the line above


class Program:
    """A program that serves metrics."""

    def __init__(self, argv: Sequence[str]) -> None:
        started = time.monotonic()
        # As the unit of the exporter sets it.
        environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=environment)
        log = cast("IO[str]", self.process.stderr)
        address = next(
            (found for line in log if (found := re.search(r"listens on [\w.]+:(\d+)", line))), None
        )
        if address is None:
            raise SystemExit(f"{argv[0]} did not start")
        self.port = int(address[1])
        self.start_ms = (time.monotonic() - started) * 1000
        threading.Thread(target=log.read, daemon=True).start()
        self._connection = HTTPConnection("127.0.0.1", self.port)

    def scrape(self) -> bytes:
        """Take one scrape; return the page, decompressed."""
        return gzip.decompress(scrape(self._connection))

    def cpu_ms(self) -> float:
        """CPU time of all threads so far."""
        return time.clock_gettime((~self.process.pid << 3) | 2) * 1000

    def cost(self, scrapes: int) -> float:
        """CPU milliseconds a scrape."""
        before = self.cpu_ms()
        for _ in range(scrapes):
            scrape(self._connection)
        return (self.cpu_ms() - before) / scrapes

    def resident_mb(self) -> float:
        """Memory that the program holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def system_calls(self, scrapes: int = 20) -> str:
        """System calls a scrape by strace, where there is one."""
        if not shutil.which("strace"):
            return "no strace"
        with tempfile.NamedTemporaryFile("r") as counts:
            argv = ["strace", "-c", "-f", "-o", counts.name, "-p", str(self.process.pid)]
            with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as tracer:
                said = cast("IO[str]", tracer.stderr)
                said.readline()  # attached
                for _ in range(scrapes):
                    scrape(self._connection)
                tracer.terminate()
                said.read()
            total = re.search(r"^100\.00\s+\S+\s+\S+\s+(\d+)", counts.read(), re.MULTILINE)
        return f"{int(total[1]) / scrapes:.0f}" if total else "not counted"

    def crowd(self, scrapers: int, scrapes: int) -> tuple[float, float]:
        """Wall time of a scrape, p50 and p99 in milliseconds, while several scrape at the same time."""
        times: list[float] = []

        def work() -> None:
            connection = HTTPConnection("127.0.0.1", self.port)
            for _ in range(scrapes):
                started = time.monotonic()
                scrape(connection)
                times.append((time.monotonic() - started) * 1000)

        threads = [threading.Thread(target=work) for _ in range(scrapers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ordered = sorted(times)
        return statistics.median(ordered), ordered[int(len(ordered) * 0.99)]


def scrape(connection: HTTPConnection) -> bytes:
    connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
    return connection.getresponse().read()


@contextmanager
def running(argv: Sequence[str]) -> Iterator[Program]:
    program = Program(argv)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.wait()


def make_node(folder: Path, jobs: int) -> NodeTree:
    tree = NodeTree(folder)
    for n in range(min(jobs, 40)):
        tree.user(f"user{n:02}", 5000 + n)
    for n in range(jobs):
        tree.job(str(4_100_000 + n), 5000 + n % 40, 1000 + n, limit=8 << 30)
        tree.write_facts(str(4_100_000 + n), "account=physics\n")
    return tree


def measure(jobs: int, arguments: argparse.Namespace, *, processes: bool) -> str:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=arguments.folder))) / "node"
        tree = make_node(folder, jobs)
        flags = [*tree.flags, *arguments.flag, *([] if processes else ["--no-collector.processes"])]
        ours = stack.enter_context(running([arguments.command, "--web.listen-address=127.0.0.1:0", *flags]))
        floor = stack.enter_context(
            running([sys.executable, str(ROOT / "bench/job_exporter_floor.py"), str(tree.cgroups)])
        )
        time.sleep(arguments.settle)
        page = ours.scrape()
        series = page.count(b'jobid="') / jobs
        for program in (ours, floor):
            program.cost(5)
        scrapes = max(3, 300 // jobs)
        pairs = [(ours.cost(scrapes), floor.cost(scrapes)) for _ in range(arguments.rounds)]
        best, least = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
        middle, low = (statistics.median(column) for column in zip(*pairs, strict=True))
        half, nearly_all = ours.crowd(4, max(5, 200 // jobs))
        return (
            f"{jobs:5} {'with' if processes else 'no':>5} {series:7.1f} {best:9.3f} {middle:9.3f} {least:9.3f} {low:9.3f} {middle / low:6.2f} "
            f"{best / jobs * 1000:8.1f} {ours.system_calls():>9} {ours.resident_mb():7.1f} {floor.resident_mb():7.1f} "
            f"{ours.start_ms:8.0f} {half:8.1f} {nearly_all:8.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 128, 512])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--settle",
        type=float,
        default=11.0,
        help="seconds before measuring; files of younger jobs are looked for again",
    )
    parser.add_argument("--command", default=str(Path(sys.executable).parent / "jobgauge-job-exporter"))
    parser.add_argument("--folder", default="/dev/shm", help="where the trees are made")  # noqa: S108 - memory, not a secret
    parser.add_argument("--flag", action="append", default=[], help="a flag for the command; may be repeated")
    arguments = parser.parse_args()
    print(
        "CPU in ms a scrape, best and median of rounds; us a job by the best; wall time in ms with 4 scrapers\n"
        f"{'jobs':>5} {'proc.':>5} {'series':>7} {'best':>9} {'median':>9} {'floor b.':>9} {'floor m.':>9} {'ratio':>6} {'us a job':>8} "
        f"{'calls':>9} {'RSS MB':>7} {'floor':>7} {'start ms':>8} {'p50':>8} {'p99':>8}"
    )
    for jobs in arguments.jobs:
        for processes in (False, True):
            print(measure(jobs, arguments, processes=processes), flush=True)


if __name__ == "__main__":
    main()
