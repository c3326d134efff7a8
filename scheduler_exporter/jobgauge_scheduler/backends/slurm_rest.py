"""Slurm by slurmrestd: for places without its commands, such as containers. Far dearer for slurmctld's machine than those."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from jobgauge.errors import SourceError
from jobgauge_scheduler.backends.base import Backend, hidden_by_private_data
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Job, Reading, Share, Source
from jobgauge_scheduler.poller import Read
from jobgauge_scheduler.restclient import RestClient
from jobgauge_scheduler.slurm import answers

T = TypeVar("T")

_NEWEST = 45  # the newest v0.0.N that was held to recorded answers
_SHARES_SINCE = 40
_VERSION = re.compile(rb"/slurm\\?/v0\.0\.(\d+)\\?/jobs")

_SIMPLE: dict[Source, tuple[str, Callable[[bytes], Reading[object]]]] = {
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

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for the address."""
        return "" if config.slurmrest_url else "no --slurmrest.url"

    def reads(self) -> Mapping[Source, Read]:
        """Return a request for each source; limits are in no answer, and the history is not asked here."""
        simple = {source: partial(self._get, path, parse) for source, (path, parse) in _SIMPLE.items()}
        return {Source.JOBS: self._queue, Source.SHARES: self._shares, **simple}

    def _queue(self) -> Reading[tuple[Job, ...]]:
        """Read the queue; an empty one counts only where the controller, too, knows of no jobs."""
        reading = self._get("jobs", answers.jobs)
        if not reading.value:
            hidden_by_private_data("slurmrestd", self._get("diag", answers.diagnostics).value)
        return reading

    def _shares(self) -> Reading[tuple[Share, ...]]:
        """Read shares; older versions tell none."""
        if self._speak() < _SHARES_SINCE:
            return Reading(())
        return self._get("shares", answers.shares)

    def _get(self, what: str, parse: Callable[[bytes], Reading[T]]) -> Reading[T]:
        version = self._speak()
        try:
            return parse(self._client.get(f"/slurm/v0.0.{version}/{what}"))
        except SourceError:
            self._version = None  # it may be another slurmrestd by now
            raise

    def _speak(self) -> int:
        """Return the version of answers to ask for."""
        if self._version is None:
            found = {int(number) for number in _VERSION.findall(self._client.get("/openapi/v3"))}
            if not found:
                raise SourceError("slurmrestd tells of no version of its answers in /openapi/v3")
            self._version = max((number for number in found if number <= _NEWEST), default=min(found))
        return self._version
