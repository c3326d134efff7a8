"""The job exporter's command on nodes of every scheduler and cgroup version: each series, its value, and none besides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.expectation import Key
from tests.support.node_tree import SCOPE, NodeTree
from tests.support.scrape import jobs_only, once, parse


@pytest.fixture
def node(tmp_path: Path) -> NodeTree:
    tree = NodeTree(tmp_path)
    tree.user("alice", 5001)
    tree.user("bob", 5002)
    return tree


def scrape(node: NodeTree, *flags: str) -> dict[Key, float]:
    done = once("jobgauge-job-exporter", *node.flags, *flags)
    assert done.returncode == 0, done.stderr
    return jobs_only(parse(done.stdout))


def test_slurm_on_cgroup_v1(node: NodeTree) -> None:
    first = node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101", limit=8 << 30)
    second = node.job_v1("102", 5002, 7, "slurm/uid_5002/job_102")
    third = node.job_v1("103", 5002, 9, "slurm_node7/uid_5002/job_103")
    assert scrape(node) == pytest.approx(
        first.expected("alice") | second.expected("bob") | third.expected("bob")
    )


def test_slurm_v1_where_only_memory_is_used(node: NodeTree) -> None:
    job = node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101", trees=("memory",))
    for tree in ("freezer", "cpuacct", "cpuset", "devices"):
        shutil.rmtree(node.cgroups / tree, ignore_errors=True)
    expected = {
        name: value for name, value in job.expected("alice").items() if "cpu_seconds_total" not in name[0]
    }
    expected = {name: value for name, value in expected.items() if name[0] != "hpc_job_cpus"}
    programs = {name: v for name, v in job.expected("alice").items() if "process_cpu" in name[0]}
    assert scrape(node) == pytest.approx(expected | programs)


def test_a_hybrid_node(node: NodeTree) -> None:
    """systemd's own cgroup v2 tree is there, with an empty scope; the jobs are in the trees of v1."""
    assert (node.cgroups / SCOPE).exists()
    job = node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101")
    assert scrape(node) == pytest.approx(job.expected("alice"))


def test_an_idle_job_on_cgroup_v1_is_its_users(node: NodeTree) -> None:
    job = node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101")
    job.processes = job.processes[:1]
    job.list_processes("")
    job.list_processes("step_0/task_0")
    assert scrape(node) == pytest.approx(job.expected("alice"))


@pytest.mark.parametrize("jobid", ["10079.head01", "10080[1].head01"])
def test_pbs_on_cgroup_v1(node: NodeTree, jobid: str) -> None:
    """The tree as OpenPBS 23.06 makes it."""
    trees = ("memory", "cpuacct", "cpuset", "devices")
    job = node.job_v1(jobid, 5001, 3, f"pbs_jobs.service/jobid/{jobid}", trees=trees)
    for tree in trees:
        (node.cgroups / tree / "pbs_jobs.service/jobid/cgroup.procs").write_text("")
    shutil.rmtree(node.cgroups / "freezer", ignore_errors=True)
    assert scrape(node) == pytest.approx(job.expected("alice"))
    assert scrape(node, "--layout=pbs-v1") == pytest.approx(job.expected("alice"))
    assert not scrape(node, "--layout=slurm-v1")


def test_pbs_on_cgroup_v2_only_where_it_is_asked_for(node: NodeTree) -> None:
    job = node.job("10079.head01", 5001, 3, name="10079.head01", scope="pbs_jobs.service/jobid")
    assert not scrape(node)
    assert scrape(node, "--layout=pbs-v2") == pytest.approx(job.expected("alice"))


def test_torque(node: NodeTree) -> None:
    job = node.job_v1("88.head01.example.org", 5001, 3, "torque/88.head01.example.org")
    assert scrape(node) == pytest.approx(job.expected("alice"))


def test_users_of_a_login_node(node: NodeTree) -> None:
    slices = node.job("user-5001.slice", 5001, 3, name="user-5001.slice", scope="user.slice")
    (node.cgroups / "user.slice/user-x.slice").mkdir()
    assert not scrape(node)
    assert scrape(node, "--layout=user-slices") == pytest.approx(slices.expected("alice"))
