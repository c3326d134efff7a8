"""OpenPBS and PBS Professional by their own commands, as plain text."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from jobgauge.errors import CommandError, SourceError
from jobgauge_scheduler import commands
from jobgauge_scheduler.backends.base import Backend, by_command, remote
from jobgauge_scheduler.commands import Command, Tools
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.history import History
from jobgauge_scheduler.model import Job, Node, Reading, Record, Source
from jobgauge_scheduler.pbs import cluster, jobs
from jobgauge_scheduler.poller import Read

log = logging.getLogger(__name__)

_SIMPLE: dict[Source, Command[Any]] = {
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
        reads: dict[Source, Read] = {Source.JOBS: self._queue, Source.NODES: self._nodes}
        history = History(self._history, self.config.history_file)
        return {**reads, **by_command(self._tools, _SIMPLE), Source.HISTORY: history}

    def close(self) -> None:
        """End the connection to another machine."""
        self._tools.close()

    def _nodes(self) -> Reading[tuple[Node, ...]]:
        """Read nodes, with the queues whose jobs can run there: only few sites bind nodes to a queue by name."""
        rules = self._tools.run(commands.PBS_RULES).value
        read = commands.whole(partial(cluster.nodes, queues=rules))
        return self._tools.run(replace(commands.PBS_NODES, read=read))

    def _queue(self) -> Reading[tuple[Job, ...]]:
        """Read the queue; an empty one counts only where the server, too, knows of no jobs."""
        reading = self._tools.run(commands.PBS_JOBS)
        if not reading.value and (hidden := sum(self._tools.run(commands.PBS_SERVER).value.jobs.values())):
            raise SourceError(
                f"qstat shows no job but the server counts {hidden}: query_other_jobs hides them from this user; "
                "make it an operator: qmgr -c 'set server operators += NAME@HOST'"
            )
        return Reading(self._with_tasks(reading.value), reading.unreadable)

    def _with_tasks(self, found: tuple[Job, ...]) -> tuple[Job, ...]:
        """List running tasks of arrays one by one; they stay a number where that cannot be asked."""
        if not any(job.array_job_id and job.state == "running" for job in found):
            return found
        try:
            names = self._tools.run(commands.PBS_TASKS).value
            running = self._tools.run(commands.PBS_SOME_JOBS, *names).value if names else ()
        except CommandError as error:
            log.debug("tasks of arrays stay a number: %s", error)
            return found
        return jobs.one_by_one(found, running)

    def _history(self, _: float) -> Reading[tuple[Record, ...]]:
        """Read all that the server remembers: it cannot be asked for the newest alone."""
        return self._tools.run(commands.PBS_HISTORY)


def tools(config: SchedulerConfig) -> Tools:
    """Return how the clients of PBS and Torque are started."""
    server = {"PBS_SERVER": config.pbs_server, "PBS_DEFAULT": config.pbs_server} if config.pbs_server else {}
    return Tools(config.pbs_bin_dir, server, config.command_timeout, remote=remote(config))
