"""sdiag: how the scheduler itself does."""

from __future__ import annotations

import getopt
import time
from collections.abc import Callable, Sequence

from jobgauge_demo.chance import between
from jobgauge_demo.lanes import Lane
from jobgauge_demo.people import STAFF
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View

_DAY = 86400
# Remote procedure calls: name, number, how many a minute, microseconds each
_CALLS = (
    ("REQUEST_SUBMIT_BATCH_JOB", 4003, 5.6, 1100),
    ("REQUEST_COMPLETE_BATCH_SCRIPT", 5018, 5.6, 2800),
    ("MESSAGE_EPILOG_COMPLETE", 6012, 6.0, 800),
    ("REQUEST_JOB_INFO", 2003, 4.0, 2300),
    ("REQUEST_PARTITION_INFO", 2009, 4.0, 90),
    ("REQUEST_NODE_INFO", 2007, 2.5, 160),
    ("MESSAGE_NODE_REGISTRATION_STATUS", 1002, 0.6, 240),
    ("REQUEST_STATS_INFO", 2035, 1.0, 130),
    ("REQUEST_ASSOC_MGR_INFO", 2043, 0.5, 210),
    ("REQUEST_SHARE_INFO", 2022, 0.5, 130),
    ("REQUEST_CANCEL_JOB_STEP", 5005, 0.1, 600),
)


def sdiag(view: View, arguments: Sequence[str]) -> str:
    """Answer sdiag."""
    try:
        given, rest = getopt.gnu_getopt(list(arguments), "a", ["all"])
    except getopt.GetoptError as error:
        raise UsageError(f"error: {error}") from error
    if rest or len(given) > 1:
        raise UsageError(f"error: Unrecognized option: {' '.join(rest)}")
    return "\n".join([*_head(view), *_jobs(view), *_main(view), *_backfill(view), *_calls(view)]) + "\n"


def _since(view: View) -> int:
    """Return when counting began: at midnight, as the scheduler's own statistics do."""
    return int(view.now) // _DAY * _DAY


def _moment(when: float) -> str:
    return f"{time.strftime('%a %b %d %H:%M:%S %Y', time.localtime(when))} ({int(when)})"


def _turn(view: View, name: str, low: int, high: int, seconds: int = 30) -> int:
    """Return a figure that changes every so many seconds."""
    return between(low, high, view.cluster.seed, name, int(view.now) // seconds)


def _head(view: View) -> list[str]:
    line = "*" * 55
    return [
        line,
        f"sdiag output at {_moment(view.now)}",
        f"Data since      {_moment(_since(view))}",
        line,
        f"Server thread count:  {_turn(view, 'threads', 1, 6)}",
        "RPC queue enabled:    0",
        f"Agent queue size:     {_turn(view, 'agents', 0, 3)}",
        "Agent count:          0",
        "Agent thread count:   0",
        f"DBD Agent queue size: {_turn(view, 'database', 0, 8)}",
        "",
    ]


def _jobs(view: View) -> list[str]:
    since = _since(view)

    def count(number: Callable[[Lane, float], int], *, of: Callable[[Lane], bool] = lambda _: True) -> int:
        return sum(number(lane, view.now) - number(lane, since) for lane in view.cluster.lanes if of(lane))

    def starts(lane: Lane) -> bool:
        return lane.template.starts

    def fails(lane: Lane) -> bool:
        return starts(lane) and lane.template.habit.end_state != "COMPLETED"

    return [
        f"Jobs submitted: {count(_submitted)}",
        f"Jobs started:   {count(_started, of=starts)}",
        f"Jobs completed: {count(_ended, of=lambda lane: starts(lane) and not fails(lane))}",
        f"Jobs canceled:  {count(_ended, of=lambda lane: not starts(lane))}",
        f"Jobs failed:    {count(_ended, of=fails)}",
        "",
        f"Job states ts:  {_moment(view.now)}",
        f"Jobs pending:   {len(view.pending)}",
        f"Jobs running:   {sum(job.state(view.now) == 'RUNNING' for job in view.running)}",
        "",
    ]


def _submitted(lane: Lane, t: float) -> int:
    return lane.newest(t)


def _started(lane: Lane, t: float) -> int:
    number = lane.current(t)
    return number + (lane.start(number) <= t)


def _ended(lane: Lane, t: float) -> int:
    number = lane.current(t)
    return number + (lane.end(number) <= t)


def _main(view: View) -> list[str]:
    cycles = int(view.now - _since(view)) // 20 + 1
    return [
        "Main schedule statistics (microseconds):",
        f"\tLast cycle:   {_turn(view, 'cycle', 300, 2500)}",
        "\tMax cycle:    48210",
        f"\tTotal cycles: {cycles}",
        f"\tMean cycle:   {_turn(view, 'mean', 800, 1100, _DAY)}",
        "\tMean depth cycle:  14",
        "\tCycles per minute: 3",
        f"\tLast queue length: {len(view.pending)}",
        "",
        "Main scheduler exit:",
        f"\tEnd of job queue: {cycles}",
        "\tHit default_queue_depth: 0",
        "\tHit sched_max_job_start: 0",
        "\tBlocked on licenses: 0",
        "\tHit max_rpc_cnt: 0",
        "\tTimeout (max_sched_time): 0",
        "",
    ]


def _backfill(view: View) -> list[str]:
    cycles = int(view.now - _since(view)) // 30 + 1
    last = int(view.now) // 30 * 30
    return [
        "Backfilling stats",
        f"\tTotal backfilled jobs (since last slurm start): {int(view.now) // 900 % 100_000}",
        f"\tTotal backfilled jobs (since last stats cycle start): {int(view.now - _since(view)) // 900}",
        "\tTotal backfilled heterogeneous job components: 0",
        f"\tTotal cycles: {cycles}",
        f"\tLast cycle when: {_moment(last)}",
        f"\tLast cycle: {_turn(view, 'backfill', 4000, 60_000)}",
        "\tMax cycle:  412004",
        f"\tMean cycle: {_turn(view, 'backfill mean', 20_000, 26_000, _DAY)}",
        f"\tLast depth cycle: {len(view.pending)}",
        f"\tLast depth cycle (try sched): {len(view.pending) // 2}",
        f"\tDepth Mean: {len(view.pending)}",
        f"\tDepth Mean (try depth): {len(view.pending) // 2}",
        f"\tLast queue length: {len(view.pending)}",
        f"\tQueue length mean: {len(view.pending)}",
        "\tLast table size: 31",
        "\tMean table size: 27",
        "",
        "Backfill exit",
        f"\tEnd of job queue: {cycles}",
        "\tHit bf_max_job_start: 0",
        "\tHit bf_max_job_test: 0",
        "\tSystem state changed: 0",
        "\tHit table size limit (bf_node_space_size): 0",
        "\tTimeout (bf_max_time): 0",
        "",
        "Latency for 1000 calls to gettimeofday(): 21 microseconds",
        "",
    ]


def _calls(view: View) -> list[str]:
    minutes = (view.now - _since(view)) / 60
    lines = ["Remote Procedure Call statistics by message type"]
    for name, number, rate, each in _CALLS:
        count = int(rate * minutes) + 1
        lines.append(
            f"\t{name:<40}({number:5}) count:{count:<6} ave_time:{each:<6} total_time:{count * each}"
        )
    lines += ["", "Remote Procedure Call statistics by user"]
    people = [
        ("root", 0, 12.0),
        *((user.name, user.uid, _rate(view, user.name)) for user in view.cluster.users),
    ]
    for login, uid, rate in people:
        count = int(rate * minutes) + 1
        lines.append(f"\t{login:<16}({uid:8}) count:{count:<6} ave_time:900    total_time:{count * 900}")
    return [*lines, "", "Pending RPC statistics", "\tNo pending RPCs"]


def _rate(view: View, user: str) -> float:
    if user in STAFF:
        return 0.2
    return sum(60 / lane.period for lane in view.cluster.lanes if lane.template.user == user)
