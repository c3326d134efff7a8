#!/usr/bin/env python3
"""What one refresh of a large queue costs the scheduler exporter, and a scrape of it: python bench/scheduler_exporter.py [JOBS…].

The queue has the shape of a real one: few users with many jobs each, arrays, several partitions. squeue's own cost (0.5 CPU
seconds and 220 MiB for 100,000 jobs, measured with Slurm 22.05) comes on top; it has ended before its answer is read.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time

from jobgauge.exposition import render
from jobgauge_scheduler.collectors.jobs import JobsCollector
from jobgauge_scheduler.collectors.queue import QueueCollector
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Reading, Source
from jobgauge_scheduler.poller import Poller
from jobgauge_scheduler.slurm import squeue


def output(jobs: int) -> bytes:
    """Write what squeue would."""
    chance = random.Random(1)
    lines = []
    for number in range(jobs):
        user = int(chance.paretovariate(0.7)) % 500
        running = number % 5 == 0
        cpus = chance.choice([1, 4, 16, 64])
        start = 1_700_000_000 + number
        fields = (
            number, number, "N/A", f"user{user}", 1000 + user, f"group{user % 40}", chance.choice(["batch", "gpu", "long"]),
            "normal", "RUNNING" if running else "PENDING", "None" if running else chance.choice(["Priority", "Resources"]),
            cpus, 1, f"cpu={cpus},mem={cpus * 4}G,node=1,billing={cpus}", 1000 + number % 997, start - 5000, start - 5000,
            start if running else "N/A", start + 3600 if running else "N/A", "1-00:00:00",
            f"n{number % 1000}" if running else "", "(null)", f"job-{number % 321}.sh",
        )  # fmt: skip
        lines.append(squeue.SEPARATOR.join(map(str, fields)) + squeue.MARK + "\n")
    return "".join(lines).encode()


def measure(jobs: int) -> None:
    """Refresh twice, so that the old figures are there beside the new ones, and scrape."""
    text = output(jobs)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def read() -> Reading[object]:
        return squeue.parse(bytes(bytearray(text)))

    clock = 0.0
    poller = Poller({Source.JOBS: read}, {Source.JOBS: 60.0}, clock=lambda: clock)
    config = SchedulerConfig()
    collectors = [QueueCollector([poller], config), JobsCollector([poller], config)]
    poller.step()
    clock = 100.0
    started = time.process_time()
    poller.step()
    refresh = time.process_time() - started
    started = time.process_time()
    page = render([samples for collector in collectors for samples in collector.collect()])
    scrape = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{jobs:>7} jobs, {len(text) / 1e6:5.1f} MB of text: refresh {refresh:5.2f} CPU s, peak {memory / 1024:4.0f} MiB "
        f"(+{(memory - before) / 1024:.0f}); scrape {scrape * 1000:5.1f} ms, {len(page.splitlines())} lines"
    )


if __name__ == "__main__":
    if len(sys.argv) == 2:
        measure(int(sys.argv[1]))
    else:
        for count in sys.argv[1:] or ("10000", "100000"):
            # a process each, for memory that was used once stays counted
            subprocess.run([sys.executable, __file__, count], check=True)
