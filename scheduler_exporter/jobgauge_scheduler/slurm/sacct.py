"""Jobs of the accounting, as `sacct -P` prints them."""

from __future__ import annotations

import time
from contextlib import suppress

from jobgauge_scheduler.model import Reading, Record
from jobgauge_scheduler.slurm import units

FIELDS = ("JobIDRaw", "User", "Account", "Partition", "State", "Eligible", "Start", "End", "NodeList")
SEPARATOR = "\x1f"
NO_NODES = "None assigned"  # of a job that never started: 22.05 gives it its end as its start
# Every state in which a job ended, and those in which it has started: not the pending ones, of which there may be many.
STATES = ("BF", "CA", "CD", "DL", "F", "NF", "OOM", "PR", "RQ", "TO", "R", "S")


def moment(when: float) -> str:
    """Write a time as sacct takes it, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))


def parse(output: bytes) -> Reading[tuple[Record, ...]]:
    """Read the output; a record that makes no sense is left out and counted."""
    lines = output.decode("utf-8", "surrogateescape").splitlines()
    records = []
    for line in lines:
        with suppress(ValueError):
            job, user, account, partition, state, *times, nodes = line.split(SEPARATOR)
            eligible, start, end = (units.epoch(text) for text in times)
            word = state.split(" ")[0].lower()  # `CANCELLED by 1003`
            began = None if nodes == NO_NODES else start
            records.append(Record(job, user, account, partition, word, eligible, began, end))
    return Reading(tuple(records), len(lines) - len(records))
