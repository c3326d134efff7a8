"""Slurm by its own commands, as text: the cheapest way for slurmctld and for us, the same from 22.05 on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from jobgauge_scheduler import commands
from jobgauge_scheduler.backends.base import Backend, hidden_by_private_data, remote
from jobgauge_scheduler.commands import Command, Tools
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.history import History
from jobgauge_scheduler.model import Job, Reading, Record, Source
from jobgauge_scheduler.poller import Read
from jobgauge_scheduler.slurm import sacct

TEXT: dict[Source, Command[Any]] = {
    Source.JOBS: commands.QUEUE,
    Source.NODES: commands.NODES,
    Source.PARTITIONS: commands.PARTITIONS,
    Source.RESERVATIONS: commands.RESERVATIONS,
    Source.LICENSES: commands.LICENSES,
    Source.LIMITS: commands.LIMITS,
    Source.SHARES: commands.SHARES,
    Source.DIAGNOSTICS: commands.DIAGNOSTICS,
    Source.HISTORY: commands.ACCOUNTING,
}


class SlurmCli(Backend):
    """Runs squeue and its siblings."""

    name = "slurm-cli"

    def __init__(self, config: SchedulerConfig) -> None:
        super().__init__(config)
        self.tools = tools(config)

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for squeue."""
        return "" if tools(config).has(commands.QUEUE) else f"no squeue in {config.slurm_bin_dir or 'PATH'}"

    def command(self, source: Source) -> Command[Any]:
        """Return what is asked for a source."""
        return TEXT[source]

    def reads(self) -> Mapping[Source, Read]:
        """Return a command for each source, as far as its program is installed."""
        reads: dict[Source, Read] = {
            source: partial(self._run, source) for source, command in TEXT.items() if self.tools.has(command)
        }
        if Source.HISTORY in reads:
            reads[Source.HISTORY] = History(self._accounting, self.config.history_file)
        return {**reads, Source.JOBS: self._queue}

    def close(self) -> None:
        """End the connection to another machine."""
        self.tools.close()

    def _run(self, source: Source, **words: str) -> Reading[Any]:
        return self.tools.run(self.command(source), **words)

    def _queue(self) -> Reading[tuple[Job, ...]]:
        """Read the queue; an empty one counts only where the controller, too, knows of no jobs."""
        reading = self._run(Source.JOBS)
        if not reading.value and self.tools.has(commands.DIAGNOSTICS):
            hidden_by_private_data(self.name, self._run(Source.DIAGNOSTICS).value)
        return reading

    def _accounting(self, since: float) -> Reading[tuple[Record, ...]]:
        return self._run(Source.HISTORY, since=sacct.moment(since))


def tools(config: SchedulerConfig) -> Tools:
    """Return how Slurm's clients are started."""
    environment = {"SLURM_CONF": config.slurm_conf} if config.slurm_conf else {}
    return Tools(config.slurm_bin_dir, environment, config.command_timeout, remote=remote(config))
