"""sdiag: how the scheduler itself does."""

from __future__ import annotations

import getopt
import time
from collections.abc import Sequence

from jobgauge_demo.slurm.health import Calls, Health, health
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View

_EVENTS = {
    "submitted": "Jobs submitted: ",
    "started": "Jobs started:   ",
    "completed": "Jobs completed: ",
    "canceled": "Jobs canceled:  ",
    "failed": "Jobs failed:    ",
}


def sdiag(view: View, arguments: Sequence[str]) -> str:
    """Answer sdiag."""
    try:
        given, rest = getopt.gnu_getopt(list(arguments), "a", ["all"])
    except getopt.GetoptError as error:
        raise UsageError(f"error: {error}") from error
    if rest or len(given) > 1:
        raise UsageError(f"error: Unrecognized option: {' '.join(rest)}")
    now = health(view)
    return "\n".join([*_head(view, now), *_main(view, now), *_backfill(view, now), *_calls(now)]) + "\n"


def _moment(when: float) -> str:
    return f"{time.strftime('%a %b %d %H:%M:%S %Y', time.localtime(when))} ({int(when)})"


def _head(view: View, now: Health) -> list[str]:
    line = "*" * 55
    return [
        line,
        f"sdiag output at {_moment(view.now)}",
        f"Data since      {_moment(now.since)}",
        line,
        f"Server thread count:  {now.threads}",
        "RPC queue enabled:    0",
        f"Agent queue size:     {now.agents}",
        "Agent count:          0",
        "Agent thread count:   0",
        f"DBD Agent queue size: {now.database}",
        "",
        *(f"{label}{now.events[event]}" for event, label in _EVENTS.items()),
        "",
        f"Job states ts:  {_moment(view.now)}",
        f"Jobs pending:   {len(view.pending)}",
        f"Jobs running:   {view.working}",
        "",
    ]


def _main(view: View, now: Health) -> list[str]:
    cycles = now.main
    return [
        "Main schedule statistics (microseconds):",
        f"\tLast cycle:   {cycles.last}",
        f"\tMax cycle:    {cycles.longest}",
        f"\tTotal cycles: {cycles.total}",
        f"\tMean cycle:   {cycles.mean}",
        f"\tMean depth cycle:  {cycles.depth}",
        f"\tCycles per minute: {60 // cycles.every}",
        f"\tLast queue length: {len(view.pending)}",
        "",
        "Main scheduler exit:",
        f"\tEnd of job queue: {cycles.total}",
        "\tHit default_queue_depth: 0",
        "\tHit sched_max_job_start: 0",
        "\tBlocked on licenses: 0",
        "\tHit max_rpc_cnt: 0",
        "\tTimeout (max_sched_time): 0",
        "",
    ]


def _backfill(view: View, now: Health) -> list[str]:
    cycles, length = now.backfill, len(view.pending)
    return [
        "Backfilling stats",
        f"\tTotal backfilled jobs (since last slurm start): {int(view.now) // 900 % 100_000}",
        f"\tTotal backfilled jobs (since last stats cycle start): {int(view.now - now.since) // 900}",
        "\tTotal backfilled heterogeneous job components: 0",
        f"\tTotal cycles: {cycles.total}",
        f"\tLast cycle when: {_moment(cycles.when)}",
        f"\tLast cycle: {cycles.last}",
        f"\tMax cycle:  {cycles.longest}",
        f"\tMean cycle: {cycles.mean}",
        f"\tLast depth cycle: {cycles.depth}",
        f"\tLast depth cycle (try sched): {length // 2}",
        f"\tDepth Mean: {length}",
        f"\tDepth Mean (try depth): {length // 2}",
        f"\tLast queue length: {length}",
        f"\tQueue length mean: {length}",
        "\tLast table size: 31",
        "\tMean table size: 27",
        "",
        "Backfill exit",
        f"\tEnd of job queue: {cycles.total}",
        "\tHit bf_max_job_start: 0",
        "\tHit bf_max_job_test: 0",
        "\tSystem state changed: 0",
        "\tHit table size limit (bf_node_space_size): 0",
        "\tTimeout (bf_max_time): 0",
        "",
        "Latency for 1000 calls to gettimeofday(): 21 microseconds",
        "",
    ]


def _calls(now: Health) -> list[str]:
    return [
        "Remote Procedure Call statistics by message type",
        *(_line(calls, 40, 5) for calls in now.calls),
        "",
        "Remote Procedure Call statistics by user",
        *(_line(calls, 16, 8) for calls in now.callers),
        "",
        "Pending RPC statistics",
        "\tNo pending RPCs",
    ]


def _line(calls: Calls, width: int, digits: int) -> str:
    head = f"\t{calls.name:<{width}}({calls.number:{digits}})"
    return f"{head} count:{calls.count:<6} ave_time:{calls.each:<6} total_time:{calls.total}"
