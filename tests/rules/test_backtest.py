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
from jobgauge.rules.alerts import ACCOUNT, JOB, USER, Alert, concerning_somebody
from jobgauge.rules.ask import Asker, TooMuch
from jobgauge.rules.backtest import BacktestConfig, hits
from jobgauge.rules.settings import RulesConfig, schema
from tests.support.remote_write import Written
from tests.support.servers import running

BEGIN = 1_790_000_000 // 7200 * 7200
STEP = 30
HOURS = 7
USERS = ("ann", "bob", 'o"neil {x}', "zoë")
ACCOUNTS = ("phys", "chem", "")
GIB_IDLE = 3  # by each job


@dataclass(frozen=True)
class Job:
    """A job that uses one share of its CPUs in its first half and another one in its second."""

    number: int
    user: str
    account: str
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
        owner = rng.choice(USERS), rng.choice(ACCOUNTS)
        found.append(Job(number, *owner, cpus, first, last, (shares[0], shares[1])))
    return found


def text(hour: int) -> str:
    return datetime.fromtimestamp(BEGIN + hour * 3600, UTC).isoformat()


def told(hour: int) -> str:
    return datetime.fromtimestamp(BEGIN + hour * 3600, UTC).strftime("%Y-%m-%d %H:%M UTC")


def series(job: Job) -> Iterator[Written]:
    labels = {"cluster": "c1", "jobid": str(job.number), "user": job.user, "account": job.account}
    values = {
        "job:hpc_job_cpus_held:sum": lambda _: job.cpus,
        "job:hpc_job_cpus_used:sum": job.used,
        "job:hpc_job_cpus_wasted:sum": lambda turn: job.cpus - job.used(turn),
        "job:hpc_job_memory_wasted_bytes:sum": lambda _: GIB_IDLE * 2**30,
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


def rows_of(output: str) -> dict[str, list[str]]:
    """The cells of each row of the table, by its alert: jobs, users, accounts, hours and shares."""
    table = output.splitlines()[2:]
    return {line.split("  ")[0]: re.findall(r"[\d.]+|(?<= )-", line) for line in table}


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
        assert main([*flags[:2], f"--from={text(-3)}", times[1], f"--alert={alerts[0]}"]) == 0
        early = capsys.readouterr()
        assert main([*flags[:2], "--from=2020-01-01", "--to=2020-01-02"]) == 1
        assert "does its storage reach back that far?" in capsys.readouterr().err
    rows = rows_of(shown.out)
    for alert in alerts:
        hit = [job for job in jobs if is_hit(job, alert)]
        assert 3 < len(hit) < 40
        counts = [len(hit), len({job.user for job in hit}), len({job.account for job in hit if job.account})]
        assert [float(cell) for cell in rows[alert][:3]] == counts, alert
        assert float(rows[alert][3]) == pytest.approx(wasted(hit), abs=0.06), alert
    everything = rows["(all jobs of the time)"]
    assert float(everything[3]) == pytest.approx(wasted(jobs), abs=0.06)
    turns = sum(turn > 0 for job in jobs for turn in job.turns)
    assert float(everything[6]) == pytest.approx(GIB_IDLE * turns * STEP / 3600, abs=0.06)
    assert [line.split()[:2] for line in strict.out.splitlines()[2:3]] == [["JobCpuLow", "0"]]
    assert "JobOneBusyCore" not in strict.out
    assert "3 of 3: JobCpuLow" in shown.err
    assert "no job before" not in shown.out
    first = min(job.first for job in jobs) * STEP // 3600
    assert f"before {told(first)}: no job before then is counted.\n" in early.out
    assert rows_of(early.out)[alerts[0]] == rows[alerts[0]]


# Core-hours that a user of an account leaves idle in each hour of the days before, and in each of those looked at.
IDLE = {
    ("ann", "phys"): (30, 90),  # over the user's 1000 a day after some hours, below 5000 a week
    ("bob", "phys"): (41, 20),  # 1000 a day at no time; 5000 a week only with more than five days
    ("zoë", "phys"): (150, 150),  # all that, and with the others over the account's 5000 a day
    ("ann", "chem"): (35, 35),  # nothing by itself
    ("ann", ""): (250, 250),  # a user's, but no account's
}
DAYS = 5  # that the storage has before the time


def hourly(owner: tuple[str, str]) -> Iterator[Written]:
    labels = {"cluster": "c1", "user": owner[0], "account": owner[1]}
    hours = range(-24 * DAYS, HOURS)
    for name, factor in (("wasted", 1), ("held", 1.5)):
        samples: list[tuple[float, float | None]] = [
            (BEGIN + hour * 3600 + 100, factor * IDLE[owner][hour >= 0] * 3600) for hour in hours
        ]
        yield Written(
            labels | {"__name__": f"cluster_user_account:hpc_job_cpu_{name}_seconds:sum1h"}, samples
        )


def most(owner: tuple[str, str], days: int) -> float:
    """The core-hours that it left idle in the days before the last turn, or in those that are stored."""
    return sum(IDLE[owner][hour >= 0] for hour in range(max(HOURS - 24 * days, -24 * DAYS), HOURS))


@pytest.mark.system
def test_alerts_on_users_and_accounts_are_counted_and_what_history_lacks_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = made(60)
    with running("prometheus-2", tmp_path) as server:
        server.feed(
            [*(one for job in jobs for one in series(job)), *(one for owner in IDLE for one in hourly(owner))]
        )
        assert main(["backtest", f"--url={server.url}", f"--from={text(0)}", f"--to={text(HOURS)}"]) == 0
    shown = capsys.readouterr().out
    rows = rows_of(shown)
    accounts = {account: sum(most(owner, 1) for owner in IDLE if owner[1] == account) for account in ACCOUNTS}
    week = {account: sum(most(owner, 7) for owner in IDLE if owner[1] == account) for account in ACCOUNTS}
    expected = {
        "UserCpuWasteDay": {owner for owner in IDLE if most(owner, 1) > 1000},
        "UserCpuWasteWeek": {owner for owner in IDLE if most(owner, 7) > 5000},
        "AccountCpuWasteDay": {account for account in ("phys", "chem") if accounts[account] > 5000},
        "AccountCpuWasteWeek": {account for account in ("phys", "chem") if week[account] > 25000},
    }
    assert [len(hit) for hit in expected.values()] == [3, 3, 1, 1]
    for alert, hit in expected.items():
        of = [job for job in jobs if {(job.user, job.account), job.account} & hit]
        users = str(len({one[0] for one in hit})) if alert.startswith("User") else "-"
        named = {one[1] if alert.startswith("User") else one for one in hit} - {""}
        assert rows[alert][:3] == ["-", users, str(len(named))], alert
        assert float(rows[alert][3]) == pytest.approx(wasted(of), abs=0.06), alert
    assert (
        "AccountCpuWasteWeek, UserCpuWasteWeek: the storage has no cluster_user_account:hpc_job_cpu_wasted_seconds:sum1h "
        f"before {told(-24 * DAYS)}, and these alerts look back 7d: until {told(HOURS)} they may tell too little.\n"
        in shown
    )
    assert "look back 1d" not in shown
    assert (
        "JobGpuIdle: not looked at, as the storage has no job:hpc_job_gpus_held:sum in this time.\n" in shown
    )
    assert "JobGpuIdle" not in rows


def test_every_alert_on_somebody_is_looked_at() -> None:
    alerts = {alert.name: alert for alert in concerning_somebody(settings())}
    levels = {"Job": JOB, "User": USER, "Account": ACCOUNT}
    sources = Path(__file__).parents[2] / "recording_rules"
    written = " ".join(path.read_text(encoding="utf-8") for path in sources.glob("*.alerts.yml"))
    named = re.findall(r"- alert: ((Job|User|Account)[A-Z]\w+)", written)
    assert {name: levels[kind] for name, kind in named} == {
        name: alert.level for name, alert in alerts.items()
    }
    assert all(alert.metric in alert.formula for alert in alerts.values())
    assert {name: alert.window for name, alert in alerts.items() if alert.window > 3600} == {
        f"{kind}{what}Waste{span}": seconds - 0.001
        for kind in ("User", "Account")
        for what in ("Cpu", "Gpu")
        for span, seconds in (("Day", 86400), ("Week", 604800))
    } | {"UserTimeLimitOver": 86400}


def test_a_name_that_is_exempt_does_not_hide_the_window() -> None:
    alerts = concerning_somebody(settings(exempt_user=r"x{2}\"|}\["))
    (found,) = (alert for alert in alerts if alert.name == "UserCpuWasteWeek")
    assert found.window == pytest.approx(604800)


def settings(**changed: str) -> RulesConfig:
    return schema(Path(__file__).parents[2] / "recording_rules" / "settings.yml", RulesConfig)(**changed)


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
    found = hits(Small("http://p"), Alert("X", "x", 6000.0, 60.0, JOB), config, lambda _: None)
    assert found == {("c1", "", "ann", "1")}  # it held over all the parts
    assert [begin for begin, _ in spans] == [0, 1800, 3600, 5400]
    with pytest.raises(SourceError, match="too many samples"):
        hits(Small("http://p"), Alert("X", "x", 0.0, 3000.0, JOB), config, lambda _: None)


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
        (["backtest", "--url=http://127.0.0.1:1", "--alert=NodesDown"], 2, "on jobs, users or accounts"),
        (["backtest", "--url=http://127.0.0.1:1", "--alert=OwnerReport"], 2, "there is no alert"),
        (["backtest", "--url=http://127.0.0.1:1", "--job.cpu-low=2"], 2, "is not a ratio"),
        (["backtests"], 2, "did you mean 'backtest'?"),
    ],
)
def test_wrong_use_is_told(
    flags: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags) == code
    assert said in capsys.readouterr().err
