"""The job exporter's command beside a real Slurm 22.05 on this machine's cgroup v1."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import slurm_cgroups
from tests.support.expectation import Key
from tests.support.real_slurm import RealSlurm, cluster, wait_for
from tests.support.running import Running, running

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

NODE = "jobs1"
PROGRAM = Path(__file__).parents[2] / "support/vm_node/jobs.py"
MIB = 1 << 20
CPU = "hpc_job_cpu_seconds_total"


@pytest.fixture(scope="module")
def slurm() -> Iterator[RealSlurm]:
    with cluster((NODE,), cgroups=True) as slurm:
        shutil.copy(PROGRAM, slurm.folder / "jobs/jobs.py")
        yield slurm


@pytest.fixture(scope="module")
def exporter(slurm: RealSlurm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("exporter")
    view = slurm_cgroups.only(NODE, folder / "cgroup")
    flags = (f"--path.cgroupfs={view}", "--jobs.keep-ended=300s", f"--path.job-facts={folder}/none")
    with running("jobgauge-job-exporter", folder / "log", *flags) as exporter:
        yield exporter


class Job:
    """A job of the program that says what it used."""

    def __init__(self, slurm: RealSlurm, exporter: Running, what: str, name: str, *numbers: int) -> None:
        self._exporter = exporter
        self._slurm = slurm
        self._out = slurm.folder / "jobs" / name
        words = " ".join(map(str, numbers))
        script = self._out.with_suffix(".sh")
        script.write_text(f"#!/bin/sh\nexec /usr/bin/python3 {PROGRAM.name} {what} {self._out} {words}\n")
        self.id = slurm.submit("games", "-A", "physics", "--mem=300", str(script))

    def let(self, what: str) -> None:
        self._out.with_name(f"{self._out.name}.{what}").write_text("")

    def said(self, what: str = "") -> dict[str, float]:
        path = self._out.with_name(self._out.name + what)
        wait_for(f"{path.name} is there", path.exists)
        return dict(json.loads(path.read_text()))

    def series(self) -> dict[Key, float]:
        return {name: value for name, value in self._exporter.page().items() if ("jobid", self.id) in name[1]}

    def value(self, name: str) -> float:
        """Return the value of a series, the sum where there are several, once it is shown."""
        wait_for(f"{name} is shown", lambda: any(family == name for family, _ in self.series()))
        series = self.series()
        assert {dict(labels)["user"] for _, labels in series} == {"games"}
        return sum(value for (family, _), value in series.items() if family == name)

    def ended(self) -> bool:
        return any(family == "hpc_job_end_time_seconds" for family, _ in self.series())


def test_a_job_is_measured_while_it_runs(slurm: RealSlurm, exporter: Running) -> None:
    job = Job(slurm, exporter, "measured", "running", 4, 200)
    ready = job.said(".ready")
    before = job.value(CPU)
    job.let("begin")
    said = job.said()
    assert said["cpu"] - ready["cpu"] > 3
    assert job.value(CPU) - before == pytest.approx(said["cpu"] - ready["cpu"], rel=0.02)
    assert 200 * MIB <= job.value("hpc_job_memory_rss_bytes") < 220 * MIB
    assert 200 * MIB <= job.value("hpc_job_memory_peak_bytes") <= 300 * MIB
    job.let("go")


def test_a_job_that_ends_is_measured_to_its_end(slurm: RealSlurm, exporter: Running) -> None:
    """What it used after the last look at it is all that it used: there is no scrape while it burns."""
    job = Job(slurm, exporter, "measured", "ending", 4, 0)
    ready = job.said(".ready")
    before = job.value(CPU)
    job.let("go")
    job.let("begin")
    said = job.said()
    wait_for("Slurm is done with it", lambda: not slurm.run("squeue", "-h", "-j", job.id, "-t", "R,CG"))
    wait_for("it is shown as ended", job.ended)
    assert job.value(CPU) - before == pytest.approx(said["cpu"] - ready["cpu"], rel=0.02)
