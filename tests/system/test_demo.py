"""The demo for real: every program started, the chain checked by --once, broken on purpose, killed in every way."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job
from tests.support.demo import NODES, TARGETS, Demo, end, lasting_alerts, launch, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Start demos; whatever happens, they are gone after the test."""
    started: list[Demo] = []

    def run(name: str, *flags: str, base: int = 0) -> Demo:
        started.append(launch(tmp_path, name, *flags, base=base))
        return started[-1]

    yield run
    end(started)


def seed_with_alerts() -> int:
    """Return a seed whose cluster has a job, for the next ten minutes, that must raise an alert."""
    now = time.time()
    for seed in range(1, 200):
        if lasting_alerts(Cluster(seed, NODES), now):
            return seed
    raise AssertionError("no seed has an alert that lasts")


def test_once_is_good_on_a_good_demo_and_names_what_is_broken(start: Callable[..., Demo]) -> None:
    seed = f"--seed={seed_with_alerts()}"
    good = start("good", "--once", "--history=2h", seed)
    broken = start("broken", "--once", "--history=0s", seed)

    # A hung exporter, and a scheduler that does not answer.
    broken.says("programs run")
    os.kill(broken.child("nodes/c002/proc"), signal.SIGSTOP)
    squeue = broken.directory / "bin" / "squeue"
    squeue.unlink()
    squeue.write_text(
        "#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n"
    )
    squeue.chmod(0o755)

    assert good.process.wait(400) == 0, good.text
    assert good.text.endswith("] all is well\n")
    assert "FAILED" not in good.text
    assert re.search(rf"good +targets +{TARGETS} of {TARGETS} up", good.text)
    must = re.search(r"good +alerts +\d+ fire, (\d+) must", good.text)
    assert must is not None
    assert int(must[1]) > 0
    assert not good.children()

    assert broken.process.wait(400) == 1, broken.text
    assert re.search(
        rf"FAILED +targets +{TARGETS - 1} of {TARGETS} up; wrong: jobgauge-job on c002: .*deadline",
        broken.text,
    )
    assert re.search(r"FAILED +scheduler +.*wrong: its jobs cannot be read", broken.text)
    assert re.search(r"good +rules", broken.text)
    assert not broken.children()


def test_history_restart_and_every_kind_of_end(start: Callable[..., Demo]) -> None:
    first = start("demo", "--history=1h")
    first.says("Ctrl-C ends it all.")
    assert str(first.base) in first.text

    # The past is there, raw and recorded, as the simulation says it was.
    cluster = Cluster(1, NODES)
    when = time.time() // 60 * 60 - 1800
    for t in range(int(when), int(when) + 600, 60):
        truth = {node.name: float(len(cluster.running(t, node.name))) for node in cluster.nodes}
        seen = first.query("count by (instance) (last_over_time(hpc_job_cpus[59s]))", t)
        assert seen == {node: count for node, count in truth.items() if count}
    held = first.query("cluster:hpc_job_cpus_held:sum", when)[""]
    running = {job.id: job for around in (-180, 0, 90) for job in cluster.running(when + around)}
    steady = [job for job in running.values() if job.start < when - 180 and job.end > when + 90]
    assert _cpus(steady) <= held <= _cpus(list(running.values()))

    # A child that is killed is named and comes back.
    killed = first.child("nodes/g001/proc")
    os.kill(killed, signal.SIGKILL)
    first.says("job-exporter-g001 was killed by SIGKILL")
    wait_until(lambda: first.child("nodes/g001/proc") != killed)

    # The same folder or the same ports are refused to others.
    second = start("demo", "--history=0s")
    assert second.process.wait(60) == 2
    third = start("other", "--history=0s", base=first.base)
    assert third.process.wait(60) == 2
    assert "another demo uses" in second.text
    assert f"port {first.base} is taken" in third.text
    assert "--port-base" in third.text

    # SIGTERM ends everything, and what was made serves the next start; SIGKILL leaves no orphans either.
    first.process.terminate()
    assert first.process.wait(60) == 0, first.text
    assert not first.children()
    again = start("demo", "--history=1h", base=first.base)
    again.says("the rest is there from before")
    again.says("Ctrl-C ends it all.")
    assert first.query("count(up)", when)[""] == NODES + 2  # the login node, the scheduler
    again.process.kill()
    wait_until(lambda: not again.children(), 10)


def _cpus(jobs: list[Job]) -> int:
    return sum(len(place.cpus) for job in jobs for place in job.places)
