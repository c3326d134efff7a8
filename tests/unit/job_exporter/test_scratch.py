"""A job's own scratch: what the file system says, only where it is the job's alone, whatever users put in its place."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.errors import ConfigError
from jobgauge_job.collectors.scratch import ScratchCollector
from jobgauge_job.config import JobConfig
from jobgauge_job.sources import scratch
from jobgauge_job.sources.mounts import parse_mountinfo
from jobgauge_job.sources.scratch import ScratchPath, Space
from tests.support.expectation import Key, key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import NodeTree
from tests.support.scrape import parse

Start = Callable[..., JobExporter]
COMMAND = Path(sys.executable).parent / "jobgauge-job-exporter"

# Job 101 has a file system; 102 has a part of one; 103 a plain directory; 104 a link to 101's; 105 somebody else's;
# 106 a file system without a size; 107 none.
MOUNTS = """
set -e
cd "$1"
# The kernel's list of mounts is longer than a page, and its first piece shorter than one.
for other in $(seq 60); do mkdir -p "others/a long name of a mount point/$other" && mount -t tmpfs none "$_"; done
for job in 101 102 105 106; do mkdir -p $job; done
mkdir 103 shared
mount -t tmpfs -o size=1m,mode=700 none 101 && head -c 300000 /dev/zero >101/data
mount -t tmpfs -o size=2m none shared && mkdir shared/part && mount --bind shared/part 102
mount -t tmpfs -o size=3m none 105
mount -t tmpfs -o size=0 none 106
ln -s 101 104
chown 5001 101 102 shared/part 103 106 && chown -h 5001 104 && chown 5002 105
df -B1 --output=used,size 101 | tail -n 1 >"$2"
shift 2
exec "$@"
"""


def of_scratch(series: dict[Key, float]) -> dict[Key, float]:
    return {name: value for name, value in series.items() if name[0].startswith("hpc_job_scratch")}


def test_file_systems_that_are_a_jobs_own(node: NodeTree, tmp_path: Path) -> None:
    jobs = [node.job(str(number), 5001, number) for number in range(101, 108)]
    place, said = tmp_path / "scratch/alice", tmp_path / "df"
    place.mkdir(parents=True)
    (tmp_path / "link").symlink_to("scratch")  # the site's own may lead through links
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", MOUNTS, "bash", place, said, COMMAND, "--once", *node.flags,
         f"--scratch.path=local={tmp_path}/link/{{user}}/{{jobid}}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    used, size = map(int, said.read_text().split())
    assert used > 300_000
    labels = jobs[0].labels("alice") | {"path": "local"}
    series = parse(done.stdout)
    assert of_scratch(series) == {
        key("hpc_job_scratch_used_bytes", **labels): used,
        key("hpc_job_scratch_size_bytes", **labels): size,
    }
    assert series[key("jobgauge_unreadable_values_total", collector="scratch")] == 2  # 104 and 105
    assert series[key("jobgauge_collector_success", collector="scratch")] == 1


def test_a_project_quota_that_the_file_system_answers_with(
    node: NodeTree, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, other = node.job("101", 5001, 3), node.job("102", 5001, 5)
    for number in (101, 102):
        (tmp_path / f"slurm.{number}").mkdir()
        os.chown(tmp_path / f"slurm.{number}", 5001, 5001)
    whole = os.statvfs(tmp_path)
    quota = os.statvfs_result((4096, 4096, 1000, 400, 400, *tuple(whole)[5:]))

    def answer(fd: int) -> os.statvfs_result:
        return quota if os.readlink(f"/proc/self/fd/{fd}").endswith("slurm.101") else whole

    monkeypatch.setattr("jobgauge_job.sources.scratch.os.statvfs", answer)
    exporter = start(scratch_paths=(ScratchPath.parse(f"tmp={tmp_path}/slurm.{{jobid}}"),))
    labels = job.labels("alice") | {"path": "tmp"}
    expected = {
        key("hpc_job_scratch_used_bytes", **labels): 600 * 4096,
        key("hpc_job_scratch_size_bytes", **labels): 1000 * 4096,
    }
    assert of_scratch(exporter.jobs()) == expected
    other.end()
    job.end()
    assert not of_scratch(exporter.jobs()), "what a job had is gone with it"


def test_a_file_system_that_hangs_costs_only_its_own(
    node: NodeTree, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = node.job("101", 5001, 3)
    (tmp_path / "101").mkdir()
    os.chown(tmp_path / "101", 5001, 5001)
    alive = threading.Event()
    monkeypatch.setattr("jobgauge_job.sources.scratch.os.statvfs", lambda _: alive.wait())
    monkeypatch.setattr(ScratchCollector, "deadline", 0.2)
    exporter = start(scratch_paths=(ScratchPath.parse(f"tmp={tmp_path}/{{jobid}}"),))
    for _ in range(2):
        series = exporter.series()
        assert series[key("jobgauge_collector_success", collector="scratch")] == 0
        expected = job.expected("alice")
        assert {name: series.get(name) for name in expected} == pytest.approx(expected)
    alive.set()


@pytest.mark.parametrize("user", ["..", "a/b", ""])
def test_names_that_are_paths_lead_nowhere(tmp_path: Path, user: str) -> None:
    path = ScratchPath.parse(f"x={tmp_path}/a/{{user}}/{{jobid}}")
    (tmp_path / "a/a/b").mkdir(parents=True)
    found: Space | None = None
    try:
        found = path.space("a", user, 0)
    except PermissionError:
        assert user
    assert found is None


@pytest.mark.parametrize(
    "text",
    [
        "/tmp/{jobid}",
        "a=tmp/{jobid}",
        "a=/tmp/{user}",
        "a=/tmp/{jobid}/{account}",
        "a=/tmp/{jobid",
        "=/{jobid}",
    ],
)
def test_settings_that_make_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match=r"jobid|NAME|expected"):
        ScratchPath.parse(text)


def test_two_paths_of_one_name() -> None:
    path = ScratchPath.parse("a=/tmp/{jobid}")
    with pytest.raises(ConfigError, match="'a'"):
        JobConfig(scratch_paths=(path, path))


def test_it_says_what_it_cannot_see(node: NodeTree, start: Start, tmp_path: Path) -> None:
    node.job("101", 5001, 3)

    def says(*paths: str) -> str | None:
        exporter = start(scratch_paths=tuple(map(ScratchPath.parse, paths)))
        return next(c for c in exporter.running.collectors if c.name == "scratch").lacks()

    assert "no scratch.path is set" in str(says())
    assert says(f"a={tmp_path}/{{jobid}}") == ""
    assert "No such file" in str(says(f"a={tmp_path}/none/{{jobid}}"))


@given(st.binary())
def test_any_mountinfo_can_be_read(text: bytes) -> None:
    list(parse_mountinfo(text))


def test_mounts_with_spaces() -> None:
    line = rb"36 35 98:0 /my\040root /mnt/a\011b\134 rw,noatime master:1 - ext3 /dev/my\040disk rw,errors=continue"
    assert [tuple(mount) for mount in parse_mountinfo(line)] == [
        (b"98:0", b"/my root", b"/mnt/a\tb\\", b"ext3", b"/dev/my disk")
    ]


@pytest.mark.parametrize(
    ("lines", "whole"),
    [
        (["/ {} rw - tmpfs none rw"], True),
        (["/part {} rw - ext4 /dev/sda rw"], False),
        (["/ {} rw - fuse.sshfs me@far: rw"], False),  # which a user may mount, and fill with any answers
        (
            ["/ {} rw - tmpfs none rw", "/ {} rw - fuse none rw"],
            False,
        ),  # what is mounted last is what is seen
        (["/ {}/x rw - tmpfs none rw"], False),
        ([], False),
    ],
)
def test_what_counts_as_a_whole_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], whole: bool
) -> None:
    text = "".join(f"7 1 0:{n} {line.format(tmp_path)}\n" for n, line in enumerate(lines))
    monkeypatch.setattr("jobgauge_job.sources.scratch.read", lambda *_: text.encode())
    fd = os.open(tmp_path, os.O_PATH)
    try:
        assert scratch._is_whole(fd) is whole
    finally:
        os.close(fd)
