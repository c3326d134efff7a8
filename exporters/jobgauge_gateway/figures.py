"""What the gateway counts, and the collector that shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from jobgauge.catalogue import gateway
from jobgauge.collector import Collector
from jobgauge.family import Family
from jobgauge.samples import Samples

_COUNTERS = ("requests", "seconds", "bytes")


@dataclass
class Figures:
    """Counts since the start; written by the event loop, read by scrapes in another thread."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: Counter[tuple[str, ...]] = field(default_factory=Counter)
    bytes: Counter[tuple[str, ...]] = field(default_factory=Counter)
    staff_views: int = 0

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        counters = {name: list(getattr(self, name).items()) for name in _COUNTERS}
        return {**counters, "staff_views": self.staff_views}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Figures:
        """Return it from what plain() gave."""
        counters = {name: Counter({tuple(key): value for key, value in plain[name]}) for name in _COUNTERS}
        return cls(**counters, staff_views=plain["staff_views"])

    def __add__(self, other: Figures) -> Figures:
        """Return the sums of both."""
        counters = {name: getattr(self, name) + getattr(other, name) for name in _COUNTERS}
        return Figures(**counters, staff_views=self.staff_views + other.staff_views)

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

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Now:
        """Return it from what plain() gave."""
        return cls(**plain)

    @classmethod
    def together(cls, several: Iterable[Now]) -> Now:
        """Return how several gateways stand: sums, and of the ages the highest."""
        ages: dict[str, float] = {}
        fetches: Counter[str] = Counter(success=0, failure=0)
        inside = waiting = 0
        for one in several:
            inside, waiting = inside + one.inside, waiting + one.waiting
            fetches.update(one.key_fetches)
            ages |= {name: max(age, ages.get(name, 0.0)) for name, age in one.people_ages.items()}
        return cls(inside, waiting, ages, fetches)


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

    def __init__(self, figures: Callable[[], Figures], now: Callable[[], Now]) -> None:
        self._figures = figures
        self._now = now

    def collect(self) -> Iterable[Samples]:
        """Show what was counted."""
        figures, now = self._figures(), self._now()
        yield Samples.of(gateway.REQUESTS, dict(figures.requests))
        yield Samples.of(gateway.REQUEST_SECONDS, dict(figures.seconds))
        yield Samples.of(gateway.ANSWER_BYTES, dict(figures.bytes))
        yield Samples.of(gateway.STAFF_VIEWS, {(): figures.staff_views})
        yield Samples.of(gateway.INSIDE, {(): now.inside})
        yield Samples.of(gateway.WAITING, {(): now.waiting})
        yield Samples.of(gateway.PEOPLE_AGE, {(name,): age for name, age in now.people_ages.items()})
        yield Samples.of(gateway.KEY_FETCHES, {(result,): count for result, count in now.key_fetches.items()})
