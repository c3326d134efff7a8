"""What a backend is: one way of asking one kind of scheduler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from jobgauge.errors import SourceError
from jobgauge_scheduler.commands import Command, Tools
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Diagnostics, Source
from jobgauge_scheduler.poller import Read
from jobgauge_scheduler.ssh import Remote


class Backend(ABC):
    """Turns a scheduler's answers into the model."""

    name: ClassVar[str]

    def __init__(self, config: SchedulerConfig) -> None:
        self.config = config

    @classmethod
    @abstractmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Say what it lacks to work on this machine; nothing where it lacks nothing."""

    @abstractmethod
    def reads(self) -> Mapping[Source, Read]:
        """Return how each source that this scheduler has is read."""

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """End what is kept between reads."""


def by_command(tools: Tools, commands: Mapping[Source, Command[Any]]) -> dict[Source, Read]:
    """Return how to read the sources that are one command each, as far as its program is installed."""
    return {source: partial(tools.run, command) for source, command in commands.items() if tools.has(command)}


def remote(config: SchedulerConfig) -> Remote | None:
    """Return the machine that the clients run on, where it is not this one."""
    return Remote(config.ssh_host, config.ssh_config, config.ssh_passphrase_file) if config.ssh_host else None


def hidden_by_private_data(who: str, found: Diagnostics) -> None:
    """Raise SourceError where slurmctld counts jobs of which none were shown."""
    if hidden := sum(found.jobs.values()):
        raise SourceError(
            f"{who} shows no job but the controller counts {hidden}. Unless they ended in the last half minute, which its "
            "count may be old, PrivateData hides them from this user; make it an operator: sacctmgr add user NAME "
            "account=root adminlevel=Operator"
        )
