"""Real Slurms that hang, stop, lose their database or refuse us, and an exporter that is killed: nothing lies, all recovers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.support.expectation import Key
from tests.support.real_slurm import RealSlurm, wait_for
from tests.support.running import Running, running
from tests.support.scrape import series
from tests.system.scheduler_exporter.conftest import COMMAND, ways

# The first three tests are done to all versions at once, which takes no longer; the others to the oldest.
pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

# A client of Slurm waits 10 s for a controller that does not answer.
IMPATIENT = ("--command-timeout=2s", "--max-age=8s")
PARTITION = "long"  # where only the jobs of these tests end

Page = dict[Key, float]


@dataclass(frozen=True)
class Site:
    """A cluster, and an exporter for each way of asking."""

    slurm: RealSlurm
    exporters: list[Running]


@pytest.fixture(scope="module")
def sites(clusters: dict[str, RealSlurm], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Site]]:
    """One for each version, the oldest first, with everything read."""
    for slurm in clusters.values():
        run(
            slurm, 900
        )  # an empty queue is believed only once slurmctld's own count, half a minute old, is 0, too
    logs = tmp_path_factory.mktemp("impatient")
    with ExitStack() as stack:
        started = [
            Site(
                slurm,
                [
                    stack.enter_context(running(COMMAND, logs / f"{version}-{way}", *flags, *IMPATIENT))
                    for way, flags in ways(slurm).items()
                ],
            )
            for version, slurm in clusters.items()
        ]
        see("all sources are read", everyone(started), lambda page: set(up(page).values()) == {1})
        yield started


def everyone(sites: list[Site]) -> list[Running]:
    return [exporter for site in sites for exporter in site.exporters]


def see(what: str, exporters: list[Running], shows: Callable[[Page], object]) -> None:
    """Wait until every exporter shows it."""
    wait_for(what, lambda: all(shows(exporter.page()) for exporter in exporters))


def up(page: Page) -> dict[str, float]:
    return {source: value for (source,), value in series(page, "hpc_sched_up", "source").items()}


def age(page: Page, source: str) -> float:
    return series(page, "hpc_sched_snapshot_age_seconds", "source")[source,]


def queue(page: Page) -> dict[tuple[str, ...], float]:
    return series(page, "hpc_sched_jobs", "state", "user")


def runs(job: str) -> Callable[[Page], object]:
    return lambda page: (job, "running") in series(page, "hpc_job_info", "jobid", "state")


def run(slurm: RealSlurm, *seconds: int) -> list[str]:
    """Submit jobs that last so long."""
    return [slurm.submit("games", "-p", PARTITION, "--wrap", f"sleep {each}") for each in seconds]


def ended(page: Page) -> float:
    """How many jobs of these tests the exporter has counted as ended."""
    counts = series(page, "hpc_sched_jobs_ended_total", "state", "partition")
    return counts.get(("completed", PARTITION), 0)


def have_ended(slurm: RealSlurm, jobs: list[str], count: int) -> bool:
    """Whether Slurm itself says that so many of them have ended."""
    states = slurm.run("sacct", "-D", "-X", "-n", "-P", "-j", ",".join(jobs), "-o", "State").split()
    return states.count("COMPLETED") == count


def all_is_well_again(sites: list[Site], jobs: list[list[str]], before: list[float]) -> None:
    """Wait until daemons and exporters are back, and each job that ended is counted once."""
    for site, its in zip(sites, jobs, strict=True):
        slurm = site.slurm
        wait_for("slurmctld answers", partial(slurm.answers, "scontrol", "ping"))
        wait_for("slurmdbd answers", partial(slurm.answers, "sacctmgr", "-n", "show", "cluster"))
        wait_for("all have ended", partial(have_ended, slurm, its, len(its)))
    exporters = everyone(sites)
    see("all is read again", exporters, lambda page: set(up(page).values()) == {1})
    expected = [count + len(jobs[0]) for count in before]
    wait_for("each is counted once", lambda: [ended(exporter.page()) for exporter in exporters] == expected)


def test_a_controller_that_hangs(sites: list[Site]) -> None:
    exporters = everyone(sites)
    jobs = [run(site.slurm, 600)[0] for site in sites]
    for site, job in zip(sites, jobs, strict=True):
        see("it runs", site.exporters, runs(job))
    before = [queue(exporter.page()) for exporter in exporters]
    for site in sites:
        site.slurm.send("slurmctld", signal.SIGSTOP)
    try:
        see("the queue cannot be read", exporters, lambda page: up(page)["jobs"] == 0)
        see("stale figures are gone", exporters, lambda page: not queue(page))
        for exporter in exporters:
            page = exporter.page()
            assert age(page, "jobs") > 8
            assert series(page, "jobgauge_collector_success", "collector")["queue",] == 0
            assert not series(page, "hpc_job_info")
            assert not series(page, "hpc_sched_node_cpus")
    finally:
        for site in sites:
            site.slurm.send("slurmctld", signal.SIGCONT)
    see("all is read again", exporters, lambda page: set(up(page).values()) == {1})
    see("figures are fresh", exporters, lambda page: age(page, "jobs") < 8)
    assert [queue(exporter.page()) for exporter in exporters] == before
    for site, job in zip(sites, jobs, strict=True):
        site.slurm.run("scancel", job)


def test_a_controller_that_stops_and_starts_again(sites: list[Site]) -> None:
    exporters = everyone(sites)
    before = [ended(exporter.page()) for exporter in exporters]
    jobs = []
    for site in sites:
        jobs.append(run(site.slurm, 0, 5, 5))
        wait_for("the first has ended", partial(have_ended, site.slurm, jobs[-1], 1))
        site.slurm.send("slurmctld", signal.SIGTERM)
    for site in sites:
        site.slurm.stop("slurmctld")
    try:
        see("the queue cannot be read", exporters, lambda page: up(page)["jobs"] == 0)
    finally:
        for site in sites:
            site.slurm.start("slurmctld")
    all_is_well_again(sites, jobs, before)


def test_a_database_that_is_down(sites: list[Site]) -> None:
    exporters = everyone(sites)
    before = [ended(exporter.page()) for exporter in exporters]
    for site in sites:
        site.slurm.stop("slurmdbd")
    try:
        jobs = [run(site.slurm, 0, 1, 2) for site in sites]
        see("the history cannot be read", exporters, lambda page: up(page)["history"] == 0)
        see("the queue can", exporters, lambda page: up(page)["jobs"] == 1)
        see(
            "slurmctld keeps its messages",
            exporters,
            lambda page: series(page, "hpc_sched_queue_lengths", "type").get(("dbd_agent",), 0) > 0,
        )
    finally:
        for site in sites:
            site.slurm.start("slurmdbd")
    all_is_well_again(sites, jobs, before)


def test_an_exporter_that_is_killed_counts_on(slurm: RealSlurm, tmp_path: Path) -> None:
    jobs: list[str] = []

    @contextmanager
    def life(number: int) -> Iterator[list[Running]]:
        with ExitStack() as stack:
            born = [
                stack.enter_context(
                    running(
                        COMMAND, tmp_path / f"{way}-{number}", *flags, f"--history.file={tmp_path / way}.json"
                    )
                )
                for way, flags in ways(slurm).items()
            ]
            see("the history is read", born, lambda page: up(page)["history"] == 1)
            yield born
            for exporter in born:
                assert exporter.end(signal.SIGKILL) == -signal.SIGKILL

    for number in (1, 2):
        with life(number):
            jobs += run(slurm, 0, 1)
        jobs += run(slurm, 0)  # ends while there is no exporter
    with life(3) as last:
        wait_for("all have ended", partial(have_ended, slurm, jobs, len(jobs)))
        see("each is counted once", last, lambda page: ended(page) == len(jobs))


def test_tokens_that_are_wrong_or_expired(slurm: RealSlurm, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(slurm.token("root"))
    flags = [*ways(slurm)["slurm-rest"], f"--slurmrest.token-file={token}"]
    with running(COMMAND, tmp_path / "log", *flags) as exporter:
        see("all is read", [exporter], lambda page: set(up(page).values()) == {1})
        for bad in ("not.a.token", slurm.token("root", 1)):
            token.write_text(bad)
            see("nothing can be read", [exporter], lambda page: set(up(page).values()) == {0})
            assert "the token is refused: renew it with scontrol token" in exporter.said
            token.write_text(slurm.token("root"))
            see("all is read again", [exporter], lambda page: set(up(page).values()) == {1})


def test_a_queue_that_is_hidden_from_the_exporter_s_user(slurm: RealSlurm, tmp_path: Path) -> None:
    (job,) = run(slurm, 600)
    token = tmp_path / "token"
    token.write_text(slurm.token("backup", 3600))
    flags = [*ways(slurm)["slurm-rest"], f"--slurmrest.token-file={token}", "--slurmrest.user=backup"]
    whole = slurm.conf.read_text()
    slurm.conf.write_text(f"{whole}PrivateData=jobs\n")
    slurm.run("scontrol", "reconfigure")
    try:
        with running(COMMAND, tmp_path / "log", *flags) as exporter:
            see("others' jobs cannot be seen", [exporter], lambda page: up(page)["jobs"] == 0)
            assert "PrivateData hides them from this user; make it an operator" in exporter.said
            assert not queue(exporter.page())
            slurm.run("sacctmgr", "-i", "add", "user", "backup", "account=physics", "adminlevel=Operator")
            see("an operator sees them", [exporter], lambda page: queue(page).get(("running", "games")))
    finally:
        slurm.conf.write_text(whole)
        slurm.run("scontrol", "reconfigure")
        slurm.run("scancel", job)
