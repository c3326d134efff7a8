"""The backends, in the order in which `auto` tries them. To add one: a file beside these and a line in the table."""

from __future__ import annotations

import logging

from jobgauge.errors import ConfigError
from jobgauge_scheduler.backends.base import Backend
from jobgauge_scheduler.backends.pbs import Pbs
from jobgauge_scheduler.backends.slurm_cli import SlurmCli
from jobgauge_scheduler.backends.slurm_json import SlurmJson
from jobgauge_scheduler.backends.slurm_native import SlurmNative
from jobgauge_scheduler.backends.slurm_pyslurm import SlurmPyslurm
from jobgauge_scheduler.backends.slurm_rest import SlurmRest
from jobgauge_scheduler.backends.torque import Torque
from jobgauge_scheduler.config import SchedulerConfig

log = logging.getLogger(__name__)

BACKENDS: tuple[type[Backend], ...] = (
    SlurmPyslurm,
    SlurmCli,
    SlurmRest,
    SlurmJson,
    SlurmNative,
    Pbs,
    Torque,
)


def choose(config: SchedulerConfig) -> Backend:
    """Return the backend that the configuration names, or the first that works here; raise ConfigError where none does."""
    lacks: dict[str, str] = {}
    for backend in BACKENDS:
        if config.backend in ("auto", backend.name):
            if not (lack := backend.missing(config)):
                why = "; ".join(f"not {name}: {lack}" for name, lack in lacks.items())
                log.info("asking the scheduler by %s%s", backend.name, f" ({why})" if why else "")
                return backend(config)
            lacks[backend.name] = lack
    told = "; ".join(f"{name}: {lack}" for name, lack in lacks.items())
    raise ConfigError(f"backend: {config.backend!r} cannot be used here ({told}); see --backend in --help")
