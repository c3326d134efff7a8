"""The job exporter on a node where everything happens at once, and over the life of ten thousand jobs."""

from __future__ import annotations

import gzip
import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.support.busy_node import BusyNode
from tests.support.cgroup_v2 import CgroupV2
from tests.support.running import Running, running
from tests.support.scrape import parse

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]  # on a machine at work

COMMAND = "jobgauge-job-exporter"
JOBS = 512
PROCESSES = 12  # of each job's user; four are slurmstepd's, which makes 8,192 on the node
CHANGES = 600  # a hundred a second, as many jobs that begin as that end
ALIVE = 20  # of those that come and go, at the same time
PATIENCE = 90.0  # seconds until the background has caught up, on a machine at work


class Scraper(threading.Thread):
    """Scrapes on one connection, as Prometheus does, again and again until told to end; keeps the pages, compressed."""

    def __init__(self, port: int, end: threading.Event) -> None:
        super().__init__()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._end = end
        self.pages: list[bytes] = []
        self.problem = ""

    def run(self) -> None:
        try:
            while not self._end.wait(0.1):
                self.pages.append(self._take())
        except Exception as error:  # noqa: BLE001 - the test shows it
            self.problem = repr(error)
        self.close()

    def close(self) -> None:
        self._connection.close()

    def scrape(self) -> bytes:
        return gzip.decompress(self._take())

    def _take(self) -> bytes:
        self._connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body


def port_of(exporter: Running) -> int:
    exporter.page()
    return int(re.findall(r"listens on 127\.0\.0\.1:(\d+)", exporter.said)[0])


def used(exporter: Running) -> tuple[int, int]:
    """Return how many descriptors and threads a process has."""
    folder = Path(f"/proc/{exporter.process.pid}")
    return len(os.listdir(folder / "fd")), len(os.listdir(folder / "task"))


def used_at_rest(exporter: Running) -> tuple[int, int]:
    """Return the same once the exporter has looked at all jobs, which it does every two seconds on a quiet machine."""
    seen: list[tuple[int, int]] = []

    def unchanged() -> bool:
        seen.append(used(exporter))
        return len(seen) > 60 and len(set(seen[-60:])) == 1

    wait_for(unchanged, lambda: f"it goes on to use more: {seen[-1]}")
    return seen[-1]


def resident_kb(exporter: Running) -> int:
    status = Path(f"/proc/{exporter.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


def wait_for(what: Callable[[], object], else_say: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > end:
            pytest.fail(else_say())
        time.sleep(0.1)


def count(scraper: Scraper, what: bytes) -> int:
    return scraper.scrape().count(what)


def check(pages: list[bytes]) -> None:
    """Look through the pages of one scraper: no collector fails, no series comes twice, no counter of a job falls."""
    last: dict[bytes, float] = {}
    for page in pages:
        lines = [line for line in gzip.decompress(page).splitlines() if not line.startswith(b"#")]
        series = {head: float(value) for head, _, value in (line.rpartition(b" ") for line in lines)}
        assert len(series) == len(lines), "a series comes twice"
        counters = {
            head: value
            for head, value in series.items()
            if head.startswith(b"hpc_job_") and b"_total{" in head
        }
        assert [head for head, value in counters.items() if value < last.get(head, 0.0)] == []
        failed = [
            head for head in series if head.startswith(b"jobgauge_collector_success") and not series[head]
        ]
        assert failed == []
        last |= counters


def spoil(folder: Path, rng: random.Random) -> None:
    """Make a job's file unreadable, for root too: when it is opened, or when it is read."""
    file = folder / rng.choice(["cpu.stat", "memory.stat", "memory.current", "io.stat", "cpu.pressure"])
    file.unlink()
    file.symlink_to(rng.choice([file.name, "/proc/self/mem"]))


def churn(node: BusyNode, rng: random.Random) -> None:
    """Begin and end jobs, spoil files of some, and let the counters of others rise."""
    live: list[tuple[str, int]] = []
    for change in range(CHANGES):
        if change % 2 == 0 or len(live) < ALIVE:
            live.append((str(50_000 + change), change + 1))
            folder = node.begin(*live[-1])
            if rng.random() < 0.3:
                spoil(folder, rng)
        else:
            node.end(live.pop(rng.randrange(len(live)))[0])
        stat = node.scope / f"job_{1 + change % JOBS}" / "cpu.stat"
        stat.write_text(CgroupV2(JOBS + change).files()["cpu.stat"])
        time.sleep(0.01)
    for jobid, _ in live:
        node.end(jobid)


def test_everything_at_once(tmp_path: Path) -> None:
    node = BusyNode(tmp_path / "node")
    for number in range(1, JOBS + 1):
        node.begin(str(number), number, PROCESSES)
    flags = [*node.tree.flags, "--jobs.keep-ended=1s", "--identity.timeout=1s"]
    with running(COMMAND, tmp_path / "log", *flags) as exporter:
        port = port_of(exporter)
        ended = threading.Event()
        scrapers = [Scraper(port, ended) for _ in range(2)]
        wait_for(
            lambda: count(scrapers[0], b"hpc_job_processes{") == JOBS, lambda: "processes of jobs are missing"
        )
        before = used_at_rest(exporter)
        with socket.create_connection(("127.0.0.1", port)) as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.sendall(b"GET /metrics HTTP/1.1\r\nHost: n\r\n\r\n")  # and never reads
            for scraper in scrapers:
                scraper.start()
            churn(node, random.Random(1))
            ended.set()
            for scraper in scrapers:
                scraper.join()
        assert [scraper.problem for scraper in scrapers] == ["", ""]
        for scraper in scrapers:
            check(scraper.pages)
        with closing(Scraper(port, ended)) as last:
            wait_for(
                lambda: count(last, b"hpc_job_start_time_seconds{") == JOBS, lambda: "jobs that ended stay"
            )
            wait_for(
                lambda: (
                    last.scrape()
                    and all(now <= then for now, then in zip(used(exporter), before, strict=True))
                ),
                lambda: f"descriptors and threads: {before} before, {used(exporter)} after",
            )
            values = {name: value for (name, _), value in parse(last.scrape().decode()).items()}
        assert values["hpc_job_processes"] == PROCESSES
        pages = [gzip.decompress(page) for scraper in scrapers for page in scraper.pages]
        shown = {jobid for page in pages for jobid in re.findall(rb'jobid="(\d+)"', page)}
        assert len(shown) > JOBS + CHANGES // 10, "hardly any of the jobs that came were seen"
        unreadable = re.findall(rb"jobgauge_unreadable_values_total\S+ (\d+)", pages[-1])
        assert sum(map(int, unreadable)) > 0
        assert "level=error" not in exporter.said
        assert "Traceback" not in exporter.said


def test_ten_thousand_jobs_leave_nothing_behind(tmp_path: Path) -> None:
    node = BusyNode(tmp_path / "node")
    folders = [node.begin(str(number), number) for number in range(1, 101)]
    flags = [*node.tree.flags, "--jobs.keep-ended=10ms", "--identity.timeout=10ms"]
    with (
        running(COMMAND, tmp_path / "log", *flags) as exporter,
        closing(Scraper(port_of(exporter), threading.Event())) as scraper,
    ):
        sizes = []
        shown: set[bytes] = set()
        for first in range(1000, 11_000, 100):
            # Each directory becomes that of a new job, which ends the one that it was.
            folders = [folder.rename(node.scope / f"job_{first + n}") for n, folder in enumerate(folders)]
            scraper.scrape()
            time.sleep(0.02)  # so that their owners are waited for no longer
            shown |= set(re.findall(rb'jobid="(\d+)"', scraper.scrape()))
            sizes.append((resident_kb(exporter), *used(exporter)))
        wait_for(
            lambda: len(set(re.findall(rb'jobid="(\d+)"', scraper.scrape()))) == len(folders),
            lambda: "jobs that ended stay",
        )
        assert len(shown) > 9000
        early, late = (list(zip(*part, strict=True)) for part in (sizes[10:20], sizes[-10:]))
        # What the first two thousand made room for is about enough for all: a leak of 1 kB a job would be 8 MB more.
        assert max(late[0]) - max(early[0]) < 6144
        # Descriptors, when the jobs of the rounds before have been forgotten: one left of each job would be 8,000.
        assert min(late[1]) <= max(early[1]) + 100
        assert max(late[2]) <= max(early[2])
