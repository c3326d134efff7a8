"""What is there and cannot be read is left out and counted; what is not there is only left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.expectation import key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import NodeTree

Start = Callable[..., JobExporter]


def unreadable(exporter: JobExporter) -> dict[str, float]:
    """Return how many values each collector has counted, where it has counted any; its jobs are looked at too."""
    return {
        dict(labels)["collector"]: value
        for (name, labels), value in exporter.series().items()
        if name == "jobgauge_unreadable_values_total" and value
    }


def refuse_to_open(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)  # ELOOP, for root too


def refuse_to_read(file: Path) -> None:
    file.unlink()
    file.symlink_to("/proc/self/mem")  # EIO at its beginning


@pytest.mark.parametrize("refuse", [refuse_to_open, refuse_to_read])
def test_every_attempt_is_counted(node: NodeTree, start: Start, refuse: Callable[[Path], None]) -> None:
    job = node.job("101", 5001, 3)
    for name in ("memory.current", "cpu.stat", "io.stat", "cgroup.stat"):
        refuse(job.folder / name)
    exporter = start()
    assert unreadable(exporter) == {"memory": 1, "cpu": 3, "io": 1}
    assert unreadable(exporter) == {"memory": 2, "cpu": 6, "io": 2}
    series = exporter.series()
    assert key("hpc_job_memory_usage_bytes", **job.labels("alice")) not in series
    assert series[key("jobgauge_collector_success", collector="memory")] == 1


def test_a_list_of_processes_that_cannot_be_read(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    exporter = start()
    assert not unreadable(exporter)
    refuse_to_read(job.folder / "step_batch/user/task_0/cgroup.procs")
    assert unreadable(start()) == {"processes": 1}
    assert not unreadable(exporter), "what is open already can still be read"


def test_what_is_no_number_is_counted(node: NodeTree, start: Start) -> None:
    node.job("101", 5001, 3).write({"memory.peak": "-5\n", "memory.events": "high x\noom 3\n"})
    assert unreadable(start()) == {"memory": 2}


def test_what_the_kernel_does_not_have_is_not_counted(node: NodeTree, start: Start) -> None:
    job, ended = node.job("101", 5001, 3), node.job("102", 5002, 5)
    for name in ("memory.peak", "io.stat", "cpu.pressure", "cgroup.stat"):
        (job.folder / name).unlink()
    job.write({"memory.max": "max\n", "cpuset.cpus.effective": "\n", "memory.events": "oom 1\n"})
    exporter = start()
    exporter.series()
    ended.end()
    assert not unreadable(exporter)
