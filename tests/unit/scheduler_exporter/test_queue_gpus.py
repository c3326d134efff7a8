"""GPUs in demand by type: sums stay right, and words that users make up are few in the end."""

from __future__ import annotations

from jobgauge.exposition import render
from jobgauge_scheduler.collectors.queue import QueueCollector
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import ByType, Job, Snapshot
from tests.support.scrape import parse

FAMILY = "hpc_sched_job_gpus_by_type"


def job(number: int, state: str, types: ByType, tasks: int = 1) -> Job:
    count = sum(count for _, count in types)
    return Job(str(number), "u", "a", "p", "q", state, 1, 1, gpus=count, gpus_by_type=types, tasks=tasks)


def by_type(*jobs: Job) -> dict[tuple[str, str], float]:
    drawn = QueueCollector([], SchedulerConfig()).draw(Snapshot(jobs=jobs), "")
    page = parse(render([samples for samples in drawn if samples.family.name == FAMILY]).decode())
    rows = ((dict(labels), value) for (_, labels), value in page.items())
    return {(row["state"], row["type"]): value for row, value in rows}


def test_each_type_is_summed_and_tasks_of_arrays_count() -> None:
    mixed = (("a100", 2), ("h100", 1))
    assert by_type(
        job(1, "running", mixed), job(2, "pending", mixed, tasks=10), job(3, "pending", (("", 4),))
    ) == {
        ("running", "a100"): 2, ("running", "h100"): 1,
        ("pending", "a100"): 20, ("pending", "h100"): 10, ("pending", ""): 4,
    }  # fmt: skip


def test_a_scheduler_without_types_has_no_series() -> None:
    assert by_type(Job("1", "u", "a", "p", "q", "running", 1, 1, gpus=3)) == {}


def test_made_up_types_are_capped_and_do_not_drive_out_what_runs() -> None:
    made_up = [job(number, "pending", ((f"x{number}", 1000 + number),)) for number in range(10_000)]
    found = by_type(job(-1, "running", (("a100", 1),)), *made_up)
    assert found["running", "a100"] == 1
    assert len(found) == 33
    assert sum(found.values()) == 1 + sum(range(1000, 11_000))
    assert ("pending", "x9999") in found
    assert ("pending", "x9968") not in found
