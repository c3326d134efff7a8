"""Torque by its own commands, as XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobgauge_scheduler import commands
from jobgauge_scheduler.backends.base import Backend, by_command
from jobgauge_scheduler.backends.pbs import tools
from jobgauge_scheduler.commands import Command
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.history import History
from jobgauge_scheduler.model import Source
from jobgauge_scheduler.poller import Read


class Torque(Backend):
    """Runs qstat -x and pbsnodes -x."""

    name = "torque"

    def __init__(self, config: SchedulerConfig) -> None:
        super().__init__(config)
        self._tools = tools(config)

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for qstat and pbsnodes."""
        needed = (commands.TORQUE_JOBS, commands.TORQUE_NODES)
        lacking = [command.argv[0] for command in needed if not tools(config).has(command)]
        return f"no {' and no '.join(lacking)} in {config.pbs_bin_dir or 'PATH'}" if lacking else ""

    def reads(self) -> Mapping[Source, Read]:
        """Return a command for each source."""
        simple: dict[Source, Command[Any]] = {
            Source.JOBS: commands.TORQUE_JOBS,
            Source.NODES: commands.TORQUE_NODES,
        }
        history = History(lambda _: self._tools.run(commands.TORQUE_HISTORY), self.config.history_file)
        return {**by_command(self._tools, simple), Source.HISTORY: history}

    def close(self) -> None:
        """End the connection to another machine."""
        self._tools.close()
