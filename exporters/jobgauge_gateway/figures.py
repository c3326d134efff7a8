"""What the gateway counts, and the collector that shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from jobgauge.catalogue import gateway
from jobgauge.collector import Collector
from jobgauge.family import Family
from jobgauge.samples import Samples


@dataclass
class Figures:
    """Counts since the start; written by the event loop, read by scrapes in another thread."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: Counter[tuple[str, ...]] = field(default_factory=Counter)
    bytes: Counter[tuple[str, ...]] = field(default_factory=Counter)
    staff_views: int = 0

    def note(self, endpoint: str, outcome: str, seconds: float, size: int) -> None:
        """Count one request."""
        self.requests[endpoint, outcome] += 1
        self.seconds[(endpoint,)] += seconds  # type: ignore[assignment]  # a sum of time
        self.bytes[(endpoint,)] += size


@dataclass(frozen=True)
class Now:
    """How the gateway stands at this moment."""

    inside: int
    waiting: int
    people_ages: Mapping[str, float]
    key_fetches: Mapping[str, int]


class GatewayCollector(Collector):
    """The gateway's own figures."""

    name = "gateway"
    about = "requests by outcome, places at the store, age of what is known about people"
    families: ClassVar[tuple[Family, ...]] = (
        gateway.REQUESTS,
        gateway.REQUEST_SECONDS,
        gateway.ANSWER_BYTES,
        gateway.STAFF_VIEWS,
        gateway.INSIDE,
        gateway.WAITING,
        gateway.PEOPLE_AGE,
        gateway.KEY_FETCHES,
    )

    def __init__(self, figures: Figures, now: Callable[[], Now]) -> None:
        self._figures = figures
        self._now = now

    def collect(self) -> Iterable[Samples]:
        """Show what was counted."""
        figures, now = self._figures, self._now()
        yield Samples.of(gateway.REQUESTS, dict(figures.requests))
        yield Samples.of(gateway.REQUEST_SECONDS, dict(figures.seconds))
        yield Samples.of(gateway.ANSWER_BYTES, dict(figures.bytes))
        yield Samples.of(gateway.STAFF_VIEWS, {(): figures.staff_views})
        yield Samples.of(gateway.INSIDE, {(): now.inside})
        yield Samples.of(gateway.WAITING, {(): now.waiting})
        yield Samples.of(gateway.PEOPLE_AGE, {(name,): age for name, age in now.people_ages.items()})
        yield Samples.of(gateway.KEY_FETCHES, {(result,): count for result, count in now.key_fetches.items()})
