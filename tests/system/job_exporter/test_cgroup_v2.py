"""The job exporter's command, without any privilege, on a kernel with cgroup v2 under real Slurms 24.11 and 26.05.

tests/support/vm_node/scenario.py is what happens there. What the exporter said is held against what the kernel's files said just
before and after, what the processes said of themselves, what the cgroup above all jobs counted, and what Slurm says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import slurm_vm
from tests.support.expectation import Key
from tests.support.scrape import jobs_only, parse

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

MIB = 1 << 20
CPU = "hpc_job_cpu_seconds_total"
OWNERS = {
    "burn": ("alice", "physics"),
    "peak": ("alice", "physics"),
    "crowd": ("bob", "chemistry"),
    "spoof": ("bob", "chemistry"),
    "left": ("bob", "chemistry"),
    "oom": ("bob", "chemistry"),
    "short": ("alice", "physics"),
}
LATER = frozenset({"oom", "short"})  # than the page of those that are alive
# Where each Slurm keeps jobs: 24.11 by their id; 26.05 by a SLUID, and told to use a slice of the site's.
FOLDERS = {
    "trixie": ("", r"/sys/fs/cgroup/system\.slice/vmnode_slurmstepd\.scope/job_[1-8]"),
    "sid": ("CgroupSlice=hpc.slice", r"/sys/fs/cgroup/hpc\.slice/vmnode_slurmstepd\.scope/s[0-9A-Z]{13}"),
}
VERSIONS = {"trixie": "24.11", "sid": "26.05"}


@dataclass(frozen=True)
class Node:
    """What a virtual machine told."""

    release: str
    seen: dict[str, Any]

    def page(self, *path: str | int) -> dict[Key, float]:
        """Return a page of the exporter's."""
        text: Any = self.seen
        for step in path:
            text = text[step]
        if isinstance(text, dict):
            text = text["page"]
        return jobs_only(parse(text))

    def value(self, page: str, job: str, name: str, **labels: str) -> float:
        """Return the value of a series of a job, which must have the right owner; of several the sum."""
        own = dict(zip(("jobid", "user", "account"), (self.seen["jobs"][job], *OWNERS[job]), strict=True))
        wanted = {*own.items(), *labels.items()}
        found = [
            value for (family, found), value in self.page(page).items() if family == name and found >= wanted
        ]
        assert found, (page, job, name, labels)
        return sum(found)


@pytest.fixture(scope="module", params=VERSIONS)
def node(request: pytest.FixtureRequest) -> Node:
    return Node(
        request.param,
        slurm_vm.run(request.param, "scenario.py", cgroup_conf=FOLDERS[request.param][0]),
    )


def test_this_is_the_slurm_that_it_should_be(node: Node) -> None:
    assert node.seen["slurm"].startswith(VERSIONS[node.release])
    for folder in [*node.seen["folders"].values(), *node.seen["requeued"]["folders"]]:
        assert re.fullmatch(FOLDERS[node.release][1], folder)


def test_every_job_and_no_other_is_shown_with_its_owner(node: Node) -> None:
    """Neither the job 999 that one pretends to be in every way, nor the directory job_777 that a job left behind."""
    ids = {node.seen["jobs"][job]: owner for job, owner in OWNERS.items()}
    for page in ("live", "ended"):
        labels = [dict(labels) for _, labels in node.page(page)]
        assert all((one["user"], one["account"]) == ids[one["jobid"]] for one in labels)
        later = {node.seen["jobs"][job] for job in LATER} if page == "live" else set()
        assert {one["jobid"] for one in labels} == ids.keys() - later
    assert all(node.seen["said"]["spoof"]["refused"])  # Slurm gives a job no cgroup to make others in


def counters(files: dict[str, str]) -> dict[Key, float]:
    """Return the counters of a cgroup by its files."""
    found: dict[Key, float] = {}
    stat = dict(line.split() for line in files["cpu.stat"].splitlines())
    for mode in ("user", "system"):
        found["hpc_job_cpu_seconds_total", frozenset({("mode", mode)})] = int(stat[f"{mode}_usec"]) / 1e6
    events = dict(line.split() for line in files["memory.events"].splitlines())
    for event in ("oom", "oom_kill", "max", "high"):
        found["hpc_job_memory_events_total", frozenset({("event", event)})] = int(events[event])
    for resource in ("cpu", "memory", "io"):
        for kind, total in re.findall(
            r"^(some|full) .*total=(\d+)$", files[f"{resource}.pressure"], re.MULTILINE
        ):
            labels = frozenset({("resource", resource), ("kind", kind)})
            found["hpc_job_pressure_seconds_total", labels] = int(total) / 1e6
    found["hpc_job_memory_peak_bytes", frozenset()] = int(files["memory.peak"])
    found["hpc_job_memory_limit_bytes", frozenset()] = int(files["memory.max"])
    return found


@pytest.mark.parametrize("job", ["burn", "peak", "crowd", "spoof", "left"])
def test_counters_are_what_the_kernel_says(node: Node, job: str) -> None:
    before, after = counters(node.seen["before"][job]), counters(node.seen["after"][job])
    assert len(before) == 14
    for (name, labels), least in before.items():
        assert least - 1e-6 <= node.value("live", job, name, **dict(labels)) <= after[name, labels] + 1e-6


def test_cpu_time_is_what_the_job_says(node: Node) -> None:
    """All but that of slurmstepd, which the kernel has by itself."""
    begin, burnt = node.seen["begin"], node.seen["burnt"]
    shown = node.value("burnt", "burn", CPU) - node.value("begin", "burn", CPU)
    said = burnt["cpu"] - begin["cpu"]
    assert said > 5
    assert shown - (burnt["slurmstepd"] - begin["slurmstepd"]) == pytest.approx(said, rel=0.02)


def test_memory_is_what_the_jobs_processes_hold(node: Node) -> None:
    held = node.value("live", "burn", "hpc_job_memory_rss_bytes")
    assert held == pytest.approx(node.seen["anonymous"]["burn"], rel=0.02)
    assert held >= node.seen["said"]["burn"]["held"] == 200 * MIB
    # One that has given its memory back: its peak tells.
    assert node.value("live", "peak", "hpc_job_memory_rss_bytes") < 20 * MIB
    assert 150 * MIB <= node.value("live", "peak", "hpc_job_memory_peak_bytes") < 180 * MIB


def test_four_processes_on_two_cpus_wait(node: Node) -> None:
    waited = node.value("live", "crowd", "hpc_job_pressure_seconds_total", resource="cpu", kind="some")
    assert waited > 1


def test_an_oom_kill_is_counted_once(node: Node) -> None:
    assert node.seen["states"]["oom"] == "OUT_OF_MEMORY"
    assert node.seen["oom_kills"] == 1
    assert node.value("ended", "oom", "hpc_job_memory_events_total", event="oom_kill") == 1
    for job in OWNERS.keys() - {"oom"}:
        assert node.value("ended", job, "hpc_job_memory_events_total", event="oom_kill") == 0


def test_a_job_is_seen_that_was_over_before_anything_would_have_looked_for_it(node: Node) -> None:
    """It burnt a tenth of a second; Slurm was slower to begin and to end it."""
    assert node.seen["states"]["short"] == "COMPLETED"
    assert node.value("ended", "short", CPU) >= 0.1
    start = node.value("ended", "short", "hpc_job_start_time_seconds")
    assert start < node.value("ended", "short", "hpc_job_end_time_seconds")


def test_all_that_jobs_used_until_they_ended_is_shown(node: Node) -> None:
    """The cgroup above has counted the CPU time of all of them to the end."""
    ended = sum(node.value("ended", job, CPU) for job in OWNERS)
    assert ended == pytest.approx(node.seen["jobs_cpu"], rel=0.02)
    for job in OWNERS.keys() - LATER:
        before = node.value("live", job, CPU)
        assert node.value("ended", job, CPU) >= before


def test_what_a_job_left_behind_is_told_apart(node: Node) -> None:
    """Its slurmstepd was killed and it was cancelled; a process of the user's lives on in the cgroup."""
    jobid = node.seen["jobs"]["left"]
    assert node.seen["states"]["left"] == "CANCELLED"
    assert node.seen["left"]["exists"]
    series = {name for name, labels in node.page("left") if ("jobid", jobid) in labels}
    assert "hpc_job_end_time_seconds" in series
    assert "hpc_job_node_exclusive" not in series


def test_a_job_that_is_requeued_begins_anew_under_its_id(node: Node) -> None:
    again = node.seen["requeued"]
    first, second = again["folders"]
    assert (first == second) is (node.release == "trixie")
    values = [
        {
            labels: value
            for (name, labels), value in node.page("requeued", "pages", page).items()
            if name == family
        }
        for family in ("hpc_job_start_time_seconds",)
        for page in (0, 1)
    ]
    labels = frozenset({("jobid", again["job"]), ("user", "alice"), ("account", "physics")})
    assert values[1][labels] > values[0][labels]
    used = [
        value
        for (name, found), value in node.page("requeued", "pages", 1).items()
        if name == CPU and found >= labels
    ]
    assert sum(used) == pytest.approx(again["cpu"], rel=0.02)


def test_cgroups_that_vanish_while_they_are_read_fail_nothing(node: Node) -> None:
    churn = node.seen["churn"]
    assert churn["made"] > 10
    assert churn["shown"] > 0
    assert not churn["failed"]
