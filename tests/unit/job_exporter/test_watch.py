"""Jobs that come and go between two scrapes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobgauge_job.layouts.slurm_v2 import SlurmV2
from tests.support.expectation import key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import NodeTree
from tests.support.running import Running

Start = Callable[..., JobExporter]
Rest = Callable[[], JobExporter]

_PATIENCE = 20.0  # only ever waited for in full where something is broken


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def rest(start: Start, monkeypatch: pytest.MonkeyPatch) -> Rest:
    """Start an exporter, and wait until it looks for nothing any more unless the kernel tells it to."""

    def rest() -> JobExporter:
        monkeypatch.setattr("jobgauge_job.watch._LIVELY", 0.1)
        exporter = start(watch_interval=3600.0, keep_ended=3600.0)
        time.sleep(0.5)
        monkeypatch.setattr("jobgauge_job.watch._LIVELY", 3600.0)
        return exporter

    return rest


def test_a_job_is_read_and_known_as_it_comes(node: NodeTree, rest: Rest) -> None:
    before = node.job("101", 5001, 3)
    exporter = rest()
    table = exporter.running.collectors[0].table  # type: ignore[attr-defined]
    job = node.job("102", 5002, 5)
    wait_for(lambda: [found.identity.jobid for found in table.running] == ["101", "102"])
    found = table.running[1]
    wait_for(lambda: found.identity.user == "bob")
    wait_for(lambda: found.file("memory.current").text)
    job.end()
    wait_for(lambda: len(table.running) == 1)
    ended = time.time()
    time.sleep(0.5)
    series = exporter.jobs()
    assert series[key("hpc_job_end_time_seconds", **job.labels("bob"))] <= ended + 0.01
    usage = key("hpc_job_memory_usage_bytes", **job.labels("bob"))
    assert series[usage] == job.expected("bob")[usage]
    assert key("hpc_job_end_time_seconds", **before.labels("alice")) not in series


def test_a_user_comes_with_a_job_on_cgroup_v1(node: NodeTree, rest: Rest) -> None:
    node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101")
    table = rest().running.collectors[0].table  # type: ignore[attr-defined]
    node.job_v1("102", 5002, 5, "slurm/uid_5002/job_102")
    wait_for(lambda: {found.identity.jobid for found in table.running} == {"101", "102"})


def test_the_watch_goes_on_where_directories_cannot_be_listed(
    node: NodeTree, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: SlurmV2) -> list[str]:
        raise OSError("as a layout may")

    monkeypatch.setattr(SlurmV2, "directories", refused)
    table = start(watch_interval=0.05).running.collectors[0].table  # type: ignore[attr-defined]
    node.job("101", 5001, 3)
    wait_for(lambda: [found.identity.jobid for found in table.running] == ["101"])


def test_jobs_are_looked_for_where_the_kernel_tells_nothing(node: NodeTree, tmp_path: Path) -> None:
    without = 'echo 0 > /proc/sys/user/max_inotify_instances; exec "$@"'
    command = str(Path(sys.executable).parent / "jobgauge-job-exporter")
    flags = ["--web.listen-address=127.0.0.1:0", "--jobs.watch-interval=100ms", *node.flags]
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", without, "sh", command, *flags]
    log = tmp_path / "log"
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=output) as process:
        exporter = Running(process, log)
        try:
            exporter.page()
            assert "inotify does not work: Too many open files" in exporter.said
            job = node.job("101", 5001, 3)
            peak = key("hpc_job_memory_peak_bytes", **job.labels("alice"))
            wait_for(lambda: peak in exporter.page())
            job.end()
            wait_for(lambda: key("hpc_job_end_time_seconds", **job.labels("alice")) in exporter.page())
        finally:
            process.kill()
