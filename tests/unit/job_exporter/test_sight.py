"""What the exporter says at its start about what it can't see, and that --once waits for what it can find out."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.devices_tree import put
from tests.support.expectation import key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import NodeTree
from tests.support.scrape import once, parse

Start = Callable[..., JobExporter]
NO_PSI = "the kernel has no PSI"
HIDDEN = "hidepid"


def lacks(exporter: JobExporter) -> dict[str, str | None]:
    """Return what each collector says."""
    return {collector.name: collector.lacks() for collector in exporter.running.collectors}


def see_processes(node: NodeTree) -> None:
    put(node.proc / "1/stat", "1 (init) S 0 1")
    (node.proc / "1/exe").symlink_to("/sbin/init")
    (node.proc / "pressure").mkdir()


def test_a_node_that_shows_all(node: NodeTree, start: Start) -> None:
    see_processes(node)
    node.job("101", 5001, 3)
    put(node.cgroups / "system.slice/slurmstepd.scope/cgroup.subtree_control", "cpuset cpu io memory pids\n")
    said = lacks(start())
    assert {name for name, lack in said.items() if lack == ""} >= {
        "jobs", "cpu", "memory", "pressure", "io", "processes",
    }  # fmt: skip


def test_controllers_that_are_not_on(node: NodeTree, start: Start) -> None:
    node.job("101", 5001, 3)
    put(node.cgroups / "system.slice/slurmstepd.scope/cgroup.subtree_control", "cpuset cpu memory pids\n")
    said = lacks(start())
    assert said["io"] == "the io controller is not on for the jobs of slurm-v2"
    assert said["memory"] == ""


def test_nothing_is_said_of_jobs_where_none_can_be(node: NodeTree, start: Start) -> None:
    said = lacks(start(cgroupfs=str(node.root / "none")))
    assert "no scheduler has made cgroups" in str(said["jobs"])
    assert {said[name] for name in ("cpu", "memory", "io", "cores")} == {None}


def test_cgroup_v1(node: NodeTree, start: Start) -> None:
    see_processes(node)
    node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101", trees=("freezer", "cpuacct", "cpuset"))
    (node.cgroups / "memory").rename(node.root / "elsewhere")
    said = lacks(start())
    assert said["memory"] == "the memory controller is not on for the jobs of slurm-v1"
    assert said["io"] == said["pressure"] == "cgroup v1 does not have it by job"
    assert said["cpu"] == ""


def test_what_procfs_and_sysfs_do_not_show(node: NodeTree, start: Start) -> None:
    node.job("101", 5001, 3)
    put(node.sys / "fs/lustre/llite/scratch-ffff/uuid", "x\n")
    said = lacks(start())
    assert said["pressure"] is not None
    assert NO_PSI in said["pressure"]
    for name in ("jobs", "processes"):
        assert HIDDEN in str(said[name])
    assert "CAP_DAC_READ_SEARCH" in str(said["lustre"])
    assert said["infiniband"] == "no InfiniBand port"
    assert said["gpu"]


def test_energy_that_only_root_may_read(
    node: NodeTree, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = node.sys / "class/powercap/intel-rapl:0"
    put(zone / "name", "package-0\n")
    put(zone / "energy_uj", "5\n")

    def refuse(path: str) -> bytes:
        if path.endswith("energy_uj"):
            raise PermissionError(13, "Permission denied", path)
        return Path(path).read_bytes()

    monkeypatch.setattr("jobgauge_job.sources.rapl.read", refuse)
    assert "CAP_DAC_READ_SEARCH" in str(lacks(start())["energy"])


def test_the_command_says_it(node: NodeTree) -> None:
    see_processes(node)
    node.job("101", 5001, 3)
    said = once("jobgauge-job-exporter", *node.flags).stderr
    assert "collector lustre: no Lustre file system is mounted" in said
    assert "collector memory: sees what it reads" in said


def test_a_source_that_hangs_does_not_hold_up_one_scrape(node: NodeTree) -> None:
    program = (
        "import sys, threading, jobgauge.exporter, jobgauge_job.collectors.lustre as lustre\n"
        "from jobgauge_job.cli import main\n"
        "jobgauge.exporter._TELL = 0.2\n"
        "lustre.LustreCollector.lacks = lambda self: threading.Event().wait()\n"
        "sys.exit(main())\n"
    )
    job = node.job("101", 5001, 3)
    command = [sys.executable, "-c", program, "--once", *node.flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert key("hpc_job_cpus", **job.labels("alice")) in parse(done.stdout)


def test_once_waits_for_accounts(node: NodeTree) -> None:
    """A prolog writes facts on this node, not of this job: it is shown after the time that this may take."""
    job = node.job("101", 5001, 3)
    node.write_facts("7", "account=other\n")
    began = time.monotonic()
    shown = parse(once("jobgauge-job-exporter", *node.flags, "--identity.timeout=1s").stdout)
    assert time.monotonic() - began >= 1
    expected = job.expected("alice")
    assert {name: shown.get(name) for name in expected} == pytest.approx(expected)
