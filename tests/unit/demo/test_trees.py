"""The nodes' files: what the real job exporter reads from them is what the simulation says, at any time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jobgauge.catalogue import FAMILIES
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.lanes import EPOCH
from jobgauge_demo.node_series import COUNTED
from jobgauge_demo.placing import Node
from jobgauge_demo.processes import processes
from jobgauge_demo.series import truth
from jobgauge_demo.trees import SCOPE, Trees
from jobgauge_job.collectors import COLLECTORS
from tests.support.scrape import once, parse

T = EPOCH + 250 * 86400
CLUSTER = Cluster(seed=5, nodes=9)
# What an exporter adds up from when it first sees a job, or its node.
SINCE_SEEN = {f"hpc_job_{name}" for name in COUNTED} | {
    "hpc_job_energy_joules_total",
    "hpc_node_energy_joules_total",
}


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder for thousands of small files: in memory, where there is such a file system."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    with _folder() as path:
        yield path


@pytest.fixture(scope="module")
def nodes() -> Iterator[Path]:
    with _folder() as path:
        Trees(CLUSTER, str(path)).update(T)
        yield path


def _node(name: str) -> Node:
    return next(node for node in CLUSTER.machines if node.name == name)


def _shown(folder: Path, node: str) -> dict:
    top = folder / node
    flags = {
        "cgroupfs": top / "cgroup",
        "procfs": top / "proc",
        "sysfs": top / "sys",
        "passwd": folder / "passwd",
        "job-facts": top / "job-facts",
        "gpus": top / "gpu",
    }
    done = once(
        "jobgauge-job-exporter",
        "--collector.energy",
        "--layout=user-slices" if node == "login1" else "--layout=auto",
        *(f"--path.{name}={path}" for name, path in flags.items()),
    )
    assert done.returncode == 0, done.stderr
    return {key: value for key, value in parse(done.stdout).items() if key[0].startswith("hpc_")}


def _true(node: str, t: float) -> dict:
    """Return what the collectors that there are must show."""
    collected = {family.name for collector in COLLECTORS for family in collector.families}
    return {
        (name, frozenset(zip(FAMILIES[name].labels, values, strict=True))): value
        for (name, values), value in truth(CLUSTER, _node(node), t).items()
        if name in collected
    }


# c001: a whole-node job; c004: SLUID directories; c005, c006: many jobs; g001: GPUs; login1: users' slices
@pytest.mark.parametrize("node", ["c001", "c004", "c005", "c006", "g001", "login1"])
def test_the_job_exporter_shows_the_truth(nodes, node):
    shown, true = _shown(nodes, node), _true(node, T)
    assert true
    assert shown.keys() == true.keys()
    expected = {key: 0 if key[0] in SINCE_SEEN else value for key, value in true.items()}
    assert shown == pytest.approx(expected, rel=1e-12)


def test_files_follow_the_time_in_place_and_jobs_come_and_go(folder):
    trees = Trees(CLUSTER, str(folder))
    trees.update(T)
    scope = folder / "c005" / "cgroup" / SCOPE
    before = {job.id for job in CLUSTER.running(T, "c005")}
    assert {path.name for path in scope.iterdir() if path.is_dir()} == {f"job_{number}" for number in before}
    later = min(job.end for job in CLUSTER.running(T, "c005"))
    staying = next(job for job in CLUSTER.running(T, "c005") if job.end > later)
    with (scope / f"job_{staying.id}" / "cpu.stat").open() as kept_open:
        first = kept_open.read()
        trees.update(later)
        kept_open.seek(0)
        assert kept_open.read() != first
    now = {job.id for job in CLUSTER.running(later, "c005")}
    assert not before <= now
    assert {path.name for path in scope.iterdir() if path.is_dir()} == {f"job_{number}" for number in now}
    assert {path.name for path in (folder / "c005" / "job-facts").iterdir()} == {
        str(number) for number in now
    }
    assert _shown(folder, "c005").keys() == _true("c005", later).keys()


def test_a_tree_of_before_is_replaced(folder):
    left = folder / "c006" / "cgroup" / SCOPE / "job_999"
    left.mkdir(parents=True)
    Trees(CLUSTER, str(folder)).update(T)
    assert not left.exists()


def test_a_requeued_job_gets_a_new_directory(folder):
    lane = next(lane for lane in CLUSTER.lanes if lane.template.runs == 2)
    first, second = CLUSTER.job(lane, 40), CLUSTER.job(lane, 41)
    node = lane.places[0].node
    trees = Trees(CLUSTER, str(folder))
    found = []
    for t in (first.end - 1, second.start):
        trees.update(t)
        scope = folder / node / "cgroup" / SCOPE
        status = os.stat(scope / f"job_{first.id}")
        found.append((status.st_ino, status.st_mtime))
    assert [changed for _, changed in found] == [first.start, second.start]
    assert found[0][0] != found[1][0]


def test_processes_sit_where_the_cgroups_list_them(nodes):
    for name in ("c001", "c004", "g001"):
        top = nodes / name
        for job in CLUSTER.running(T, name):
            listed = {}
            (folder,) = [
                path
                for path in (top / "cgroup" / SCOPE).iterdir()
                if path.is_dir()
                and f"[{job.id}.extern]" in _title(top, path / "step_extern/slurm/cgroup.procs")
            ]
            for procs in folder.rglob("cgroup.procs"):
                for pid in procs.read_text().split():
                    listed[pid] = str(procs.parent.relative_to(top / "cgroup"))
            assert len(listed) == len(processes(CLUSTER, job, name))
            for pid, group in listed.items():
                assert (top / "proc" / pid / "cgroup").read_text() == f"0::/{group}\n"
                assert len(list((top / "proc" / pid / "task").iterdir())) == int(
                    (top / "proc" / pid / "stat").read_text().rpartition(")")[2].split()[17]
                )


def _title(top: Path, procs: Path) -> str:
    return (top / "proc" / procs.read_text().strip() / "cmdline").read_text()


def test_nothing_needs_root(nodes):
    assert {os.lstat(path).st_uid for path in (nodes / "c005").rglob("*")} == {os.geteuid()}
    assert not (nodes / "c005" / "job-facts").stat().st_mode & 0o022


def test_memory_stat_adds_up(nodes):
    for path in (nodes / "c005" / "cgroup" / SCOPE).glob("*/memory.stat"):
        stat = {key: int(value) for key, value in (line.split() for line in path.read_text().splitlines())}
        assert stat["anon"] + stat["shmem"] == stat["inactive_anon"] + stat["active_anon"]
        assert stat["file"] - stat["shmem"] == stat["inactive_file"] + stat["active_file"]
        assert stat["kernel"] == stat["kernel_stack"] + stat["pagetables"] + stat["slab"]
        assert stat["slab"] == stat["slab_reclaimable"] + stat["slab_unreclaimable"]
        current = int((path.parent / "memory.current").read_text())
        assert stat["anon"] + stat["file"] + stat["kernel"] == current
        assert (
            current
            <= int((path.parent / "memory.peak").read_text())
            <= int((path.parent / "memory.max").read_text())
        )
        assert all(value >= 0 for value in stat.values())
