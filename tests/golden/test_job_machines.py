"""The job exporter's command on nodes with virtual machines of libvirt: each series, its value, and none besides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge_job.layouts.machines import machine_name
from tests.support.cgroup_v2 import CgroupV2
from tests.support.expectation import Key
from tests.support.node_tree import JobTree, NodeTree
from tests.support.scrape import jobs_only, once, parse

QEMU = 64055
SLICE = "machine.slice"


def scope(number: int, name: str) -> str:
    r"""Name a scope as systemd does: `-` would be a level of slices."""
    return f"machine-qemu\\x2d{number}\\x2d{name.replace('-', chr(92) + 'x2d')}.scope"


@pytest.fixture
def node(tmp_path: Path) -> NodeTree:
    tree = NodeTree(tmp_path)
    tree.user("libvirt-qemu", QEMU)
    return tree


def machine(node: NodeTree, number: int, name: str) -> JobTree:
    job = JobTree(node, name, QEMU, node.cgroups / SLICE / scope(number, name), CgroupV2(number))
    job.write(job.figures.files())
    job.process(
        "libvirt/emulator", "qemu-system-x86", ["qemu-system-x86_64", "-name", f"guest={name}"],
        start=number * 100, ticks=number * 1009, states="SRS", exe="/usr/bin/qemu-system-x86_64",
    )  # fmt: skip
    node.jobs.append(job)
    return job


def scrape(node: NodeTree, *flags: str) -> dict[Key, float]:
    done = once("jobgauge-job-exporter", *node.flags, *flags)
    assert done.returncode == 0, done.stderr
    return jobs_only(parse(done.stdout))


def test_machines_on_v2_only_where_they_are_asked_for(node: NodeTree) -> None:
    first, second = machine(node, 3, "instance-00000002"), machine(node, 7, "web.example.org")
    for other in ("machine-lxc\\x2d1\\x2dbox.scope", "machine-qemu.scope", "libvirt-guests.service"):
        shutil.copytree(first.folder, node.cgroups / SLICE / other)
    node.write_facts("instance-00000002", "account=physics\n")
    assert not scrape(node, "--identity.timeout=1s")
    assert scrape(node, "--layout=libvirt-v2", "--identity.timeout=1s") == pytest.approx(
        first.expected("libvirt-qemu", "physics") | second.expected("libvirt-qemu")
    )


def test_machines_on_v1(node: NodeTree) -> None:
    name = "instance-00000002"
    job = node.job_v1(
        name, QEMU, 3, f"{SLICE}/{scope(2, name)}", trees=("memory", "cpuacct", "cpuset", "devices")
    )
    shutil.rmtree(node.cgroups / "freezer")  # which libvirt does not use
    assert scrape(node, "--layout=libvirt-v1") == pytest.approx(job.expected("libvirt-qemu"))


@pytest.mark.parametrize(
    "name",
    ["..", "a/b", "", 'a"b', "a\\x2fb", "-a", "a" * 129, "a\\x00", "a\nb"],
)
def test_names_that_no_machine_has(name: str) -> None:
    assert machine_name(scope(1, name)) is None


@given(st.text())
def test_any_name_is_one_or_none(name: str) -> None:
    machine_name(name)
    machine_name(f"machine-qemu\\x2d1\\x2d{name}.scope")
