"""How much of the CPU time of short jobs ends up in a Prometheus that scrapes every 30 seconds.

    python bench/short_jobs.py [--seconds 20]

A real Slurm 22.05 runs the jobs at random moments on this machine's cgroup v1; what they used is what the kernel counted in the
cgroup above them. Two exporters are scraped: one as it is by default, and one that forgets a job when it ends, so that its last
figures are those of the last scrape. Takes about four minutes, as root, with the packages of `make packages-test`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support import slurm_cgroups
from tests.support.real_slurm import RealSlurm, cluster
from tests.support.running import running
from tests.support.servers import Server
from tests.support.servers import running as serving

JOBS = 20
SPREAD = 120.0  # seconds in which they begin
INTERVAL = 30
NODE = "short1"
COUNTED = slurm_cgroups.ROOT / f"cpuacct/slurm_{NODE}/cpuacct.usage"
PROGRAM = Path(__file__).parents[1] / "tests/support/vm_node/jobs.py"
EXPORTERS = {
    "by default": (),
    "forgets the ended": ("--jobs.keep-ended=0s",),
}
OVER_ALL = "[15m]"
LAST = 'sum(last_over_time(hpc_job_cpu_seconds_total{job="%s"}' + OVER_ALL + "))"
FIRST = 'sum(min_over_time(hpc_job_cpu_seconds_total{job="%s"}' + OVER_ALL + "))"
SEEN = 'count(count by (jobid) (last_over_time(hpc_job_cpu_seconds_total{job="%s"}' + OVER_ALL + ")))"


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seconds", type=float, default=20.0, help="how long each job works")
    seconds = options.parse_args().seconds
    with ExitStack() as stack:
        slurm = stack.enter_context(cluster((NODE,), cgroups=True))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = {}
        for name, flags in EXPORTERS.items():
            view = slurm_cgroups.only(NODE, folder / f"{name} cgroup")
            paths = (f"--path.cgroupfs={view}", f"--path.job-facts={folder}/none")
            exporter = stack.enter_context(running("jobgauge-job-exporter", folder / name, *paths, *flags))
            exporter.page()
            ports[name] = re.findall(r"listens on 127\.0\.0\.1:(\d+)", exporter.said)[0]
        configure(folder, ports)
        prometheus = stack.enter_context(serving("prometheus-2", folder))
        run_jobs(slurm, seconds)
        time.sleep(2 * INTERVAL)
        used = int(COUNTED.read_text()) / 1e9
        print(
            f"{JOBS} jobs of {seconds:g} s used {used:.1f} s of CPU time. Scraping every {INTERVAL} s, Prometheus has:"
        )
        for name in EXPORTERS:
            last, first, seen = (ask(prometheus, query % name) for query in (LAST, FIRST, SEEN))
            by_value, by_rate = 100 * last / used, 100 * (last - first) / used
            print(
                f"{name:18} {by_value:5.1f} % by the last value, {by_rate:5.1f} % by increase(), {seen:.0f} jobs"
            )


def configure(folder: Path, ports: dict[str, str]) -> None:
    """Write what Prometheus scrapes, as JSON, which is YAML."""
    scraped = [
        {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        for name, port in ports.items()
    ]
    config = {"global": {"scrape_interval": f"{INTERVAL}s"}, "scrape_configs": scraped}
    (folder / "prometheus.yml").write_text(json.dumps(config))


def run_jobs(slurm: RealSlurm, seconds: float) -> None:
    """Run the jobs and wait until Slurm has none left."""
    shutil.copy(PROGRAM, slurm.folder / "jobs/jobs.py")
    chance = random.Random(1)
    start = time.monotonic()
    for number, moment in enumerate(sorted(chance.uniform(0, SPREAD) for _ in range(JOBS))):
        time.sleep(max(0.0, start + moment - time.monotonic()))
        command = f"/usr/bin/python3 jobs.py steady {slurm.folder}/jobs/{number} {seconds}"
        slurm.submit("games", "-A", "physics", "--mem=50", "--wrap", f"exec {command}")
    while slurm.run("squeue", "-h"):
        time.sleep(1)


def ask(prometheus: Server, query: str) -> float:
    """Return the one number that a query gives; 0 where it finds nothing."""
    found = prometheus.ask("query", query=query)["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


if __name__ == "__main__":
    main()
