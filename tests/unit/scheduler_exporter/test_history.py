"""Counting what jobs did: every one once, whatever happens to the accounting, the clock or the exporter."""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from jobgauge.catalogue.scheduler.history import TIME_BOUNDS
from jobgauge.errors import SourceError
from jobgauge_scheduler.history import History
from jobgauge_scheduler.model import Reading, Record, Tally
from jobgauge_scheduler.slurm import sacct
from tests.support.slurm import FIXTURES, VERSIONS

START = 1_000_000


class Accounting:
    """A made-up accounting: jobs with their times, told as far as they have happened and arrived."""

    def __init__(self, jobs: list[Record]) -> None:
        self.jobs = jobs
        self.now = START
        self.late: Callable[[], int] = lambda: 0
        self.asked: list[float] = []
        self.down = False

    def since(self, moment: float) -> Reading[tuple[Record, ...]]:
        if self.down:
            raise SourceError("slurmdbd does not answer")
        self.asked.append(moment)
        told = []
        for job in self.jobs:
            end = job.end if job.end is not None and job.end + self.late() <= self.now else None
            if job.start is not None and job.start <= self.now and (end is None or end >= moment):
                told.append(
                    Record(
                        job.id,
                        job.user,
                        "a",
                        "p",
                        "completed" if end else "running",
                        job.eligible,
                        job.start,
                        end,
                    )
                )
        return Reading(tuple(told))

    def clock(self) -> float:
        return self.now


def made_up(count: int, seed: int = 1) -> list[Record]:
    chance = random.Random(seed)
    jobs = []
    for number in range(count):
        eligible = START + chance.randrange(-500, 20_000)
        start = eligible + chance.choice([0, 5, 100, 5000])
        end = start + chance.choice([0, 1, 60, 4000, 100_000])
        jobs.append(Record(str(number), "u", "a", "p", "", eligible, start, end))
    return jobs


def counted(tally: Tally) -> tuple[int, int, int]:
    return (
        sum(sum(histogram.counts) for histogram in tally.waits.values()),
        sum(sum(histogram.counts) for histogram in tally.runs.values()),
        sum(tally.ended.values()),
    )


def truth(jobs: list[Record], until: int) -> tuple[int, int, int]:
    started = sum(START <= (job.start or 0) <= until for job in jobs)
    ended = sum(START <= (job.end or 0) <= until for job in jobs)
    return started, ended, ended


def test_every_start_and_end_is_counted_once() -> None:
    accounting = Accounting(made_up(500))
    history = History(accounting.since, clock=accounting.clock)
    for _ in range(200):
        accounting.now += random.Random(accounting.now).choice([1, 60, 120, 3000])
        tally = history().value
        assert counted(tally) == truth(accounting.jobs, accounting.now)
    assert accounting.asked[-1] > START + 20_000, "old records are not asked for again and again"


def test_records_that_come_minutes_late_are_not_missed() -> None:
    accounting = Accounting(made_up(300))
    accounting.late = lambda: 600
    history = History(accounting.since, clock=accounting.clock)
    tally = Tally()
    while accounting.now < START + 150_000:
        accounting.now += 120
        tally = history().value
    started, *_ = truth(accounting.jobs, accounting.now)
    assert counted(tally) == (started, *truth(accounting.jobs, accounting.now - 600)[1:])


def test_a_record_that_is_not_whole_yet_is_counted_once_it_is() -> None:
    # what slurmdbd holds of a job that was requeued at its start, before and after slurmctld tells it the rest
    records = [Record("7", "u", "a", "", "requeued", None, START + 10, START + 10)]
    history = History(lambda _: Reading(tuple(records)), clock=lambda: float(START))
    assert counted(history().value) == counted(Tally())
    records[0] = Record("7", "u", "a", "p", "requeued", START + 4, START + 10, START + 10)
    for _ in range(2):
        tally = history().value
        assert tally.ended == {("requeued", "p", "a", "u"): 1}
        assert tally.waits["p", "a"].sum == 6


@pytest.mark.parametrize("eligible", [None, START])
def test_a_job_that_was_cancelled_while_it_waited_neither_started_nor_ran(eligible: int | None) -> None:
    job = Record("7", "u", "a", "p", "cancelled", eligible, None, START + 500)
    tally = History(lambda _: Reading((job,)), clock=lambda: float(START))().value
    assert tally.ended == {("cancelled", "p", "a", "u"): 1}
    assert not tally.waits
    assert not tally.runs


def test_a_job_that_was_cancelled_in_the_second_of_its_start_did_both() -> None:
    job = Record("7", "u", "a", "p", "cancelled", START, START + 500, START + 500)
    tally = History(lambda _: Reading((job,)), clock=lambda: float(START))().value
    assert counted(tally) == (1, 1, 1)
    assert tally.waits["p", "a"].sum == 500


def test_what_happens_in_the_second_in_which_counting_begins_is_counted() -> None:
    job = Record("7", "u", "a", "p", "cancelled", START, START, START)
    tally = History(lambda _: Reading((job,)), clock=lambda: START + 0.9)().value
    assert counted(tally) == (1, 1, 1)


def test_nothing_is_lost_or_doubled_over_restarts_and_outages(tmp_path: Path) -> None:
    accounting = Accounting(made_up(500))
    path = str(tmp_path / "history.json")
    chance = random.Random(3)
    history = History(accounting.since, path, accounting.clock)
    for step in range(150):
        accounting.now += 200
        accounting.down = 20 < step < 40
        if chance.random() < 0.3:
            history = History(accounting.since, path, accounting.clock)
        if accounting.down:
            with pytest.raises(SourceError):
                history()
        else:
            assert counted(history().value) == truth(accounting.jobs, accounting.now)


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_jump_of_this_machine_s_clock_changes_nothing(jump: int) -> None:
    accounting = Accounting(made_up(300))
    wrong = 0
    history = History(accounting.since, clock=lambda: accounting.now + wrong)
    for step in range(100):
        accounting.now += 300
        wrong = jump if 20 < step < 50 else 0
        assert counted(history().value) == truth(accounting.jobs, accounting.now)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 99, "bounds": []}', "\x00"])
def test_a_file_that_is_damaged_is_told_and_replaced(tmp_path: Path, content: str, caplog) -> None:
    path = tmp_path / "history.json"
    path.write_text(content)
    accounting = Accounting(made_up(20))
    with caplog.at_level(logging.WARNING):
        history = History(accounting.since, str(path), accounting.clock)
    assert "cannot be used" in caplog.text
    history()
    assert json.loads(path.read_text())["format"] == 1


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, caplog) -> None:
    accounting = Accounting([])
    with caplog.at_level(logging.WARNING):
        History(accounting.since, str(tmp_path / "no" / "history.json"), accounting.clock)()
    assert "cannot be written" in caplog.text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_day_is_what_sacct_itself_says_in_json(version: str) -> None:
    reading = sacct.parse((FIXTURES / version / "sacct.txt").read_bytes())
    told = json.loads((FIXTURES / version / "oracle_sacct.json").read_text())
    tally = History(lambda _: reading, clock=lambda: 0.0)().value
    ended = [job for job in told if job["end"]]
    expected = Counter((job["state"].lower(), job["partition"], job["account"], job["user"]) for job in ended)
    assert tally.ended == expected
    assert {state for state, *_ in expected} >= {"completed", "failed", "cancelled"}
    for histograms, spans in (
        (tally.waits, [(job, job["start"] - job["eligible"]) for job in told if job["start"]]),
        (tally.runs, [(job, job["end"] - job["start"]) for job in ended]),
    ):
        for (partition, account), histogram in histograms.items():
            own = [s for job, s in spans if (job["partition"], job["account"]) == (partition, account)]
            assert histogram.sum == sum(own)
            assert [count for _, count in histogram.cumulative()] == [
                sum(seconds <= bound for seconds in own) for bound in (*TIME_BOUNDS, float("inf"))
            ]
        assert sum(sum(h.counts) for h in histograms.values()) == len(spans)


@pytest.mark.parametrize(
    ("eligible", "start", "end", "ratio"),
    [
        (0, 0, 100, 1),
        (0, 100, 200, 2),
        (0, 3600, 3600 + 1200, 4),
        (0, 95, 100, 10.5),  # five seconds count as ten
        (50, 40, 140, 1),  # it could start before it was told eligible
    ],
)
def test_how_much_longer_than_its_run_a_job_took(eligible: int, start: int, end: int, ratio: float) -> None:
    job = Record("1", "u", "a", "p", "failed", eligible, start, end)
    tally = History(lambda _: Reading((job,)), clock=lambda: 0.0)().value
    (histogram,) = tally.expansions.values()
    assert histogram.sum == pytest.approx(ratio)
    assert sum(histogram.counts) == 1


def test_a_job_that_never_ran_has_no_expansion_and_a_state_file_of_before_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    ran = Record("1", "u", "a", "p", "completed", 10, 20, 30)
    never = Record("2", "u", "a", "p", "cancelled", 10, None, 30)
    History(lambda _: Reading((ran, never)), str(path), clock=lambda: 0.0)()
    state = json.loads(path.read_text())
    assert len(state["expansions"]) == 1
    del state["expansions"]
    path.write_text(json.dumps(state))
    tally = History(lambda _: Reading((ran, never)), str(path), clock=lambda: 0.0)().value
    assert tally.ended.total() == 2
    assert tally.expansions == {}
