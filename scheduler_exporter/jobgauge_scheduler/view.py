"""What a collector of this exporter is: it draws its page when figures are new, and a scrape only hands it out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from jobgauge.collector import Collector
from jobgauge.errors import NoData, SourceError
from jobgauge.samples import Samples
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Snapshot, Source
from jobgauge_scheduler.poller import Poller


@dataclass(frozen=True)
class _Page:
    samples: list[Samples]
    problem: str = ""


class SchedulerCollector(Collector):
    """A collector over one or several schedulers."""

    sources: ClassVar[tuple[Source, ...]] = ()  # what it draws from; it needs all of them
    also: ClassVar[tuple[Source, ...]] = ()  # what it needs of schedulers that have it

    def __init__(self, pollers: Sequence[Poller], config: SchedulerConfig) -> None:
        self.pollers = pollers
        self.config = config
        self._pages: dict[Poller, _Page] = {}
        for poller in pollers:
            poller.listeners.append(self._refresh)

    @abstractmethod
    def draw(self, snapshot: Snapshot, cluster: str) -> Iterable[Samples]:
        """Return the samples of a snapshot in which every source of this collector has been read."""

    def collect(self) -> Iterable[Samples]:
        """Hand out what was drawn last of each scheduler, unless it is stale."""
        served = [poller for poller in self.pollers if poller.sources.issuperset(self.sources)]
        if not served:
            raise NoData(f"the scheduler is not asked for {', '.join(self.sources)}")
        problems, fresh = [], []
        for poller in served:
            if stale := [source for source in self._needs(poller) if poller.stale(source)]:
                health = poller.health.get(stale[0])
                why = health.problem if health and health.problem else "its turn has not come"
                problems.append(f"no fresh {stale[0]}: {why}")
            else:
                fresh.append(self._pages[poller])
        yield from merge([page.samples for page in fresh])
        if problems := problems + [page.problem for page in fresh if page.problem]:
            raise SourceError("; ".join(problems))

    def _needs(self, poller: Poller) -> list[Source]:
        return [*self.sources, *(source for source in self.also if source in poller.sources)]

    def _refresh(self, poller: Poller, source: Source) -> None:
        """Draw anew, in the poller's thread, where the source concerns this collector."""
        snapshot, needs = poller.snapshot, self._needs(poller)
        if source not in needs or any(getattr(snapshot, need) is None for need in needs):
            return
        try:
            self._pages[poller] = _Page(list(self.draw(snapshot, poller.cluster)))
        except Exception as error:  # noqa: BLE001 - a defect in one collector must not end the poller
            self._pages[poller] = _Page([], f"cannot be drawn: {type(error).__name__}: {error}")


def merge(pages: Sequence[Sequence[Samples]]) -> Iterator[Samples]:
    """Put the same family's samples of several schedulers together."""
    if len(pages) == 1:
        yield from pages[0]
        return
    families = dict.fromkeys(samples.family for page in pages for samples in page)
    for family in families:
        parts = [samples for page in pages for samples in page if samples.family is family]
        yield Samples(
            family,
            b"".join(part.body for part in parts),
            sum(part.count for part in parts),
            sum(part.dropped for part in parts),
        )
