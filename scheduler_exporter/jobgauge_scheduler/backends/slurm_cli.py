"""Slurm by its own commands, as text: the cheapest way for slurmctld and for us, the same from 22.05 on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial

from jobgauge_scheduler import commands
from jobgauge_scheduler.backends.base import Backend
from jobgauge_scheduler.commands import Tools
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Source
from jobgauge_scheduler.poller import Read


class SlurmCli(Backend):
    """Runs squeue and its siblings."""

    name = "slurm-cli"

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for squeue."""
        if shutil.which("squeue", path=config.slurm_bin_dir or None):
            return ""
        return f"no squeue in {config.slurm_bin_dir or 'PATH'}"

    def reads(self) -> Mapping[Source, Read]:
        """Return a command for each source."""
        config = self.config
        environment = {"SLURM_CONF": config.slurm_conf} if config.slurm_conf else {}
        tools = Tools(config.slurm_bin_dir, environment, config.command_timeout)
        return {Source.JOBS: partial(tools.run, commands.QUEUE)}
