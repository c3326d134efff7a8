"""The job exporter's command on nodes of every kind: each series that must be there, its value, and none besides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.expectation import Key, key
from tests.support.node_tree import NodeTree
from tests.support.scrape import jobs_only, once, parse

COMMAND = "jobgauge-job-exporter"


@pytest.fixture
def node(tmp_path: Path) -> NodeTree:
    tree = NodeTree(tmp_path)
    tree.user("alice", 5001)
    tree.user("bob", 5002)
    return tree


def scrape(node: NodeTree, *flags: str) -> dict[Key, float]:
    done = once(COMMAND, *node.flags, *flags)
    assert done.returncode == 0, done.stderr
    return parse(done.stdout)


def test_a_node_with_two_jobs(node: NodeTree) -> None:
    first = node.job("101", 5001, 3, limit=8 << 30)
    second = node.job("102", 5002, 7)
    assert jobs_only(scrape(node)) == pytest.approx(first.expected("alice") | second.expected("bob"))


def test_a_node_without_jobs(node: NodeTree) -> None:
    series = scrape(node)
    assert not jobs_only(series)
    assert series[key("jobgauge_collector_success", collector="jobs")] == 1


def test_a_node_without_slurm(tmp_path: Path) -> None:
    assert once(COMMAND, f"--path.cgroupfs={tmp_path / 'none'}").returncode == 0


def test_directories_named_by_sluid(node: NodeTree) -> None:
    new = node.job("4711", 5001, 3, name="sEKNKTV3WPV500")
    old = node.job("4710", 5002, 5)  # both kinds are there while a site goes from 25.11 to 26.05
    assert jobs_only(scrape(node)) == pytest.approx(new.expected("alice") | old.expected("bob"))


@pytest.mark.parametrize(
    "scope",
    ["hpc.slice/slurmstepd.scope", "system.slice/node7_slurmstepd.scope"],
    ids=["CgroupSlice", "several"],
)
def test_scopes_elsewhere(node: NodeTree, scope: str) -> None:
    jobs = [node.job("101", 5001, 3), node.job("102", 5001, 4, scope=scope)]
    assert jobs_only(scrape(node)) == pytest.approx(jobs[0].expected("alice") | jobs[1].expected("alice"))


def test_accounts_by_the_prolog(node: NodeTree) -> None:
    job = node.job("101", 5001, 3)
    node.write_facts("101", "account=physics\npartition=long\nuid=5001\nlater=thing\n")
    assert jobs_only(scrape(node)) == pytest.approx(job.expected("alice", "physics"))


def test_a_user_without_a_name_is_a_number(node: NodeTree) -> None:
    job = node.job("101", 61234, 3)
    assert jobs_only(scrape(node)) == pytest.approx(job.expected("61234"))


def test_the_cluster_label(node: NodeTree) -> None:
    job = node.job("101", 5001, 3)
    expected = {
        (name, labels | {("cluster", "north")}): value
        for (name, labels), value in job.expected("alice").items()
    }
    assert jobs_only(scrape(node, "--cluster=north")) == pytest.approx(expected)


def test_labels_are_escaped(node: NodeTree) -> None:
    node.user('we"ird\\', 5003)
    job = node.job("101", 5003, 3)
    node.write_facts("101", 'account=a "b" \\ %s é\n')
    assert jobs_only(scrape(node)) == pytest.approx(job.expected('we"ird\\', 'a "b" \\ %s é'))


def without(expected: dict[Key, float], *names: str) -> dict[Key, float]:
    return {name: value for name, value in expected.items() if name[0] not in names}


@pytest.mark.parametrize(
    ("file", "lost"),
    [
        ("memory.peak", ["hpc_job_memory_peak_bytes"]),
        ("memory.swap.current", ["hpc_job_memory_swap_bytes"]),
        ("memory.current", ["hpc_job_memory_usage_bytes"]),
        ("cpu.stat", ["hpc_job_cpu_seconds_total", "hpc_job_cpu_throttled_seconds_total"]),
        ("cpuset.cpus.effective", ["hpc_job_cpus"]),
        (
            "memory.stat",
            [f"hpc_job_memory_{kind}_bytes" for kind in ("rss", "cache", "shmem", "mapped", "kernel")],
        ),
        ("memory.events", ["hpc_job_memory_events_total"]),
        ("io.stat", ["hpc_job_io_bytes_total", "hpc_job_io_operations_total"]),
    ],
)
@pytest.mark.parametrize("how", ["missing", "empty", "broken"])
def test_what_cannot_be_read_is_absent_and_nothing_else(
    node: NodeTree, file: str, lost: list[str], how: str
) -> None:
    job, other = node.job("101", 5001, 3), node.job("102", 5002, 7)
    if how == "missing":
        (job.folder / file).unlink()
    else:
        job.write({file: "" if how == "empty" else "\0 -x\nvalue\n"})
    expected = without(job.expected("alice"), *lost) | other.expected("bob")
    assert jobs_only(scrape(node)) == pytest.approx(expected)


def test_kernels_with_other_keys(node: NodeTree) -> None:
    """Linux 5.14 has no `kernel` line; a later one may put a new line anywhere."""
    job, other = node.job("101", 5001, 3), node.job("102", 5002, 7)
    lines = job.figures.files()["memory.stat"].splitlines(keepends=True)
    job.write({"memory.stat": "".join(line for line in lines if not line.startswith("kernel "))})
    other.write({"memory.stat": "new_kind 77\n" + other.figures.files()["memory.stat"]})
    expected = without(job.expected("alice"), "hpc_job_memory_kernel_bytes") | other.expected("bob")
    assert jobs_only(scrape(node)) == pytest.approx(expected)


@pytest.mark.parametrize("resource", ["cpu", "memory", "io"])
def test_pressure_that_is_not_there(node: NodeTree, resource: str) -> None:
    job, other = node.job("101", 5001, 3), node.job("102", 5002, 7)
    (job.folder / f"{resource}.pressure").unlink()
    expected = {
        name: value
        for name, value in job.expected("alice").items()
        if not (name[0] == "hpc_job_pressure_seconds_total" and ("resource", resource) in name[1])
    }
    assert jobs_only(scrape(node)) == pytest.approx(expected | other.expected("bob"))


def test_kernels_that_write_no_full_pressure_of_cpu(node: NodeTree) -> None:
    job = node.job("101", 5001, 3)
    job.write({"cpu.pressure": job.figures.files()["cpu.pressure"].splitlines(keepends=True)[0]})
    expected = job.expected("alice")
    del expected[key("hpc_job_pressure_seconds_total", resource="cpu", kind="full", **job.labels("alice"))]
    assert jobs_only(scrape(node)) == pytest.approx(expected)


def test_a_quota_below_the_cpuset_counts(node: NodeTree) -> None:
    job = node.job("101", 5001, 3)
    job.write({"cpu.max": "150000 100000\n"})
    assert scrape(node)[key("hpc_job_cpus", **job.labels("alice"))] == 1.5


def test_collectors_can_be_switched_off(node: NodeTree) -> None:
    job = node.job("101", 5001, 3)
    expected = {name: value for name, value in job.expected("alice").items() if "_memory_" not in name[0]}
    assert jobs_only(scrape(node, "--no-collector.memory")) == pytest.approx(expected)
