"""Slurm by its own commands, as text: the cheapest way for slurmctld and for us, the same from 22.05 on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobgauge_scheduler import commands
from jobgauge_scheduler.backends.base import Backend, by_command, hidden_by_private_data
from jobgauge_scheduler.commands import Command, Tools, over_ssh
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.history import History
from jobgauge_scheduler.model import Job, Reading, Record, Source
from jobgauge_scheduler.poller import Read
from jobgauge_scheduler.slurm import sacct

_SIMPLE: dict[Source, Command[Any]] = {
    Source.NODES: commands.NODES,
    Source.PARTITIONS: commands.PARTITIONS,
    Source.RESERVATIONS: commands.RESERVATIONS,
    Source.LICENSES: commands.LICENSES,
    Source.LIMITS: commands.LIMITS,
    Source.SHARES: commands.SHARES,
    Source.DIAGNOSTICS: commands.DIAGNOSTICS,
}


class SlurmCli(Backend):
    """Runs squeue and its siblings."""

    name = "slurm-cli"

    def __init__(self, config: SchedulerConfig) -> None:
        super().__init__(config)
        self._tools = _tools(config)

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for squeue."""
        return "" if _tools(config).has(commands.QUEUE) else f"no squeue in {config.slurm_bin_dir or 'PATH'}"

    def reads(self) -> Mapping[Source, Read]:
        """Return a command for each source, as far as its program is installed."""
        reads = {Source.JOBS: self._queue, **by_command(self._tools, _SIMPLE)}
        if self._tools.has(commands.ACCOUNTING):
            reads[Source.HISTORY] = History(self._accounting, self.config.history_file)
        return reads

    def _queue(self) -> Reading[tuple[Job, ...]]:
        """Read the queue; an empty one counts only where the controller, too, knows of no jobs."""
        reading = self._tools.run(commands.QUEUE)
        if not reading.value and self._tools.has(commands.DIAGNOSTICS):
            hidden_by_private_data("squeue", self._tools.run(commands.DIAGNOSTICS).value)
        return reading

    def _accounting(self, since: float) -> Reading[tuple[Record, ...]]:
        return self._tools.run(commands.ACCOUNTING, since=sacct.moment(since))


def _tools(config: SchedulerConfig) -> Tools:
    environment = {"SLURM_CONF": config.slurm_conf} if config.slurm_conf else {}
    remote = over_ssh(config.ssh_host, config.ssh_config)
    return Tools(config.slurm_bin_dir, environment, config.command_timeout, remote=remote)
