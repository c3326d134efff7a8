#!/usr/bin/env python3
"""What it costs the gateway to read a query and write it anew for its caller, first and when it is asked again.

Three queries: a short one, one of a board with two selectors, and one of 10 kB with 100 selectors, which is too long to
be remembered. Each is rewritten for a user, so every selector gains a matcher. Best of several rounds, CPU time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from jobgauge_gateway.policy import Published, Scope
from jobgauge_gateway.rewriter import Rewriter

SHORT = "rate(hpc_job_cpu_seconds_total[5m]) * 8"
BOARD = (
    'sum by (jobid) (rate(hpc_job_cpu_seconds_total{cluster="emmy",jobid=~"41|42"}[5m]))'
    ' / on (jobid) group_left () hpc_job_cpus{cluster="emmy",jobid=~"41|42",user="alice"} > 1'
)
LONG = " + ".join(
    f'rate(hpc_job_cpu_seconds_total{{cluster="emmy",jobid=~"{n}|5678",instance="node{n}",mode="user"}}[5m])'
    for n in range(100, 200)
)
PUBLISHED = Published(public=frozenset(["hpc_sched_nodes", "hpc_sched_up"]))


def microseconds(rewriter: Rewriter, query: str, callers: Sequence[Scope]) -> float:
    """CPU time of one rewrite, on average over these callers."""
    started = time.process_time()
    for caller in callers:
        rewriter.rewrite(query, caller)
    return (time.process_time() - started) / len(callers) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=500, help="rewrites of one selector in a round")
    arguments = parser.parse_args()
    print(f"{'bytes':>6} {'selectors':>9} {'sent bytes':>10} {'first us':>9} {'again us':>9}")
    for query, selectors in ((SHORT, 1), (BOARD, 2), (LONG, 100)):
        calls = max(1, arguments.calls // selectors)
        callers = [Scope(f"user{n}") for n in range(calls)]
        rounds = [Rewriter(PUBLISHED) for _ in range(arguments.rounds)]  # each remembers nothing at first
        first = min(microseconds(rewriter, query, callers) for rewriter in rounds)
        again = min(microseconds(rewriter, query, callers) for rewriter in rounds)
        sent = len(rounds[0].rewrite(query, callers[0]))
        print(f"{len(query):>6} {selectors:>9} {sent:>10} {first:>9.2f} {again:>9.2f}")


if __name__ == "__main__":
    main()
