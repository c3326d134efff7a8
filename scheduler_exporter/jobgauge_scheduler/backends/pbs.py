"""OpenPBS and PBS Professional by their own commands, as plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobgauge.errors import SourceError
from jobgauge_scheduler import commands
from jobgauge_scheduler.backends.base import Backend, by_command
from jobgauge_scheduler.commands import Command, Tools, over_ssh
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Job, Reading, Source
from jobgauge_scheduler.poller import Read

_SIMPLE: dict[Source, Command[Any]] = {
    Source.NODES: commands.PBS_NODES,
    Source.PARTITIONS: commands.PBS_QUEUES,
    Source.RESERVATIONS: commands.PBS_RESERVATIONS,
    Source.LICENSES: commands.PBS_LICENSES,
    Source.DIAGNOSTICS: commands.PBS_SERVER,
}


class Pbs(Backend):
    """Runs qstat and its siblings. A server that does not answer is told by the exit status, never as an empty queue."""

    name = "pbs"

    def __init__(self, config: SchedulerConfig) -> None:
        super().__init__(config)
        self._tools = tools(config)

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for qstat, and for pbs_rstat, which others with a qstat (Torque, Grid Engine) do not have."""
        needed = (commands.PBS_JOBS, commands.PBS_RESERVATIONS)
        lacking = [command.argv[0] for command in needed if not tools(config).has(command)]
        return f"no {' and no '.join(lacking)} in {config.pbs_bin_dir or 'PATH'}" if lacking else ""

    def reads(self) -> Mapping[Source, Read]:
        """Return a command for each source."""
        return {Source.JOBS: self._queue, **by_command(self._tools, _SIMPLE)}

    def _queue(self) -> Reading[tuple[Job, ...]]:
        """Read the queue; an empty one counts only where the server, too, knows of no jobs."""
        reading = self._tools.run(commands.PBS_JOBS)
        if not reading.value and (hidden := sum(self._tools.run(commands.PBS_SERVER).value.jobs.values())):
            raise SourceError(
                f"qstat shows no job but the server counts {hidden}: query_other_jobs hides them from this user; "
                "make it an operator: qmgr -c 'set server operators += NAME@HOST'"
            )
        return reading


def tools(config: SchedulerConfig) -> Tools:
    """Return how the clients of PBS and Torque are started."""
    server = {"PBS_SERVER": config.pbs_server, "PBS_DEFAULT": config.pbs_server} if config.pbs_server else {}
    remote = over_ssh(config.ssh_host, config.ssh_config)
    return Tools(config.pbs_bin_dir, server, config.command_timeout, remote=remote)
