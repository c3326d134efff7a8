"""Counting jobs that started and ended, each once, over restarts of the exporter and failures of the accounting.

Each read asks for what happened since a moment that lies a little before the newest event seen, for records come late;
what was counted in that overlap is remembered. The moment moves with the accounting's own times, so a jump of this
machine's clock neither skips a job nor counts one twice. All of it is kept in a small file, if the site names one.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from jobgauge.catalogue.scheduler.history import EXPANSION_BOUNDS, LEAST_RUN, TIME_BOUNDS
from jobgauge.samples import Histogram
from jobgauge_scheduler.model import Reading, Record, Tally

log = logging.getLogger(__name__)

_OVERLAP = 900  # seconds: how late a record may come
_FORMAT = 1

Event = tuple[str, str, int]  # what happened (start, end), job, when
RecordsSince = Callable[[float], Reading[tuple[Record, ...]]]


class History:
    """Turns reads of the accounting into counters."""

    def __init__(self, read: RecordsSince, path: str = "", clock: Callable[[], float] = time.time) -> None:
        """Go on with what the file holds, or begin to count now."""
        self._read = read
        self._path = path
        self._clock = clock
        self._since: float = math.floor(
            clock()
        )  # schedulers tell whole seconds: also what happens in this one
        self._seen: set[Event] = set()
        self._tally = Tally()
        if path and not self._load():
            self._save()  # so that counting begins now, even if the first read comes after the next start

    def __call__(self) -> Reading[Tally]:
        """Read what happened since the last time."""
        reading = self._read(self._since)
        newest = max((self._count(record) for record in reading.value), default=0)
        self._since = max(self._since, min(newest, self._clock()) - _OVERLAP)
        self._seen = {event for event in self._seen if event[2] >= self._since}
        if self._path:
            self._save()
        return Reading(self._tally, reading.unreadable)

    def _count(self, record: Record) -> int:
        """Count what is new of a record; return the time of its newest event."""
        if not record.partition:
            return 0  # of a short job slurmdbd may have the end before the rest: it is whole a moment later
        tally, group = self._tally, (record.partition, record.account)
        start = record.start
        if self._new("start", record.id, start) and record.eligible is not None:
            _observe(tally.waits, group, (start or 0) - record.eligible)
        if self._new("end", record.id, record.end):
            tally.ended[record.state, record.partition, record.account, record.user] += 1
            if start is not None:
                self._ran(group, record.eligible, start, record.end or 0)
        return max(start or 0, record.end or 0)

    def _ran(self, group: tuple[str, str], eligible: int | None, start: int, end: int) -> None:
        run = max(0, end - start)
        _observe(self._tally.runs, group, run)
        if eligible is not None:
            whole = max(0, start - eligible) + max(run, LEAST_RUN)
            _observe(self._tally.expansions, group, whole / max(run, LEAST_RUN), EXPANSION_BOUNDS)

    def _new(self, what: str, job: str, when: int | None) -> bool:
        if when is None or when < self._since or (what, job, when) in self._seen:
            return False
        self._seen.add((what, job, when))
        return True

    def _load(self) -> bool:
        try:
            with open(self._path, encoding="utf-8") as file:
                self._take(json.load(file))
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be used, counting begins anew: %s", self._path, error)
            return False
        return True

    def _take(self, state: dict[str, Any]) -> None:
        """Go on with what was saved; raise where it does not hold what it should."""
        if state["format"] != _FORMAT or state["bounds"] != list(TIME_BOUNDS):
            raise ValueError("it was written by another version")
        tally = Tally(
            Counter({tuple(row): int(count) for row, count in state["ended"]}),
            _histograms(state["waits"]),
            _histograms(state["runs"]),
            _histograms(state.get("expansions", []), EXPANSION_BOUNDS),  # older files have none
        )
        seen = {(str(what), str(job), int(when)) for what, job, when in state["seen"]}
        self._since, self._seen, self._tally = float(state["since"]), seen, tally

    def _save(self) -> None:
        state = {
            "format": _FORMAT,
            "bounds": TIME_BOUNDS,
            "since": self._since,
            "seen": sorted(self._seen),
            "ended": list(self._tally.ended.items()),
            "waits": _rows(self._tally.waits),
            "runs": _rows(self._tally.runs),
            "expansions": _rows(self._tally.expansions),
        }
        new = self._path + ".new"
        try:
            with open(new, "w", encoding="utf-8") as file:
                json.dump(state, file)
            os.replace(new, self._path)
        except OSError as error:
            log.warning("%s cannot be written, a restart would lose counts: %s", self._path, error)


def _observe(
    histograms: dict[tuple[str, ...], Histogram],
    group: tuple[str, str],
    value: float,
    bounds: tuple[float, ...] = TIME_BOUNDS,
) -> None:
    histograms.setdefault(group, Histogram(bounds)).observe(max(0, value))


def _rows(histograms: dict[tuple[str, ...], Histogram]) -> list[Any]:
    return [(group, histogram.counts, histogram.sum) for group, histogram in histograms.items()]


def _histograms(rows: list[Any], bounds: tuple[float, ...] = TIME_BOUNDS) -> dict[tuple[str, ...], Histogram]:
    return {tuple(group): Histogram(bounds, counts, total) for group, counts, total in rows}
