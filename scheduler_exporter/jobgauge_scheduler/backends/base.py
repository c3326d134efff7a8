"""What a backend is: one way of asking one kind of scheduler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Source
from jobgauge_scheduler.poller import Read


class Backend(ABC):
    """Turns a scheduler's answers into the model."""

    name: ClassVar[str]

    def __init__(self, config: SchedulerConfig) -> None:
        self.config = config

    @classmethod
    @abstractmethod
    def missing(cls, config: SchedulerConfig) -> str:
        """Say what it lacks to work on this machine; nothing where it lacks nothing."""

    @abstractmethod
    def reads(self) -> Mapping[Source, Read]:
        """Return how each source that this scheduler has is read."""
