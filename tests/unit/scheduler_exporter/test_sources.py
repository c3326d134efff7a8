"""The same state gives the same metrics, whichever way Slurm is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from jobgauge.errors import SourceError
from jobgauge_scheduler.slurm import native, sdiag
from tests.support.node_tree import Key
from tests.support.scrape import once, parse
from tests.support.slurm import FIXTURES, VERSIONS, clients, json_clients
from tests.support.slurmrestd import server, slurmrestd

COMMAND = "jobgauge-scheduler-exporter"
# What differs though the state is the same: ages and durations, what counts from the moment of reading, and the documents
# that were recorded in another run of the cluster.
OTHER = (
    "hpc_sched_snapshot_age",
    "hpc_sched_source_duration",
    "hpc_sched_backfill",
    "hpc_sched_up",
    "hpc_sched_unreadable",
)
ANOTHER_RUN = (
    "hpc_sched_reservation", "hpc_sched_cycle", "hpc_sched_last_cycle", "hpc_sched_queue_lengths", "hpc_sched_server_threads",
    "hpc_sched_controller_jobs", "hpc_sched_job_events", "hpc_sched_rpc", "hpc_sched_user_rpc", "hpc_sched_licenses",
)  # fmt: skip
OVER_TIME = ("cpus_seconds",)  # limits whose use does not follow from the queue

Ask = Callable[[Path, str], str]


def by_json(folder: Path, version: str) -> str:
    result = once(COMMAND, "--backend=slurm-json", f"--slurm.bin-dir={json_clients(folder, version)}")
    assert result.returncode == 0, result.stderr
    return result.stdout


def by_rest(folder: Path, version: str) -> str:
    token = folder / "token"
    token.write_text("secret\n")
    with server(slurmrestd(version, token)) as url:
        result = once(
            COMMAND, "--backend=slurm-rest", f"--slurmrest.url={url}", f"--slurmrest.token-file={token}"
        )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def by_text(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[Key, float]]:
    @cache
    def page(version: str) -> dict[Key, float]:
        result = once(COMMAND, f"--slurm.bin-dir={clients(tmp_path_factory.mktemp('clients'), version)}")
        assert result.returncode == 0, result.stderr
        return of_the_state(result.stdout)

    return page


def of_the_state(page: str) -> dict[Key, float]:
    return {
        key: value
        for key, value in parse(page).items()
        if key[0].startswith("hpc_") and not key[0].startswith((*OTHER, *ANOTHER_RUN))
    }


def without(page: dict[Key, float], *names: str) -> dict[Key, float]:
    return {key: value for key, value in page.items() if not key[0].startswith(names)}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ask", [by_json, by_rest])
def test_the_page_is_the_same_as_by_text(
    tmp_path: Path, by_text: Callable[[str], dict[Key, float]], ask: Ask, version: str
) -> None:
    page = ask(tmp_path, version)
    found, expected = of_the_state(page), by_text(version)
    untold = []
    if version.startswith("22."):  # its JSON does not tell where a job is planned, nor shares
        untold.append("hpc_job_estimated")
        if ask is by_rest:
            untold += [
                "hpc_sched_fairshare",
                "hpc_sched_level_fairshare",
                "hpc_sched_shares",
                "hpc_sched_usage",
            ]
    if version.startswith("24."):  # its JSON does not tell which partition is the default
        untold.append("hpc_sched_partition_info")
    if ask is by_rest:
        expected = {key: value for key, value in expected.items() if not over_time(key)}
        if version.startswith("26."):  # its controller left out one part of the heterogeneous job
            for resource, amount in (("cpus", 1), ("memory_bytes", 60 << 20)):
                expected[usage("account", resource, "chemistry")] += amount
    assert ("shares" in sources_told(page)) == (not (ask is by_rest and version.startswith("22.")))
    found, expected = rounded(without(found, *untold)), rounded(without(expected, *untold))
    assert found == expected
    assert len(found) > 450


def sources_told(page: str) -> set[str]:
    """Return the sources of which anything is told: up or not, of some age, …"""
    names = ("hpc_sched_up", "hpc_sched_snapshot_age", "hpc_sched_source_duration", "hpc_sched_unreadable")
    return {dict(labels)["source"] for name, labels in parse(page) if name.startswith(names)}


def rounded(page: dict[Key, float]) -> dict[Key, float]:
    """Text has fewer digits of a share; infinite levels and the root's blanks are told in some."""
    return {
        key: round(value, 6)
        for key, value in page.items()
        if not (key[0] in ("hpc_sched_shares_ratio", "hpc_sched_level_fairshare", "hpc_sched_usage_ratio")
                and {("account", "root"), ("user", "")} <= key[1])
    }  # fmt: skip


def usage(level: str, resource: str, account: str) -> Key:
    labels = {"level": level, "resource": resource, "account": account, "user": "", "qos": ""}
    return "hpc_sched_limit_usage", frozenset(labels.items())


def over_time(key: Key) -> bool:
    return key[0] == "hpc_sched_limit_usage" and dict(key[1])["resource"] in OVER_TIME


def test_slurmctld_s_own_metrics_are_sdiag_s_of_the_same_second() -> None:
    recorded = FIXTURES / "26.05.5"
    found = native.diagnostics([(recorded / "native_scheduler.txt").read_bytes()]).value
    text = sdiag.parse((recorded / "native_sdiag.txt").read_bytes()).value
    assert found.cycles == text.cycles
    assert (found.queues, found.jobs, found.events) == (text.queues, text.jobs, text.events)
    assert (found.threads, text.threads) == (0, 1), "sdiag's own question counts"


def test_the_controller_alone_has_its_health_and_nothing_else() -> None:
    answer = (FIXTURES / "26.05.5" / "native_scheduler.txt").read_bytes()
    with server(lambda path, _: (200, answer) if path == "/metrics/scheduler" else (404, b"")) as url:
        result = once(COMMAND, "--backend=slurm-native", f"--slurm.metrics-url={url}")
    page = parse(result.stdout)
    assert page["hpc_sched_cycle_seconds", frozenset({("type", "main")})] == pytest.approx(0.000439)
    assert page["hpc_sched_controller_jobs", frozenset({("state", "pending")})] == 468
    up = {dict(labels)["source"] for (name, labels) in page if name == "hpc_sched_up"}
    assert up == {"diagnostics"}
    assert not [name for name, _ in page if name.startswith(("hpc_sched_jobs", "hpc_job"))]


def test_what_is_not_slurmctld_s_is_refused() -> None:
    with pytest.raises(SourceError, match="not slurmctld's"):
        native.diagnostics([b"# HELP up\nup 1\n"])


def test_auto_says_in_one_line_what_it_takes_and_why(tmp_path: Path) -> None:
    answer = (FIXTURES / "26.05.5" / "native_scheduler.txt").read_bytes()
    with server(lambda *_: (200, answer)) as url:
        result = once(COMMAND, f"--slurm.metrics-url={url}", f"--slurm.bin-dir={tmp_path}", PATH="")
    (line,) = [line for line in result.stderr.splitlines() if "asking the scheduler" in line]
    assert "by slurm-native (not slurm-pyslurm: pyslurm is not installed; not slurm-cli: no squeue in" in line
    assert "not slurm-rest: no --slurmrest.url; not slurm-json: no squeue in" in line
