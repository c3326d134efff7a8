"""The runner: whatever a collector does, the scrape answers in time with the others' samples and says what happened."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobgauge.collector import Collector
from jobgauge.errors import NoData, SourceError
from jobgauge.exposition import render
from jobgauge.family import Family, Kind
from jobgauge.runner import Runner
from jobgauge.samples import Samples, SeriesTable


def family(name: str, *labels: str) -> Family:
    return Family(name, Kind.GAUGE, "For tests.", labels)


def collector(
    name: str, body: Callable[[], Iterable[Samples]], families: tuple[Family, ...], **attributes: Any
) -> Collector:
    members = {"name": name, "about": "", "families": families, "collect": lambda self: body(), **attributes}
    return type(name.title(), (Collector,), members)()


GOOD = family("good")


def good() -> Collector:
    return collector("good", lambda: [Samples.of(GOOD, {(): 7})], (GOOD,))


def scrape(
    runner: Runner, names: Iterable[str] | None = None, timeout: float = 5.0
) -> dict[tuple[str, str], float]:
    """Return {(series name, collector or other first label): value} as Prometheus' own parser reads the page."""
    chosen = frozenset(names if names is not None else (c.name for c in runner.collectors))
    page = render(runner.scrape(chosen, timeout)).decode()
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for found in text_string_to_metric_families(page)
        for sample in found.samples
    }


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """An event that collectors hang on; set at the end, so that no thread outlives its test for long."""
    event = threading.Event()
    yield event
    event.set()


def test_a_healthy_scrape_has_every_collector_and_its_health() -> None:
    page = scrape(Runner([good()]))
    assert page["good", ""] == 7
    assert page["jobgauge_collector_success", "good"] == 1
    assert page["jobgauge_collector_series", "good"] == 1
    assert page["jobgauge_dropped_series_total", "good"] == 0
    assert page["jobgauge_collector_duration_seconds", "good"] >= 0


def test_one_that_raises_costs_only_its_own_samples(caplog: pytest.LogCaptureFixture) -> None:
    def body() -> Iterable[Samples]:
        raise OSError("disk on fire")

    runner = Runner([collector("bad", body, ()), good()])
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            page = scrape(runner)
    assert page["good", ""] == 7
    assert page["jobgauge_collector_success", "bad"] == 0
    assert page["jobgauge_collector_success", "good"] == 1
    assert [r.message for r in caplog.records] == [
        "collector bad: OSError: disk on fire"
    ]  # once, not three times
    assert runner.failing == ["bad"]


def test_what_it_gave_before_it_raised_is_kept() -> None:
    first = family("first")

    def body() -> Iterable[Samples]:
        yield Samples.of(first, {(): 1})
        raise SourceError("the second file is gone")

    page = scrape(Runner([collector("half", body, (first,))]))
    assert page["first", ""] == 1
    assert page["jobgauge_collector_success", "half"] == 0


def test_system_exit_in_a_collector_does_not_end_the_worker() -> None:
    def body() -> Iterable[Samples]:
        raise SystemExit(3)

    runner = Runner([collector("quits", body, ()), good()])
    for _ in range(2):
        page = scrape(runner)
        assert page["jobgauge_collector_success", "quits"] == 0
        assert page["good", ""] == 7


def test_no_data_is_no_failure() -> None:
    def body() -> Iterable[Samples]:
        raise NoData("no GPU here")

    assert scrape(Runner([collector("gpu", body, ())]))["jobgauge_collector_success", "gpu"] == 1


def test_one_that_hangs_is_left_behind_and_not_started_twice(release: threading.Event) -> None:
    starts = []

    def body() -> Iterable[Samples]:
        starts.append(1)
        release.wait(60)
        return []

    runner = Runner([collector("hangs", body, (), deadline=0.3), good()])
    for _ in range(3):
        page = scrape(runner)
        assert page["good", ""] == 7
        assert page["jobgauge_collector_success", "hangs"] == 0
        assert page["jobgauge_collector_duration_seconds", "hangs"] >= 0.3
    assert len(starts) == 1
    release.set()
    while runner._states["hangs"].running_since is not None:
        time.sleep(0.01)
    assert scrape(runner)["jobgauge_collector_success", "hangs"] == 1  # it came back, so it is run again
    assert len(starts) == 2


def test_many_that_hang_do_not_add_up(release: threading.Event) -> None:
    def body() -> Iterable[Samples]:
        release.wait(60)
        return []

    hanging = [collector(f"h{n}", body, (), deadline=1.0) for n in range(4)]
    started = time.monotonic()
    page = scrape(Runner([*hanging, good()]), timeout=30)
    assert page["good", ""] == 7
    assert time.monotonic() - started < 4.0  # one after another they would need more


def test_the_scrapes_timeout_is_shorter_than_the_collectors_deadline(release: threading.Event) -> None:
    def body() -> Iterable[Samples]:
        release.wait(60)
        return []

    page = scrape(Runner([collector("hangs", body, (), deadline=50.0), good()]), timeout=0.5)
    assert page["good", ""] == 7
    assert page["jobgauge_collector_success", "hangs"] == 0


def test_a_reload_does_not_start_a_hanging_one_again(release: threading.Event) -> None:
    starts = []

    def body() -> Iterable[Samples]:
        starts.append(1)
        release.wait(60)
        return []

    runner = Runner([collector("hangs", body, (), deadline=0.2)])
    scrape(runner)
    runner.replace([collector("hangs", body, (), deadline=0.2), good()])
    page = scrape(runner)
    assert page["jobgauge_collector_success", "hangs"] == 0
    assert page["good", ""] == 7
    assert len(starts) == 1


def test_a_million_series_are_capped_and_counted() -> None:
    flood = family("flood", "n")

    def body() -> Iterable[Samples]:
        yield Samples.of(flood, {(str(n),): n for n in range(1_000_000)})

    runner = Runner([collector("flood", body, (flood,), max_series=1000, deadline=60.0), good()])
    page = scrape(runner, timeout=100)
    assert sum(name == "flood" for name, _ in page) == 1000
    assert page["jobgauge_dropped_series_total", "flood"] == 999_000
    assert page["jobgauge_collector_success", "flood"] == 0
    assert page["good", ""] == 7


def test_a_series_given_twice_appears_once() -> None:
    twice = family("twice", "n")
    table = SeriesTable(twice, [("a",), ("b",), ("a",)])

    def body() -> Iterable[Samples]:
        yield table.samples([b"1", b"2", b"3"])

    page = scrape(Runner([collector("twice", body, (twice,))]))
    assert (page["twice", "a"], page["twice", "b"]) == (1, 2)
    assert page["jobgauge_dropped_series_total", "twice"] == 1
    assert page["jobgauge_collector_success", "twice"] == 0


def test_a_family_given_twice_or_not_declared_is_dropped() -> None:
    mine, foreign = family("mine"), family("foreign")

    def body() -> Iterable[Samples]:
        yield Samples.of(mine, {(): 1})
        yield Samples.of(mine, {(): 2})
        yield Samples.of(foreign, {(): 3})

    page = scrape(Runner([collector("sly", body, (mine,))]))
    assert page["mine", ""] == 1
    assert ("foreign", "") not in page
    assert page["jobgauge_dropped_series_total", "sly"] == 2


def test_two_collectors_cannot_declare_one_family() -> None:
    with pytest.raises(ValueError, match="two collectors declare"):
        Runner([good(), collector("other", list, (GOOD,))])


def is_waiting(thread: threading.Thread) -> bool:
    """Whether a thread waits for what another does; the one that collects waits in the runner itself."""
    frame = sys._current_frames()[thread.ident or 0]
    return frame.f_code is threading.Condition.wait.__code__


def test_scrapes_at_the_same_time_share_one_collection(release: threading.Event) -> None:
    runs = []

    def body() -> Iterable[Samples]:
        runs.append(1)
        release.wait(60)
        return [Samples.of(GOOD, {(): len(runs)})]

    runner = Runner([collector("slow", body, (GOOD,), deadline=60.0)])
    pages: list[dict[tuple[str, str], float]] = []
    threads = [threading.Thread(target=lambda: pages.append(scrape(runner, timeout=60))) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(runs) == 0 or sum(is_waiting(thread) for thread in threads) < len(threads) - 1:
        time.sleep(0.01)
    release.set()
    for thread in threads:
        thread.join()
    assert [page["good", ""] for page in pages] == [1] * 8
    assert len(runs) == 1


def test_a_selection_runs_what_was_asked_for_and_the_essential() -> None:
    first, second = family("first"), family("second")
    runner = Runner(
        [
            good(),
            collector("second", lambda: [Samples.of(second, {(): 2})], (second,)),
            collector("first", lambda: [Samples.of(first, {(): 1})], (first,), essential=True),
        ]
    )
    assert [c.name for c in runner.collectors] == ["first", "good", "second"]  # essential ones run first
    page = scrape(runner, ["second"])
    assert ("good", "") not in page
    assert ("jobgauge_collector_success", "good") not in page
    assert (page["first", ""], page["second", ""]) == (1, 2)


def test_an_idle_worker_is_used_again() -> None:
    runner = Runner([good()])
    scrape(runner)
    before = threading.active_count()
    for _ in range(50):
        scrape(runner)
    assert threading.active_count() <= before
