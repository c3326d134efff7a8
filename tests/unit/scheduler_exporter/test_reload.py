"""A new configuration: checked with the clusters it names, and read by pollers that never ask beside the old ones."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from jobgauge.errors import ConfigError
from jobgauge_scheduler import cli
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Reading, Source
from jobgauge_scheduler.poller import Poller
from tests.support.scrape import once
from tests.support.slurm import VERSIONS, clients, program

COMMAND = "jobgauge-scheduler-exporter"


class Asked:
    """A source that answers when told to, and notes how many ask at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = self.count = 0
        self.entered, self.answer = threading.Event(), threading.Event()

    def __call__(self) -> Reading[tuple]:
        with self.lock:
            self.now += 1
            self.count += 1
            self.most = max(self.most, self.now)
        self.entered.set()
        assert self.answer.wait(30)
        with self.lock:
            self.now -= 1
        return Reading(())


def poller(source: Asked) -> Poller:
    return Poller({Source.JOBS: source}, {Source.JOBS: 60.0})


def test_a_new_poller_waits_for_the_old_one_s_read() -> None:
    source = Asked()
    old, new, newer = poller(source), poller(source), poller(source)
    old.start()
    assert source.entered.wait(30)
    old.close()
    new.start(after=[old])
    new.close()  # a second change, before the first could begin
    newer.start(after=[new])
    newer.wait(0.05)
    assert (source.count, newer.health) == (1, {})
    source.answer.set()
    newer.wait(30)
    assert newer.health[Source.JOBS].up
    assert (source.most, source.count) == (1, 2), "the one that was closed meanwhile asks nothing"
    newer.close()


def test_a_reload_while_the_scheduler_is_slow_asks_it_once_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "_FIRST_READ", 0.05)
    folder = clients(tmp_path / "bin", VERSIONS[0])
    answer = (folder / "squeue").read_text().partition("\n")[2]
    program(
        folder / "squeue",
        f"mkdir {tmp_path}/asked || echo twice >>{tmp_path}/log; echo asked >>{tmp_path}/log\n"
        f"until [ -e {tmp_path}/go ]; do sleep 0.02; done; rmdir {tmp_path}/asked\n{answer}",
    )
    config = SchedulerConfig(slurm_bin_dir=str(folder), collectors=frozenset({"queue"}))
    service = cli.Service()
    first = service.build(config)
    second = service.build(config)
    (tmp_path / "go").touch()
    (current,) = service._pollers
    current.wait(30)
    assert current.health[Source.JOBS].up
    assert (tmp_path / "log").read_text().split() == ["asked", "asked"]
    first.close()
    second.close()


def test_a_reload_that_is_refused_leaves_what_runs(tmp_path: Path) -> None:
    service = cli.Service()
    good = SchedulerConfig(slurm_bin_dir=str(clients(tmp_path, VERSIONS[0])), collectors=frozenset({"queue"}))
    running = service.build(good)
    (before,) = service._pollers
    with pytest.raises(ConfigError):
        service.build(SchedulerConfig(clusters=(str(tmp_path / "missing.yaml"),)))
    assert service._pollers == [before]
    assert not before._stop.is_set()
    running.close()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cluster: one\nintervall: {jobs: 1s}\n", "interval.jobs"),
        ("backend: auto\n", "needs a name of its own"),
        ("cluster: one\ninterval: {jobs: 0.1s}\n", "too short"),
        (": [", "one.yaml"),
        (None, "one.yaml"),
    ],
)
def test_the_configuration_is_checked_with_the_files_of_its_clusters(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    path = tmp_path / "one.yaml"
    if text is not None:
        path.write_text(text)
    result = once(COMMAND, "--check-config", f"--clusters={path}")
    assert result.returncode == 2
    assert "one.yaml" in result.stderr
    assert problem in result.stderr
    path.write_text("cluster: one\n")
    assert once(COMMAND, "--check-config", f"--clusters={path}").returncode == 0
