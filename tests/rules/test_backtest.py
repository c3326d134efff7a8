"""jobgauge-rules backtest on a real Prometheus, held against a count that is made here from the same jobs."""

from __future__ import annotations

import random
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobgauge.errors import SourceError
from jobgauge.rules import main
from jobgauge.rules.ask import Asker, TooMuch
from jobgauge.rules.backtest import BacktestConfig, hits
from tests.support.remote_write import Written
from tests.support.servers import running

BEGIN = 1_790_000_000 // 7200 * 7200
STEP = 30
HOURS = 7
USERS = ("ann", "bob", 'o"neil {x}', "zoë")


@dataclass(frozen=True)
class Job:
    """A job that uses one share of its CPUs in its first half and another one in its second."""

    number: int
    user: str
    cpus: int
    first: int  # turns, from BEGIN
    last: int
    shares: tuple[float, float]

    def used(self, turn: int) -> float:
        return self.cpus * self.shares[turn > (self.first + self.last) / 2]

    @property
    def turns(self) -> range:
        return range(self.first, self.last + 1)


def made(count: int) -> list[Job]:
    rng = random.Random(5)
    found = []
    for number in range(count):
        first = rng.randrange(HOURS * 120 - 200)
        last = min(HOURS * 120, first + rng.randrange(20, 500))
        cpus = rng.choice((1, 2, 4, 8, 32))
        shares = [rng.choice((0.02, 0.1, 0.6, 0.95, 1 / cpus)) for _ in range(2)]
        found.append(Job(number, rng.choice(USERS), cpus, first, last, (shares[0], shares[1])))
    return found


def text(hour: int) -> str:
    return datetime.fromtimestamp(BEGIN + hour * 3600, UTC).isoformat()


def series(job: Job) -> Iterator[Written]:
    labels = {"cluster": "c1", "jobid": str(job.number), "user": job.user, "account": "phys"}
    values = {
        "job:hpc_job_cpus_held:sum": lambda _: job.cpus,
        "job:hpc_job_cpus_used:sum": job.used,
        "job:hpc_job_cpus_wasted:sum": lambda turn: job.cpus - job.used(turn),
        "job:hpc_job_start_time_seconds:min": lambda _: BEGIN + job.first * STEP,
    }
    for name, value in values.items():
        samples: list[tuple[float, float | None]] = [(BEGIN + turn * STEP, value(turn)) for turn in job.turns]
        yield Written(labels | {"__name__": name}, [*samples, (BEGIN + (job.last + 1) * STEP, None)])


def median(job: Job, turn: int) -> float:
    """Of the CPUs used in the ten minutes before."""
    return statistics.median(job.used(one) for one in range(turn - 20, turn + 1))


def is_hit(job: Job, alert: str) -> bool:
    """Did an alert hold at any time? Looked at each minute, as its group does."""
    if job.cpus < 4:
        return False
    for turn in range(0, HOURS * 120, 2):
        if turn in job.turns and (turn - job.first) * STEP > 900:
            usual = median(job, turn)
            one_core = 0.85 < usual < 1.1
            if one_core if alert == "JobOneBusyCore" else usual < 0.25 * job.cpus and not one_core:
                return True
    return False


def wasted(jobs: list[Job]) -> float:
    """Core-hours, of the samples after BEGIN."""
    return sum(job.cpus - job.used(turn) for job in jobs for turn in job.turns if turn > 0) * STEP / 3600


@pytest.mark.system
def test_the_count_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = made(60)
    alerts = ("JobOneBusyCore", "JobCpuLow")
    with running("prometheus-2", tmp_path) as server:
        server.feed(one for job in jobs for one in series(job))
        times = [f"--from={text(0)}", f"--to={text(HOURS)}"]
        flags = ["backtest", f"--url={server.url}", *times, *(f"--alert={alert}" for alert in alerts)]
        assert main(flags) == 0
        shown = capsys.readouterr()
        assert main([*flags, "--job.cpu-low=0.01", "--alerts.off=JobOneBusyCore"]) == 0
        strict = capsys.readouterr()
        assert main([*flags[:2], "--from=2020-01-01", "--to=2020-01-02"]) == 1
        assert "does its storage reach back that far?" in capsys.readouterr().err
    rows = {line.split("  ")[0]: re.findall(r"[\d.]+", line) for line in shown.out.splitlines()[2:]}
    for alert in alerts:
        hit = [job for job in jobs if is_hit(job, alert)]
        assert 3 < len(hit) < 40
        found = [float(cell) for cell in rows[alert][:3]]
        assert found == [len(hit), len({job.user for job in hit}), pytest.approx(wasted(hit), abs=0.06)], (
            alert
        )
    assert float(rows["(all jobs of the time)"][2]) == pytest.approx(wasted(jobs), abs=0.06)
    assert [line.split()[:2] for line in strict.out.splitlines()[2:3]] == [["JobCpuLow", "0"]]
    assert "JobOneBusyCore" not in strict.out
    assert "3 of 3: JobCpuLow" in shown.err


def test_a_piece_that_is_too_large_is_asked_again_in_parts() -> None:
    spans = []

    class Small(Asker):
        def range(self, expression: str, begin: float, end: float, step: float) -> list[dict[str, object]]:
            if end - begin > 2000:
                raise TooMuch("query processing would load too many samples")
            spans.append((begin, end))
            labels = {"cluster": "c1", "jobid": "1", "user": "ann", "account": ""}
            return [
                {
                    "metric": labels,
                    "values": [[begin + n * step, "1"] for n in range(round((end - begin) // step) + 1)],
                }
            ]

    config = BacktestConfig(begin=0, end=7200)
    found = hits(Small("http://p"), {"expr": "x", "interval": 60.0, "for": "100m"}, config, lambda _: None)
    assert found.jobs == {("c1", "1")}  # it held over all the parts
    assert [begin for begin, _ in spans] == [0, 1800, 3600, 5400]
    with pytest.raises(SourceError, match="too many samples"):
        hits(Small("http://p"), {"expr": "x", "interval": 3000.0}, config, lambda _: None)


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["backtest"], 2, "--url URL is needed"),
        (["backtest", "--url=prometheus:9090"], 2, "is not an address"),
        (["backtest", "--url=http://127.0.0.1:1", "--from=1d"], 1, "does not answer"),
        (
            ["backtest", "--url=http://127.0.0.1:1", "--from=yesterday"],
            2,
            "'yesterday' is not a time: write 2026-11-01",
        ),
        (["backtest", "--url=http://127.0.0.1:1", "--from=1h", "--to=2h"], 2, "must begin before it ends"),
        (["backtest", "--url=http://127.0.0.1:1", "--alert=JobCpuLo"], 2, "did you mean 'JobCpuLow'?"),
        (["backtest", "--url=http://127.0.0.1:1", "--alert=NodesDown"], 2, "on jobs or users"),
        (["backtest", "--url=http://127.0.0.1:1", "--job.cpu-low=2"], 2, "is not a ratio"),
        (["backtests"], 2, "did you mean 'backtest'?"),
    ],
)
def test_wrong_use_is_told(
    flags: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags) == code
    assert said in capsys.readouterr().err
