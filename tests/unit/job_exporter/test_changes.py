"""Jobs come, change and go while the exporter runs."""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from jobgauge.exposition import render
from tests.support.expectation import Key, key
from tests.support.job_exporter import NAMES, JobExporter
from tests.support.node_tree import SCOPE, NodeTree
from tests.support.scrape import jobs_only, parse

Start = Callable[..., JobExporter]


def lasting(series: dict[Key, float]) -> dict[Key, float]:
    """Leave out what changes when a job ends."""
    changing = ("hpc_job_end_time_seconds", "hpc_job_node_exclusive")
    return {name: value for name, value in series.items() if name[0] not in changing}


def open_files(folder: Path) -> set[str]:
    """Return what is open below a folder."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    return {path for path in found if path.startswith(f"{folder}/")}


def test_a_job_that_comes(node: NodeTree, start: Start) -> None:
    exporter = start()
    assert not exporter.jobs()
    job = node.job("101", 5001, 3)
    assert exporter.jobs() == pytest.approx(job.expected("alice"))


def test_values_move_on(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    exporter = start()
    exporter.jobs()
    job.figures.seed = 4
    job.write(job.figures.files())
    moved = exporter.jobs()
    assert moved[key("hpc_job_memory_usage_bytes", **job.labels("alice"))] == 4 * 1_000_448
    assert moved[key("hpc_job_cpu_seconds_total", mode="user", **job.labels("alice"))] == 4 * 9.000001


def test_a_job_that_ends_keeps_its_last_values_for_a_while(node: NodeTree, start: Start) -> None:
    job, other = node.job("101", 5001, 3), node.job("102", 5002, 5)
    exporter = start(keep_ended=3600.0)
    before = exporter.jobs()
    job.end()
    after = exporter.jobs()
    assert lasting(after) == pytest.approx(lasting(before))
    ended = {name: value for name, value in after.items() if name[0] == "hpc_job_end_time_seconds"}
    assert list(ended) == [key("hpc_job_end_time_seconds", **job.labels("alice"))]
    assert time.time() - 60 <= next(iter(ended.values())) <= time.time() + 1

    short = start(keep_ended=0.0)
    assert short.jobs() == pytest.approx(other.expected("bob"))
    other.end()
    assert not short.jobs()


def test_a_job_that_is_over_between_two_scrapes_is_seen(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3, scope="not_yet")
    exporter = start(keep_ended=3600.0, watch_interval=0.01)
    job.folder = job.folder.rename(node.cgroups / SCOPE / "job_101")  # a kernel makes it whole
    expected = job.expected("alice")
    table = exporter.running.collectors[0].table  # type: ignore[attr-defined]
    while not (table._waiting and table._waiting[0].identity.complete and table._waiting[0]._files):
        time.sleep(0.01)
    with table.lock:  # so that it is not removed while it is being read for the first time
        job.end()
    shown = lasting(exporter.jobs())
    assert (
        shown.items()
        >= {
            name: value
            for name, value in expected.items()
            if "process" not in name[0] and "threads" not in name[0] and "exclusive" not in name[0]
        }.items()
    )


def test_a_directory_that_comes_in_parts(node: NodeTree, start: Start) -> None:
    """On cgroup v1 each controller has a directory of its own, and they are made one after another."""
    job = node.job_v1("101", 5001, 3, "slurm/uid_5001/job_101")
    trees = [node.cgroups / tree for tree in ("memory", "cpuacct", "cpuset")]
    hidden = [tree.rename(node.root / tree.name) for tree in trees]
    exporter = start()
    assert not any("memory" in name[0] for name in exporter.jobs())
    for tree, was in zip(trees, hidden, strict=True):
        was.rename(tree)
    assert exporter.jobs() == pytest.approx(job.expected("alice"))


def test_a_requeued_job_is_its_newest_directory(node: NodeTree, start: Start) -> None:
    first = node.job("101", 5001, 3, name="sEKNKTV3WPV500")
    exporter = start(keep_ended=3600.0)
    exporter.jobs()
    second = node.job("101", 5001, 5, name="sEKNKTV3WPV501")
    assert exporter.jobs() == pytest.approx(second.expected("alice"))
    first.end()
    assert exporter.jobs() == pytest.approx(second.expected("alice"))


def test_a_directory_that_is_made_anew_under_its_name(node: NodeTree, start: Start) -> None:
    node.job("101", 5001, 3)
    exporter = start()
    exporter.jobs()
    old = node.jobs.pop(0).folder
    old.rename(old.parent / "job_101.old")  # so that the new one can't get the old one's inode
    again = node.job("101", 5002, 8)
    assert exporter.jobs() == pytest.approx(again.expected("bob"))


def test_labels_never_change(node: NodeTree, start: Start) -> None:
    node.job("101", 5001, 3)
    exporter = start()
    before = exporter.jobs()
    node.write_facts("101", "account=late\n")
    node.passwd.write_text("carol:x:5001:5001::/:/bin/sh\n")
    node.job("102", 5002, 3)
    assert exporter.jobs().items() >= lasting(before).items()
    assert any(("user", "carol") in name[1] for name in start().jobs())


def test_a_job_waits_for_its_facts_but_not_for_ever(node: NodeTree, start: Start) -> None:
    node.job("101", 5001, 3)
    node.write_facts("100", "account=other\n")
    patient = start(identity_timeout=3600.0)
    assert not patient.jobs()
    node.write_facts("101", "account=physics\n")
    deadline = time.monotonic() + 30
    while not (found := patient.jobs()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert {dict(labels)["account"] for _, labels in found} == {"physics"}


def test_a_user_database_that_hangs_delays_nothing_but_names(node: NodeTree, start: Start) -> None:
    job = node.job("101", 5001, 3)
    node.passwd.unlink()
    os.mkfifo(node.passwd)  # whoever opens it waits
    series = start().runner.scrape(NAMES, 30.0)
    assert job.expected("5001").keys() == jobs_only(parse(render(series).decode())).keys()
    with node.passwd.open("w") as fifo:  # let it go
        fifo.write("")


def test_jobs_leave_nothing_behind(node: NodeTree, start: Start) -> None:
    exporter = start(keep_ended=0.0)
    template = node.job("1", 5001, 3)
    exporter.jobs()
    table = exporter.running.collectors[0].table  # type: ignore[attr-defined]
    scope = template.folder.parent
    for number in range(2, 801):
        folder = scope / f"job_{number}"
        folder.mkdir()
        (folder / "memory.current").write_text("4096\n")
        if number % 10 == 0:
            table.watch()
        if number % 40 == 0:
            for gone in range(max(2, number - 39), number + 1):
                folder = scope / f"job_{gone}"
                (folder / "memory.current").unlink()
                folder.rmdir()
            table.refresh()
    exporter.jobs()
    deadline = time.monotonic() + 30
    while (left := open_files(scope) - open_files(template.folder)) and time.monotonic() < deadline:
        time.sleep(0.05)  # until the background has let go of the last ones
        gc.collect()
    assert not left
    assert len(table._jobs) == len(table.shown) == 1
    assert not table._waiting
    assert not table._ended


def test_chaos(node: NodeTree, start: Start) -> None:
    """Jobs come and go and files turn unreadable between any two reads: no error, no duplicate, no fall."""
    rng = random.Random(1)
    exporter = start(keep_ended=0.05, watch_interval=0.001)
    live = []
    last: dict[Key, float] = {}
    for turn in range(30):
        if rng.random() < 0.6 or not live:
            live.append(node.job(str(1000 + turn), rng.choice([5001, 5002]), turn + 1))
        if rng.random() < 0.4:
            live.pop(rng.randrange(len(live))).end()
        for job in live:
            job.figures.seed += rng.randrange(3)
            for name, text in job.figures.files().items():
                cut = text[: rng.randrange(len(text) + 1)].rpartition("\n")[0] + "\n"
                job.write({name: rng.choice(["", "\0", cut]) if rng.random() < 0.05 else text})
        now = exporter.series()
        assert all(value == 1 for name, value in now.items() if name[0] == "jobgauge_collector_success")
        for name, value in now.items():
            if name[0].startswith("hpc_job_") and name[0].endswith("_total"):
                assert value >= last.get(name, 0.0), name
        last |= now
