"""The worker that asks the GPUs' driver: nothing of a scrape stays behind, and old answers are not passed off as new."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.errors import NoData, SourceError
from jobgauge_job import gpus
from jobgauge_job.gpus import GpuWorker
from jobgauge_job.sources.gpu import Gpu, parse_gpu

ONE = Gpu("0", "GPU-0", "model")


class Driver:
    """Gives the answers one after another, the last again and again; None hangs until released."""

    def __init__(self, *answers: Sequence[Gpu] | Exception | None) -> None:
        self.answers = list(answers)
        self.asked = threading.Semaphore(0)
        self.released = threading.Event()

    def read(self) -> Sequence[Gpu]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.asked.release()
        if answer is None:
            self.released.wait(60)
            return []
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def workers() -> Iterator[list[GpuWorker]]:
    started: list[GpuWorker] = []
    yield started
    for worker in started:
        worker.close()


def test_an_error_that_lasts_keeps_nothing_of_the_scrapes(workers: list[GpuWorker]) -> None:
    workers.append(GpuWorker(Driver(NoData("none")), 3600.0))
    depths = []
    for _ in range(5):
        with pytest.raises(NoData, match="none") as raised:
            workers[0].latest()
        depths.append(len(raised.traceback))
    assert len(set(depths)) == 1


def test_an_error_that_was_not_foreseen_is_passed_on(workers: list[GpuWorker]) -> None:
    workers.append(GpuWorker(Driver(RuntimeError("odd")), 3600.0))
    with pytest.raises(SourceError, match="odd"):
        workers[0].latest()


def test_an_answer_that_is_too_old_is_not_shown(
    workers: list[GpuWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver([ONE], None)
    workers.append(GpuWorker(driver, 0.01))
    assert workers[0].latest() == [ONE]
    for _ in range(2):  # the first answer, and the question that hangs
        assert driver.asked.acquire(timeout=30)
    monkeypatch.setattr(gpus, "_FIRST", -3600.0)  # the answer's time is over
    with pytest.raises(SourceError, match="has not answered"):
        workers[0].latest()
    driver.released.set()


def test_a_driver_that_comes_back(workers: list[GpuWorker]) -> None:
    driver = Driver(SourceError("exchanged"), [ONE])
    workers.append(GpuWorker(driver, 0.01))
    for _ in range(3):
        assert driver.asked.acquire(timeout=30)
    assert workers[0].latest() == [ONE]


@given(st.binary() | st.text("uidmodel_tlzaonpcgrsywbh=0123456789\n", max_size=200).map(str.encode))
def test_any_bytes_are_survived(text: bytes) -> None:
    assert all(value >= 0 for value in parse_gpu("0", text).values.values())
