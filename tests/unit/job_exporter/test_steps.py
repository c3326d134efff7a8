"""What a job's steps and cores are shown to use, on both versions of cgroups."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge_job.sources.cgroup import cpu_numbers
from tests.support.devices_tree import put
from tests.support.expectation import Key, key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import JobTree, NodeTree
from tests.support.scrape import once, parse

Start = Callable[..., JobExporter]


def of(series: dict[Key, float], prefix: str) -> dict[Key, float]:
    return {name: value for name, value in series.items() if name[0].startswith(prefix)}


def put_step(job: JobTree, step: str, n: int) -> None:
    put(job.folder / f"step_{step}/cpu.stat", f"usage_usec {n}000007\nuser_usec 1\nsystem_usec 2\n")
    put(job.folder / f"step_{step}/memory.current", f"{n}4096\n")
    put(job.folder / f"step_{step}/memory.peak", f"{n}8192\n")


def expected(job: JobTree, step: str, n: int) -> dict[Key, float]:
    labels = job.labels("alice") | {"step": step}
    return {
        key("hpc_job_step_cpu_seconds_total", **labels): n + 0.000007,
        key("hpc_job_step_memory_usage_bytes", **labels): float(f"{n}4096"),
        key("hpc_job_step_memory_peak_bytes", **labels): float(f"{n}8192"),
    }


def test_steps_on_v2(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    put_step(job, "batch", 5)
    put_step(job, "0", 7)
    put(job.folder / "step_x y/memory.current", "1\n")
    put(job.folder / "step_0/user/step_9/memory.current", "1\n")  # made by the user
    exporter = start()
    both = expected(job, "batch", 5) | expected(job, "0", 7)
    assert of(exporter.jobs(), "hpc_job_step") == pytest.approx(both)

    put_step(job, "0", 9)
    assert of(exporter.jobs(), "hpc_job_step") == pytest.approx(both | expected(job, "0", 9))
    shutil.rmtree(job.folder / "step_0")
    assert of(exporter.jobs(), "hpc_job_step") == pytest.approx(expected(job, "batch", 5))
    job.end()
    assert of(exporter.jobs(), "hpc_job_step") == pytest.approx(expected(job, "batch", 5)), (
        "kept with the job"
    )


def test_steps_and_cores_on_v1(node: NodeTree) -> None:
    job = node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101")
    below = "slurm/uid_5001/job_101/step_0"
    put(node.cgroups / "cpuacct" / below / "cpuacct.usage", "7000008999\n")
    put(node.cgroups / "memory" / below / "memory.usage_in_bytes", "74096\n")
    put(node.cgroups / "memory" / below / "memory.max_usage_in_bytes", "78192\n")
    # It holds 0,2-4; it was on 5 before its cpuset was made, and never on 1 and 6.
    job.write({"cpuacct.usage_percpu": "1000000999 0 2500000000 0 999 7 0 \n"})
    flags = ["--collector.steps", "--collector.cores"]
    series = parse(once("jobgauge-job-exporter", *node.flags, *flags).stdout)
    labels = job.labels("alice")
    cores = {"0": 1.0, "2": 2.5, "3": 0.0, "4": 0.0, "5": 0.0}
    assert of(series, "hpc_job_cpu_core") == pytest.approx(
        {key("hpc_job_cpu_core_seconds_total", core=core, **labels): time for core, time in cores.items()}
    )
    assert of(series, "hpc_job_step") == pytest.approx(
        {
            key("hpc_job_step_cpu_seconds_total", step="0", **labels): 7.000008,
            key("hpc_job_step_memory_usage_bytes", step="0", **labels): 74096,
            key("hpc_job_step_memory_peak_bytes", step="0", **labels): 78192,
        }
    )
    without = parse(once("jobgauge-job-exporter", *node.flags).stdout)
    assert not of(without, "hpc_job_step") | of(without, "hpc_job_cpu_core"), "only where they are asked for"


def test_steps_beyond_the_cap_are_counted(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    for number in range(40):
        put_step(job, str(number), 1)
    exporter = start()
    series = exporter.series()
    assert len(of(series, "hpc_job_step")) == 3 * 32
    assert series[key("jobgauge_dropped_series_total", collector="steps")] == 3 * 10  # batch and extern too


@pytest.mark.parametrize("how", ["missing", "broken", "refused", "empty"])
def test_what_cannot_be_read_of_a_step(node: NodeTree, start: Start, how: str) -> None:
    job = node.job("101", 5001, 3)
    put_step(job, "0", 7)
    file: Path = job.folder / "step_0/memory.peak"
    file.unlink()
    if how == "refused":
        file.symlink_to(file.name)
    elif how != "missing":
        file.write_text("-5\n" if how == "broken" else "")
    series = start().series()
    rest = expected(job, "0", 7)
    del rest[key("hpc_job_step_memory_peak_bytes", step="0", **job.labels("alice"))]
    assert of(series, "hpc_job_step") == pytest.approx(rest)
    counted = series[key("jobgauge_unreadable_values_total", collector="steps")]
    assert counted == (how in ("broken", "refused"))


@pytest.mark.parametrize("text", ["", "1 x 3\n", "-1 0\n"])
def test_cores_that_cannot_be_read(node: NodeTree, start: Start, text: str) -> None:
    job = node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101")
    job.write({"cpuacct.usage_percpu": text})
    series = start().series()
    assert not of(series, "hpc_job_cpu_core")
    assert series[key("jobgauge_unreadable_values_total", collector="cores")] == bool(text)


@given(st.sets(st.integers(0, 500), min_size=1))
def test_lists_of_cpus(cpus: set[int]) -> None:
    assert cpu_numbers(",".join(map(str, cpus)).encode()) == cpus
    assert cpu_numbers(f"{min(cpus)}-{max(cpus)}\n".encode()) == set(range(min(cpus), max(cpus) + 1))


@given(st.binary() | st.text("0123456789-,").map(str.encode))
def test_any_list_of_cpus_can_be_read(text: bytes) -> None:
    assert len(cpu_numbers(text)) <= 8193
