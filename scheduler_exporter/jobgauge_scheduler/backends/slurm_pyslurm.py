"""Slurm with its queue read by pyslurm, without any text of Slurm's; what pyslurm does not tell comes by the commands.

pyslurm keeps Python's lock while it waits for slurmctld, so that one which hangs would stop the whole exporter: it works
in a process of its own, which answers in squeue's form and is killed when its time is over.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from jobgauge.errors import CommandError
from jobgauge_scheduler.backends.slurm_cli import SlurmCli, tools
from jobgauge_scheduler.commands import SLURM, Command, whole
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Reading, Source
from jobgauge_scheduler.slurm import squeue

_CHILD = (sys.executable, "-P", "-m", "jobgauge_scheduler.slurm.pyslurm_queue")
_CHECK: Command[str] = Command(
    (*_CHILD, "check"),
    whole(lambda output: Reading(output.decode().strip())),
    "Whether pyslurm fits the Slurm that is installed; asks nothing of slurmctld.",
    SLURM,
)
_QUEUE: Command[Any] = Command(
    (*_CHILD, squeue.MARK),
    squeue.parse,
    "Jobs that wait or run. One REQUEST_JOB_INFO; 0.1 CPU seconds at 8,000 jobs besides the start of Python.",
    SLURM,
)


class SlurmPyslurm(SlurmCli):
    """Reads the queue by pyslurm, in a process of its own."""

    name = "slurm-pyslurm"

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for a pyslurm that loads, which only one of the installed Slurm's own version does."""
        if config.ssh_host:
            return "it does not work over ssh"
        if importlib.util.find_spec("pyslurm") is None:
            return "pyslurm is not installed"
        try:
            tools(config).run(_CHECK)
        except CommandError as error:
            said = str(error).splitlines()[-1]
            return (
                f"pyslurm does not fit the Slurm installed here, install the pyslurm of its version ({said})"
            )
        return ""

    def command(self, source: Source) -> Command[Any]:
        """Return what is asked for a source."""
        return _QUEUE if source is Source.JOBS else super().command(source)
