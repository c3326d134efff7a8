"""The scheduler's commands: the real scheduler exporter reads them, and they have the shape of the recorded ones."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from jobgauge.catalogue import FAMILIES
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.commands import COMMANDS, main, write_commands
from jobgauge_demo.lanes import EPOCH
from jobgauge_demo.queue_series import ENDED
from jobgauge_demo.site_series import LABELS, READING, scheduler_truth
from jobgauge_demo.slurm import text
from jobgauge_demo.slurm.queue import squeue
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View
from jobgauge_scheduler.collectors import COLLECTORS
from tests.support.scrape import once, parse

T = EPOCH + 250 * 86400
CLUSTER = Cluster(seed=5, nodes=10)
VIEW = View(CLUSTER, T, {"SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"})


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    """Commands that answer for T."""
    for name in COMMANDS:
        code = f"import sys; from jobgauge_demo.commands import main; sys.exit(main(sys.argv[1:], {T}))"
        argv = [sys.executable, "-c", code, *map(str, CLUSTER.parameters), name]
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n')
        path.chmod(0o755)
    return tmp_path


def test_the_scheduler_exporter_shows_the_truth(frozen):
    done = once("jobgauge-scheduler-exporter", f"--slurm.bin-dir={frozen}")
    assert done.returncode == 0, done.stderr
    # What depends on the exporter's own clock is left aside.
    collected = {family.name for collector in COLLECTORS for family in collector.families} & LABELS.keys()
    collected -= {*READING, ENDED, "hpc_job_estimated_start_time_seconds"}
    shown = {key: value for key, value in parse(done.stdout).items() if key[0] in collected}
    true = {
        (name, frozenset(zip(FAMILIES[name].labels, values, strict=True))): value
        for (name, values), value in scheduler_truth(CLUSTER, T).items()
        if name in collected
    }
    assert true
    assert shown == pytest.approx(true, rel=1e-12)


def test_commands_are_programs_that_answer_for_now(tmp_path):
    write_commands(CLUSTER, str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == set(COMMANDS)
    done = subprocess.run([tmp_path / "squeue", "-h"], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) > 50


def test_what_is_not_understood_is_refused(capsysbinary):
    assert main([*map(str, CLUSTER.parameters), "squeue", "--json"], T) == 1
    assert b"squeue" in capsysbinary.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["-o", "%z"], ["-O", "Nonsense:5"], ["extra"], ["--nonsense"], ["-O", "JobID:,,Name"]]
)
def test_squeue_refuses(arguments):
    with pytest.raises(UsageError):
        squeue(VIEW, arguments)


def _rows(*arguments: str, view: View = VIEW) -> list[list[str]]:
    return [line.split("|") for line in squeue(view, ["-h", *arguments]).splitlines()]


def test_squeue_lists_each_job_once_and_a_waiting_array_in_one_line():
    rows = _rows("-o", "%A|%F|%K|%T")
    running, pending = CLUSTER.running(T), CLUSTER.pending(T)
    assert len(rows) == len({(row[0], row[3]) for row in rows})
    assert len([row for row in rows if row[3] == "PENDING"]) == len(
        {job.array_id or job.id for job in pending}
    )
    assert {row[0] for row in rows if row[3] != "PENDING"} == {str(job.id) for job in running}
    each = _rows("-r", "-o", "%T")
    assert len(each) == len(running) + len(pending)


def test_squeue_s_fields_look_as_recorded():
    columns = "%i|%F|%K|%u|%a|%P|%q|%T|%r|%C|%D|%V|%S|%M|%l"
    shapes = [
        r"\d+|\d+_\d+|\d+_\[[\d,-]+%\d+\]",
        r"\d+",
        r"N/A|\d+|[\d,-]+%\d+",
        r"[a-z]+\d*",
        r"physics|biology|chemistry|engineering",
        r"cpu|gpu|long",
        r"normal|high|long",
        r"PENDING|RUNNING|SUSPENDED",
        r"None|[A-Z]\w+(, .*)?|Nodes required .*",
        r"\d+",
        r"\d+",
        r"\d{10}",
        r"\d{10}|N/A",
        r"(\d+-)?(\d+:)?\d{1,2}:\d\d",
        r"(\d+-)?(\d+:)?\d{1,2}:\d\d",
    ]
    for row in _rows("-o", columns):
        assert [cell for cell, shape in zip(row, shapes, strict=True) if not re.fullmatch(shape, cell)] == []


def test_squeue_s_times_and_sets_by_environment():
    plain = View(CLUSTER, T, {})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", _rows("-o", "%V", view=plain)[0][0])
    sets = [row[0] for row in _rows("-o", "%K", view=plain)]
    assert all(len(shown) <= 64 for shown in sets)


def test_squeue_cuts_fills_and_filters():
    lines = squeue(VIEW, ["-u", "alice", "-t", "RUNNING", "-o", "%.12i %5u|%.3j"]).splitlines()
    assert lines[0] == "       JOBID USER |NAM"
    assert len(lines) - 1 == len([job for job in CLUSTER.running(T) if job.user.name == "alice"])
    assert all(re.fullmatch(r" *\d{7}(_\d+)? alice\|.{3}", line) for line in lines[1:])
    wide = squeue(VIEW, ["-h", "-O", "JobID:8,UserName:\x1f,Name:\x1e\n"])
    assert re.match(r"\d{7} [a-z]+\x1f.*\x1e\n", wide)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (text.elapsed(26), "0:26"),
        (text.elapsed(7200), "2:00:00"),
        (text.elapsed(86400), "1-00:00:00"),
        (text.full_elapsed(26), "00:00:26"),
        (text.full_elapsed(90061), "1-01:01:01"),
        (text.size(300 << 20), "300M"),
        (text.size(48 << 30), "48G"),
        (text.size(1536 << 20), "1536M"),
        (text.spans([5, 6, 7, 1, 3, 9]), "1,3,5-7,9"),
        (text.host_list(["c001", "c002", "c004", "g001"]), "c[001-002,004],g001"),
        (text.host_list(["c001"]), "c001"),
        (text.host_list([]), ""),
    ],
)
def test_how_slurm_writes(written, expected):
    assert written == expected
