"""Who what the kernel counts for the whole node belongs to: the job that has the node to itself, else nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from jobgauge_job.jobs import Job, JobTable, Presence

K = TypeVar("K")

_MOST = 2000  # counters of a job, beyond which none is added


class NodeShare(Generic[K]):
    """Adds up, for each job, by how much the node's counters rose while no other job was there.

    A rise between two readings is a job's only where it was alone at the first and nothing has changed since, or nothing
    but its end, after which the node was empty. What happened across any other change is nobody's: nothing is guessed.
    """

    def __init__(self, table: JobTable, read: Callable[[], Mapping[K, int]]) -> None:
        self._table = table
        self._read = read
        self._lock = threading.Lock()
        self._last: Mapping[K, int] = {}
        self._at = Presence(-1, 0, None)  # when it was read
        self._totals: dict[Job, dict[K, int]] = {}

    def update(self) -> Mapping[K, int]:
        """Read the node's counters; return them."""
        with self._lock:
            before = self._table.presence
            now = self._read()
            present = self._table.presence
            if before is not present:  # nobody can say what belongs to whom
                present = Presence(-1, 0, None)
            owner = self._at.sole
            if owner and (
                present is self._at or (present.number == self._at.number + 1 and not present.jobs)
            ):
                self._add(owner, self._last, now)
            if present.sole:
                self._add(present.sole, now, now)  # its counters begin at 0
            self._last, self._at = now, present
            self._totals = {
                job: counts for job, counts in self._totals.items() if not self._table.is_over(job)
            }
            return now

    def totals(self, job: Job) -> Mapping[K, int]:
        """Return what belongs to a job; nothing where it was never alone."""
        return self._totals.get(job, {})

    def _add(self, job: Job, last: Mapping[K, int], now: Mapping[K, int]) -> None:
        counts = self._totals.get(job, {})
        # A counter that has begun again, or has just appeared, says nothing about the time before; one whose file system
        # is unmounted keeps what it had.
        more = {
            key: counts.get(key, 0) + max(0, value - last.get(key, value))
            for key, value in now.items()
            if key in counts or len(counts) < _MOST
        }
        self._totals[job] = {**counts, **more}
