#!/usr/bin/env python3
"""What a request through the gateway costs, against prom-label-proxy and the same request straight to the store.

The store is a canned one in a process of its own, so that only what stands before it is measured. Requests are POSTs of
a board's query, one at a time over one connection, with answers of 1 kB and of 5 MB. Before the gateway the caller is
known by a token that Grafana signed, and the channel's secret; prom-label-proxy believes a header. CPU is what the
process uses for a request; times are the client's. The ways take turns in several rounds, and the median round counts,
so that what else the machine does falls on all. prom-label-proxy is measured where `make bench` has built it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

SECRET = "a secret that only this measurement knows"  # noqa: S105 - of a gateway on loopback
LABEL_PROXY = Path(__file__).parents[1] / "build" / "prom-label-proxy"
ROOT = "https://grafana.example.org"
QUERY = (
    'sum by (jobid) (rate(hpc_job_cpu_seconds_total{cluster="emmy",jobid=~"41|42"}[5m]))'
    ' / on (jobid) group_left () hpc_job_cpus{cluster="emmy",jobid=~"41|42",user="alice"} > 1'
)
SIZES = {"1 kB": 1000, "5 MB": 5_000_000}
ROUNDS = 5
TICKS = os.sysconf("SC_CLK_TCK")


class Grafana:
    """Signs a token as Grafana does."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        x, y = (_encoded(number.to_bytes(32)) for number in (numbers.x, numbers.y))
        key = {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "k", "x": x, "y": y}
        self.keys = json.dumps({"keys": [key]}).encode()

    def token(self) -> str:
        """Return alice's."""
        now = int(time.time())
        claims = {"iss": f"{ROOT}/", "aud": ["org:1"], "sub": "user:1", "type": "user", "username": "alice"}
        claims |= {"iat": now, "exp": now + 3600, "authenticatedBy": "ldap"}
        head = {"alg": "ES256", "kid": "k", "typ": "jwt"}
        text = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{text}.{_encoded(r.to_bytes(32) + s.to_bytes(32))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def store(ports: multiprocessing.Queue[int], keys: bytes) -> None:
    """Answer every POST with as many bytes as its query's time says, and every GET with Grafana's keys."""
    bodies = {size: b"x" * size for size in SIZES.values()}

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "GET":
            return web.Response(body=keys, content_type="application/json")
        size = int(float((await request.post())["time"]))
        return web.Response(body=bodies[size], content_type="application/json")

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(
            web.Server(answer, access_log=None), "127.0.0.1", 0
        )
        ports.put(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(main())


@dataclass
class Way:
    """One way to the store."""

    name: str
    port: int
    headers: dict[str, str]
    pid: int = 0


@contextmanager
def gateway(upstream: int, token: str) -> Iterator[Way]:
    """Run a gateway in front of the store."""
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "channel"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        flags = {
            "web.listen-address": "127.0.0.1:0",
            "web.telemetry-address": "127.0.0.1:0",
            "upstream.url": f"http://127.0.0.1:{upstream}",
            "identity.method": "grafana-id",
            "identity.known-users": "any",
            "grafana.url": ROOT,
            "grafana.keys-url": f"http://127.0.0.1:{upstream}/keys",
            "channel.secret-file": secret,
            "audit.file": Path(folder) / "audit.log",
        }
        argv = [Path(sys.executable).with_name("jobgauge-gateway"), *(f"--{k}={v}" for k, v in flags.items())]
        headers = {"X-Jobgauge-Channel": SECRET, "X-Grafana-Id": token}
        with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
            try:
                for line in process.stderr or ():
                    if found := re.search(r"listens on 127.0.0.1:(\d+)", line):
                        yield Way("gateway", int(found[1]), headers, process.pid)
                        break
            finally:
                process.terminate()


@contextmanager
def label_proxy(upstream: int) -> Iterator[Way]:
    """Run prom-label-proxy in front of the store."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [
        LABEL_PROXY,
        f"-insecure-listen-address=127.0.0.1:{port}",
        f"-upstream=http://127.0.0.1:{upstream}",
    ]
    argv += ["-label=user", "-header-name=X-Grafana-User"]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                    break
            yield Way("prom-label-proxy", port, {"X-Grafana-User": "alice"}, process.pid)
        finally:
            process.terminate()


def cpu(pid: int) -> float:
    """CPU seconds that a process used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(way: Way, size: int, requests: int) -> tuple[list[float], float]:
    """Return the milliseconds of each request, and the CPU milliseconds of one."""
    connection = HTTPConnection("127.0.0.1", way.port, timeout=60)
    body, times = urlencode({"query": QUERY, "time": size}), []
    headers = {"Content-Type": "application/x-www-form-urlencoded", **way.headers}
    before = cpu(way.pid) if way.pid else 0.0
    for _ in range(requests):
        begin = time.perf_counter()
        connection.request("POST", "/api/v1/query", body, headers)
        with connection.getresponse() as response:
            read = response.read()
        if response.status != 200 or len(read) != size:
            raise SystemExit(f"{way.name}: status {response.status}: {read[:200]!r}")
        times.append((time.perf_counter() - begin) * 1000)
    connection.close()
    return times, (cpu(way.pid) - before) / requests * 1000 if way.pid else 0.0


def show(label: str, way: Way, rounds: Sequence[tuple[list[float], float]]) -> None:
    used = statistics.median(used for _, used in rounds)
    p50 = statistics.median(statistics.median(times) for times, _ in rounds)
    p99 = statistics.median(statistics.quantiles(times, n=100)[98] for times, _ in rounds)
    print(f"{label:>5} {way.name:16} {f'{used:.3f}' if way.pid else '-':>8} {p50:>8.3f} {p99:>8.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--requests", type=int, default=1000, help="of 1 kB a round; a thirtieth of it of 5 MB"
    )
    requests = parser.parse_args().requests
    grafana = Grafana()
    ports: multiprocessing.Queue[int] = multiprocessing.Queue()
    canned = multiprocessing.Process(target=store, args=(ports, grafana.keys), daemon=True)
    canned.start()
    upstream = ports.get(timeout=30)
    print(f"{'size':>5} {'':16} {'CPU ms':>8} {'p50 ms':>8} {'p99 ms':>8}")
    with ExitStack() as stack:
        ways = [Way("direct", upstream, {})]
        if LABEL_PROXY.exists():
            ways.append(stack.enter_context(label_proxy(upstream)))
        ways.append(stack.enter_context(gateway(upstream, grafana.token())))
        for label, size in SIZES.items():
            count = requests if size < 10_000 else max(20, requests // 30)
            for way in ways:
                measure(way, size, max(5, count // 10))
            rounds = [[measure(way, size, count) for way in ways] for _ in range(ROUNDS)]
            for number, way in enumerate(ways):
                show(label, way, [one[number] for one in rounds])
    canned.kill()


if __name__ == "__main__":
    main()
