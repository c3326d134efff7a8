"""Slurm by its own commands, as JSON as far as each version has it: the last resort, 25 to 100 times dearer than text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobgauge_scheduler import commands
from jobgauge_scheduler.backends.slurm_cli import SlurmCli
from jobgauge_scheduler.commands import Command
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Source

_ALL_SINCE = (23, 11)  # sdiag, scontrol and sshare; squeue, sinfo and sacct in every version
# Limits have no JSON in any: scontrol --json prints them as text, and says that all went well.
_SOME: Mapping[Source, Command[Any]] = {
    Source.JOBS: commands.JSON_QUEUE,
    Source.NODES: commands.JSON_NODES_BY_SINFO,
    Source.HISTORY: commands.JSON_ACCOUNTING,
}
_MORE: Mapping[Source, Command[Any]] = {
    **_SOME,
    Source.NODES: commands.JSON_NODES,
    Source.PARTITIONS: commands.JSON_PARTITIONS,
    Source.RESERVATIONS: commands.JSON_RESERVATIONS,
    Source.LICENSES: commands.JSON_LICENSES,
    Source.SHARES: commands.JSON_SHARES,
    Source.DIAGNOSTICS: commands.JSON_DIAGNOSTICS,
}


class SlurmJson(SlurmCli):
    """Runs squeue and its siblings with --json; what has no JSON is read as text."""

    name = "slurm-json"

    def __init__(self, config: SchedulerConfig) -> None:
        super().__init__(config)
        self._as_json: Mapping[Source, Command[Any]] | None = None

    def command(self, source: Source) -> Command[Any]:
        """Return what is asked for a source of the version that is installed."""
        if self._as_json is None:  # asked with the first read, for the clients may be on another machine
            version = self.tools.run(commands.VERSION).value
            self._as_json = _MORE if version >= _ALL_SINCE else _SOME
        return self._as_json.get(source) or super().command(source)
