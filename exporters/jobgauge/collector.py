"""What a collector is: it reads a source and returns samples of the families that it declares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from jobgauge.family import Family
from jobgauge.samples import Samples


class Collector(ABC):
    """One subject. Register the class in its component's table: flag, docs row and health series follow from it."""

    name: ClassVar[str]
    about: ClassVar[str]  # one line for --help and the landing page
    families: ClassVar[tuple[Family, ...]]
    default_on: ClassVar[bool] = True
    essential: ClassVar[bool] = False  # always runs, before the others, which use what it found
    deadline: ClassVar[float] = 5.0  # seconds; past it the scrape answers without this collector
    max_series: ClassVar[int] = 50_000

    @property
    def unreadable(self) -> int:
        """How many values could not be read so far, although what holds them is there; they were left out."""
        return 0

    @property
    def dropped(self) -> int:
        """How many series beyond a cap of the collector's own were left out so far."""
        return 0

    def lacks(self) -> str | None:
        """Say, for the log at a start, what of its source can't be seen here, and why.

        "" where nothing is hidden from it, None where this can't be told. May wait for a slow source.
        """
        return None

    @abstractmethod
    def collect(self) -> Iterable[Samples]:
        """Read the source once. Raise NoData where the machine has no such thing, SourceError where it can't be read."""
