#!/usr/bin/env python3
"""What a request through the gateway costs, against the same request straight to the store.

The store is a canned one in a process of its own, so that only the gateway is measured. Requests are POSTs of a board's
query, one at a time over one connection, with answers of 1 kB and of 5 MB; the caller is known by a name and the
channel's secret. CPU is what the gateway's process uses for a request; times are the client's.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

SECRET = "a secret that only this measurement knows"  # noqa: S105 - of a gateway on loopback
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "X-Jobgauge-Channel": SECRET,
    "X-Grafana-User": "alice",
}
QUERY = (
    'sum by (jobid) (rate(hpc_job_cpu_seconds_total{cluster="emmy",jobid=~"41|42"}[5m]))'
    ' / on (jobid) group_left () hpc_job_cpus{cluster="emmy",jobid=~"41|42",user="alice"} > 1'
)
SIZES = {"1 kB": 1000, "5 MB": 5_000_000}
TICKS = os.sysconf("SC_CLK_TCK")


def store(ports: multiprocessing.Queue[int]) -> None:
    """Answer every POST with as many bytes as its query's time says."""
    bodies = {size: b"x" * size for size in SIZES.values()}

    async def answer(request: web.BaseRequest) -> web.Response:
        size = int(float((await request.post())["time"]))
        return web.Response(body=bodies[size], content_type="application/json")

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(
            web.Server(answer, access_log=None), "127.0.0.1", 0
        )
        ports.put(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(main())


@contextmanager
def gateway(upstream: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a gateway in front of the store."""
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "channel"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        flags = {
            "web.listen-address": "127.0.0.1:0",
            "web.telemetry-address": "127.0.0.1:0",
            "upstream.url": f"http://127.0.0.1:{upstream}",
            "identity.method": "grafana-user",
            "identity.known-users": "any",
            "channel.secret-file": secret,
            "audit.file": Path(folder) / "audit.log",
        }
        argv = [Path(sys.executable).with_name("jobgauge-gateway"), *(f"--{k}={v}" for k, v in flags.items())]
        with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
            try:
                for line in process.stderr or ():
                    if found := re.search(r"listens on 127.0.0.1:(\d+)", line):
                        yield process, int(found[1])
                        break
            finally:
                process.terminate()


def cpu(pid: int) -> float:
    """CPU seconds that a process used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(port: int, size: int, requests: int) -> list[float]:
    """Return the milliseconds of each request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    body, times = urlencode({"query": QUERY, "time": size}), []
    for _ in range(requests):
        begin = time.perf_counter()
        connection.request("POST", "/api/v1/query", body, HEADERS)
        with connection.getresponse() as response:
            read = response.read()
        if response.status != 200 or len(read) != size:
            raise SystemExit(f"status {response.status}: {read[:200]!r}")
        times.append((time.perf_counter() - begin) * 1000)
    connection.close()
    return times


def shown(name: str, size: str, times: list[float], cpu_ms: float | None) -> None:
    p99 = statistics.quantiles(times, n=100)[98]
    used = "-" if cpu_ms is None else f"{cpu_ms:.3f}"
    print(f"{size:>5} {name:8} {used:>10} {statistics.median(times):>8.3f} {p99:>8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=3000, help="of 1 kB; a thirtieth of it of 5 MB")
    requests = parser.parse_args().requests
    ports: multiprocessing.Queue[int] = multiprocessing.Queue()
    canned = multiprocessing.Process(target=store, args=(ports,), daemon=True)
    canned.start()
    upstream = ports.get(timeout=30)
    print(f"{'size':>5} {'':8} {'CPU ms':>10} {'p50 ms':>8} {'p99 ms':>8}")
    with gateway(upstream) as (process, port):
        for label, size in SIZES.items():
            count = requests if size < 10_000 else max(20, requests // 30)
            measure(port, size, count // 10)
            shown("direct", label, measure(upstream, size, count), None)
            before = cpu(process.pid)
            times = measure(port, size, count)
            shown("gateway", label, times, (cpu(process.pid) - before) / count * 1000)
    canned.kill()


if __name__ == "__main__":
    main()
