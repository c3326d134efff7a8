"""Slurm by slurmrestd: for places without its commands, such as containers. Far dearer for slurmctld's machine than those."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from jobgauge.errors import NoData, SourceError
from jobgauge_scheduler.backends.base import Backend, hidden_by_private_data
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.history import History
from jobgauge_scheduler.model import Job, Limit, Reading, Record, Share, Source
from jobgauge_scheduler.poller import Read
from jobgauge_scheduler.restclient import RestClient
from jobgauge_scheduler.slurm import accounting, answers, dblimits
from jobgauge_scheduler.slurm.document import Chunks

T = TypeVar("T")

_NEWEST = 45  # the newest v0.0.N that was held to recorded answers
_NEW_QUERY_SINCE = _SHARES_SINCE = 40
# Jobs cancelled before they could have started are told only to who asks for a state and for an end, which is never here.
_NEVER_ELIGIBLE = "&state=CANCELLED&end_time=uts4000000000"
_VERSION = re.compile(rb"/slurm\\?/v0\.0\.(\d+)\\?/jobs")

_SIMPLE: dict[Source, tuple[str, Callable[[Chunks], Reading[object]]]] = {
    Source.NODES: ("nodes", answers.nodes),
    Source.PARTITIONS: ("partitions", answers.partitions),
    Source.RESERVATIONS: ("reservations", answers.reservations),
    Source.LICENSES: ("licenses", answers.licenses),
    Source.DIAGNOSTICS: ("diag", answers.diagnostics),
}


class SlurmRest(Backend):
    """Asks slurmrestd, in the newest version of its answers that both know."""

    name = "slurm-rest"

    def __init__(self, config: SchedulerConfig) -> None:
        super().__init__(config)
        self._client = RestClient(
            config.slurmrest_url, config.slurmrest_token_file, config.slurmrest_user, config.command_timeout
        )
        self._version: int | None = None
        self._jobs: tuple[Job, ...] | None = None  # the queue that was read last

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for the address."""
        return "" if config.slurmrest_url else "no --slurmrest.url"

    def reads(self) -> Mapping[Source, Read]:
        """Return a request for each source."""
        simple = {source: partial(self._get, path, parse) for source, (path, parse) in _SIMPLE.items()}
        return {
            Source.JOBS: self._queue,
            **simple,
            Source.SHARES: self._shares,
            Source.LIMITS: self._limits,
            Source.HISTORY: History(self._accounting, self.config.history_file),
        }

    def _queue(self) -> Reading[tuple[Job, ...]]:
        """Read the queue; an empty one counts only where the controller, too, knows of no jobs."""
        self._jobs = None
        reading = self._get("jobs", answers.jobs)
        if not reading.value:
            hidden_by_private_data("slurmrestd", self._get("diag", answers.diagnostics).value)
        self._jobs = reading.value
        return reading

    def _limits(self) -> Reading[tuple[Limit, ...]]:
        """Read limits; what is used of them is counted in the queue that was read last."""
        rows = self._get("associations", dblimits.associations, "slurmdb")
        levels = self._get("qos", dblimits.qos, "slurmdb")
        found = dblimits.limits(rows.value, levels.value, self._jobs)
        return Reading(found, rows.unreadable + levels.unreadable)

    def _accounting(self, since: float) -> Reading[tuple[Record, ...]]:
        """Read the jobs that started or ended since then, each run of a requeued one, with their true times."""
        query = f"jobs?start_time=uts{int(since)}&skip_steps=true"
        if self._speak() >= _NEW_QUERY_SINCE:  # before, this is how it is
            query += "&show_duplicates=true&disable_truncate_usage_time=true"
        found = self._get(query, accounting.records, "slurmdb")
        never = self._get(query + _NEVER_ELIGIBLE, accounting.records, "slurmdb")
        return Reading(tuple(dict.fromkeys(found.value + never.value)), found.unreadable + never.unreadable)

    def _shares(self) -> Reading[tuple[Share, ...]]:
        """Read shares; older versions tell none."""
        if self._speak() < _SHARES_SINCE:
            raise NoData(f"v0.0.{self._speak()} of slurmrestd's answers has no shares")
        return self._get("shares", answers.shares)

    def _get(self, what: str, parse: Callable[[Chunks], Reading[T]], of: str = "slurm") -> Reading[T]:
        version = self._speak()
        try:
            return self._client.get(f"/{of}/v0.0.{version}/{what}", parse)
        except SourceError:
            self._version = None  # it may be another slurmrestd by now
            raise

    def _speak(self) -> int:
        """Return the version of answers to ask for."""
        if self._version is None:
            found = {int(number) for number in _VERSION.findall(self._client.get("/openapi/v3", b"".join))}
            if not found:
                raise SourceError("slurmrestd tells of no version of its answers in /openapi/v3")
            self._version = max((number for number in found if number <= _NEWEST), default=min(found))
        return self._version
