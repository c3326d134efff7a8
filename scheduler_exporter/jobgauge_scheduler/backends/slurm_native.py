"""Slurm by slurmctld's own metrics (25.11 and newer): its health, for where neither its commands nor slurmrestd are.

It tells no reasons, no waiting times, no limits, no GPU models and no single job, and its states of nodes are sums: so
nothing else is taken from there.
"""

from __future__ import annotations

from collections.abc import Mapping

from jobgauge_scheduler.backends.base import Backend
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Diagnostics, Reading, Source
from jobgauge_scheduler.poller import Read
from jobgauge_scheduler.restclient import RestClient
from jobgauge_scheduler.slurm import native


class SlurmNative(Backend):
    """Asks slurmctld itself, without a client."""

    name = "slurm-native"

    def __init__(self, config: SchedulerConfig) -> None:
        super().__init__(config)
        self._client = RestClient(
            config.slurm_metrics_url,
            config.slurmrest_token_file,
            config.slurmrest_user,
            config.command_timeout,
            setting="slurm.metrics-url",
        )

    @classmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Look for the address."""
        return "" if config.slurm_metrics_url else "no --slurm.metrics-url"

    def reads(self) -> Mapping[Source, Read]:
        """Return the one request."""
        return {Source.DIAGNOSTICS: self._diagnostics}

    def _diagnostics(self) -> Reading[Diagnostics]:
        return self._client.get("/metrics/scheduler", native.diagnostics)
