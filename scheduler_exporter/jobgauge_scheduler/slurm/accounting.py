"""Jobs of the accounting as JSON: `sacct --json`, and slurmrestd for slurmdbd."""

from __future__ import annotations

from jobgauge_scheduler.model import Reading, Record
from jobgauge_scheduler.slurm.document import Chunks, Fields, each, moment, words
from jobgauge_scheduler.slurm.sacct import NO_NODES

_UNDER_WAY = frozenset({"PENDING", "RUNNING", "SUSPENDED"})


def records(chunks: Chunks) -> Reading[tuple[Record, ...]]:
    """Read `jobs` of the accounting: those that have started, or ended before they could."""
    return each(chunks, "jobs", _record)


def _record(record: Fields) -> Record | None:
    states = words(record["state"]["current"])
    state = "REQUEUED" if "REQUEUED" in states else states[0]
    times = record["time"]
    # of one that runs, newer versions tell the time of asking as its end
    end = None if state in _UNDER_WAY else moment(times["end"])
    start = None if state == "PENDING" or record["nodes"] == NO_NODES else moment(times["start"])
    if start is None and end is None:
        return None
    return Record(
        id=str(record["job_id"]),
        user=record["user"] or record["association"]["user"],
        account=record["account"],
        partition=record["partition"],
        state=state.lower(),
        eligible=moment(times["eligible"]),
        start=start,
        end=end,
    )
