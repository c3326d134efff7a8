"""What a real Slurm tells by its own commands, and what the exporter makes of it, however it asks."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import slurm_scenario as scenario
from tests.support.expectation import Key
from tests.support.scrape import series
from tests.system.scheduler_exporter.conftest import WAYS, World

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

_PATIENCE = 60.0  # only ever waited for in full where something is broken
_ALIVE = ("PENDING", "RUNNING", "SUSPENDED")

Page = dict[Key, float]
Rows = dict[tuple[str, ...], float]


def agree(world: World, way: str, told: Callable[[], Any], shown: Callable[[Page], Any]) -> None:
    """Compare what Slurm tells with what the exporter shows, until they agree: it is a moment behind."""
    deadline = time.monotonic() + _PATIENCE
    while (expected := told()) != (found := shown(world.exporters[way].page())):
        if time.monotonic() > deadline:
            assert found == expected
        time.sleep(0.3)


def table(world: World, *command: str) -> list[list[str]]:
    """Return what a client prints, split at bars."""
    return [
        line.split("|") for line in world.slurm.run(*command, SLURM_TIME_FORMAT="%s", TZ="UTC").splitlines()
    ]


def tasks(world: World) -> list[list[str]]:
    """Return the queue task by task: user, account, partition, QOS, state, reason, CPUs, nodes."""
    return table(world, "squeue", "-a", "-r", "-h", "-o", "%u|%a|%P|%q|%T|%r|%C|%D")


def records(world: World) -> dict[str, dict[str, str]]:
    """Return what scontrol tells of each job that is alive; the hostile name is cut out before it is split."""
    text = world.slurm.run("scontrol", "-o", "show", "job", SLURM_TIME_FORMAT="%s")
    text = text.replace(scenario.HOSTILE_NAME, "")  # also in 26.05's SubmitLine
    jobs = {}
    for line in text.splitlines():
        fields = dict(reversed([token.split("=", 1) for token in line.split() if "=" in token]))
        if fields["JobState"] in _ALIVE:
            jobs[fields["JobId"]] = fields
    return jobs


def amounts(record: dict[str, str]) -> dict[str, float]:
    """Return what a job holds or asks for, memory in bytes."""
    units = {"M": 2**20, "G": 2**30}
    found = {}
    # 22.05 has one field, later versions another beside what it holds
    for item in (record.get("TRES") or record["ReqTRES"]).split(","):
        name, value = item.split("=")
        found[name] = float(value.rstrip("MG")) * units.get(value[-1], 1)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_every_source_is_up_and_every_record_makes_sense(world: World, way: str) -> None:
    agree(world, way, lambda: {1.0}, lambda page: set(series(page, "hpc_sched_up", "source").values()))
    unreadable = series(world.exporters[way].page(), "hpc_sched_unreadable_records_total", "source")
    assert set(unreadable.values()) == {0}
    failed = series(world.exporters[way].page(), "jobgauge_collector_success", "collector")
    assert set(failed.values()) == {1}


@pytest.mark.parametrize("way", WAYS)
def test_each_job_of_the_day_shows_what_it_waits_for(world: World, way: str) -> None:
    shown = series(world.exporters[way].page(), "hpc_job_info", "jobid", "user", "account", "state")
    accounts = {"games": "physics", "mail": "chemistry", "news": "chemistry"}
    for job in scenario.LIVING:
        row = world.jobs[job.name], job.user, accounts[job.user], job.state.lower()
        assert row in shown or job.name == "array", job
    waiting = Counter(
        (job.reason, accounts[job.user], job.user) for job in scenario.LIVING if job.state == "PENDING"
    )
    waiting["JobArrayTaskLimit", "physics", "games"] = 4
    agree(
        world,
        way,
        lambda: waiting,
        lambda p: series(p, "hpc_sched_pending_jobs", "reason", "account", "user"),
    )
    explained = series(world.exporters[way].page(), "hpc_sched_reason_info", "reason")
    assert explained.keys() == {(reason,) for reason, *_ in waiting}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("family", "column"), [("jobs", None), ("job_cpus", 6), ("job_nodes", 7)])
def test_the_queue_sums_up_as_squeue_lists_it_task_by_task(
    world: World, way: str, family: str, column: int | None
) -> None:
    def told() -> Rows:
        sums: Counter[tuple[str, ...]] = Counter()
        for row in tasks(world):
            user, account, partition, qos, state = row[:5]
            sums[state.lower(), partition, user, account, qos] += 1 if column is None else int(row[column])
        return dict(sums)

    labels = ("state", "partition", "user", "account", "qos")
    agree(world, way, told, lambda page: series(page, f"hpc_sched_{family}", *labels))


@pytest.mark.parametrize("way", WAYS)
def test_each_job_has_the_figures_that_scontrol_tells(world: World, way: str) -> None:
    def told() -> dict[str, Rows]:
        jobs = records(world)
        held = {job: amounts(record) for job, record in jobs.items()}
        started = [job for job, record in jobs.items() if record["JobState"] != "PENDING"]
        return {
            "info": {
                (j, r["Account"], r["Partition"], r["QOS"], r["JobState"].lower()): 1 for j, r in jobs.items()
            },
            "requested_cpus": {(j,): float(r["NumCPUs"]) for j, r in jobs.items()},
            "requested_memory_bytes": {(j,): x["mem"] for j, x in held.items()},
            "requested_gpus": {(j,): x["gres/gpu"] for j, x in held.items() if "gres/gpu" in x},
            "submit_time_seconds": {(j,): float(r["SubmitTime"]) for j, r in jobs.items()},
            "eligible_time_seconds": {
                (j,): float(r["EligibleTime"]) for j, r in jobs.items() if r["EligibleTime"].isdigit()
            },
            "start_time_seconds": {(j,): float(jobs[j]["StartTime"]) for j in started},
            "priority": {(j,): float(r["Priority"]) for j, r in jobs.items()},
            "time_limit_seconds": {
                (j,): 60.0 * _minutes(r["TimeLimit"])
                for j, r in jobs.items()
                if r["TimeLimit"] != "UNLIMITED"
            },
        }

    def shown(page: Page) -> dict[str, Rows]:
        info = series(page, "hpc_job_info", "jobid", "account", "partition", "qos", "state")
        figures = {name: series(page, f"hpc_job_{name}", "jobid") for name in told_names}
        return {"info": info, **figures}

    told_names = [name for name in told() if name != "info"]
    agree(world, way, told, shown)


def _minutes(text: str) -> int:
    days, _, clock = text.rpartition("-")
    hours, minutes, _ = clock.split(":")
    return (int(days or 0) * 24 + int(hours)) * 60 + int(minutes)


@pytest.mark.parametrize("way", WAYS)
def test_a_hostile_name_stays_in_its_label(world: World, way: str) -> None:
    names = series(world.exporters[way].page(), "hpc_job_info", "jobid", "name")
    assert (world.jobs["gpu"], scenario.HOSTILE_NAME) in names
    assert {name for job, name in names if job != world.jobs["gpu"]} == {"wrap"}


@pytest.mark.parametrize("way", WAYS)
def test_an_array_and_a_heterogeneous_job_are_told_part_by_part(world: World, way: str) -> None:
    jobs = records(world)
    array, het = world.jobs["array"], world.jobs["het"]
    parts = {job for job, record in jobs.items() if record.get("ArrayJobId") == array}
    components = {job for job, record in jobs.items() if record.get("HetJobId") == het}
    info = series(world.exporters[way].page(), "hpc_job_info", "jobid", "array_job_id", "state")
    assert len(parts) == len(components) == 2
    assert {job for job, array_job, _ in info if array_job == array} == parts
    assert {job for job, _, state in info if job in components and state == "running"} == components


@pytest.mark.parametrize("way", WAYS)
def test_nodes_and_partitions_are_as_sinfo_tells_them(world: World, way: str) -> None:
    def told() -> list[Rows]:
        cpus: Rows = {}
        states = {}
        for node, split, state in table(world, "sinfo", "-h", "-N", "-o", "%N|%C|%T"):
            allocated, _, _, total = split.split("/")
            cpus[node, "allocated"], cpus[node, "total"] = float(allocated), float(total)
            states[node] = state
        drained = {node for node, state in states.items() if state.startswith("drain")}
        partitions: Rows = {}
        for partition, split in table(world, "sinfo", "-h", "-o", "%R|%C", "-s"):
            numbers = [float(number) for number in split.split("/")]
            for state, number in zip(("allocated", "idle", "unusable"), numbers, strict=False):
                if number:
                    partitions[partition, state] = number
        assert drained == {world.slurm.nodes[2]}
        return [cpus, dict.fromkeys([(node,) for node in drained], 1.0), partitions]

    def shown(page: Page) -> list[Rows]:
        states = series(page, "hpc_sched_node_state", "node", "state")
        partitions = series(page, "hpc_sched_partition_cpus", "partition", "state")
        return [
            series(page, "hpc_sched_node_cpus", "node", "kind"),
            {(node,): value for (node, state), value in states.items() if state == "drain"},
            {row: value for row, value in partitions.items() if value},
        ]

    agree(world, way, told, shown)
    page = world.exporters[way].page()
    assert series(page, "hpc_sched_node_drain_info", "node", "reason", "drained_by") == {
        (world.slurm.nodes[2], scenario.DRAIN_REASON, "root"): 1
    }
    gpus = series(page, "hpc_sched_node_gpus", "node", "kind")
    assert {node: gpus[node, "total"] for node in world.slurm.nodes} == dict.fromkeys(world.slurm.nodes, 2)
    assert sum(gpus[node, "allocated"] for node in world.slurm.nodes) == 1
    by_type = series(page, "hpc_sched_node_gpus_by_type", "node", "type", "kind")
    assert by_type == {(node, "a100", kind): value for (node, kind), value in gpus.items()}
    asked = series(page, "hpc_sched_job_gpus_by_type", "state", "user", "type")
    assert asked == {("running", "games", "a100"): 1}


@pytest.mark.parametrize("way", WAYS)
def test_the_reservation_and_the_licences(world: World, way: str) -> None:
    page = world.exporters[way].page()
    record = dict(
        token.split("=", 1)
        for token in world.slurm.run("scontrol", "-o", "show", "res", SLURM_TIME_FORMAT="%s").split()
    )
    assert series(page, "hpc_sched_reservation_start_time_seconds", "reservation") == {
        ("maint",): float(record["StartTime"])
    }
    assert series(page, "hpc_sched_reservation_end_time_seconds", "reservation") == {
        ("maint",): float(record["EndTime"])
    }
    ((name, state, flags, nodes),) = series(
        page, "hpc_sched_reservation_info", "reservation", "state", "flags", "nodes"
    )
    assert (name, state, nodes) == ("maint", "inactive", world.slurm.nodes[1])
    assert set(flags.split(",")) == set(record["Flags"].lower().split(","))
    licences = series(page, "hpc_sched_licenses", "license", "kind")
    assert licences == {("sim", "total"): 4, ("sim", "used"): 3, ("sim", "reserved"): 0}


@pytest.mark.parametrize("way", WAYS)
def test_limits_are_those_of_the_database_and_their_use_that_of_the_queue(world: World, way: str) -> None:
    def told() -> dict[str, Rows]:
        rows = tasks(world)
        running = [row for row in rows if row[4] == "RUNNING"]
        mine = lambda found, column, value: [row for row in found if row[column] == value]  # noqa: E731
        use = {
            ("account", "cpus", "chemistry", "", ""): sum(
                int(row[6]) for row in mine(running, 1, "chemistry")
            ),
            ("account", "jobs", "chemistry", "", ""): len(mine(running, 1, "chemistry")),
            ("user", "submitted_jobs", "chemistry", "mail", ""): len(mine(rows, 0, "mail")),
            ("user", "gpus", "chemistry", "mail", ""): 0,
            ("qos", "jobs", "", "news", "tiny"): len(mine(running, 3, "tiny")),
            ("qos", "cpus", "", "news", "tiny"): sum(int(row[6]) for row in mine(running, 3, "tiny")),
            ("qos", "memory_bytes", "", "", "tiny"): len(mine(running, 3, "tiny")) * 100 * 2**20,
        }
        limits = {
            ("account", "cpus", "chemistry", "", ""): 10,
            ("account", "jobs", "chemistry", "", ""): 30,
            ("account", "cpus_seconds", "chemistry", "", ""): 100_000 * 60,
            ("user", "submitted_jobs", "chemistry", "mail", ""): 77,
            ("user", "gpus", "chemistry", "mail", ""): 2,
            ("qos", "jobs", "", "news", "tiny"): 1,
            ("qos", "cpus", "", "news", "tiny"): 3,
            ("qos", "memory_bytes", "", "", "tiny"): 9 * 2**30,
        }
        return {"limits": limits, "use": use}

    def shown(page: Page) -> dict[str, Rows]:
        labels = ("level", "resource", "account", "user", "qos")
        use = series(page, "hpc_sched_limit_usage", *labels)
        # told by slurmctld only, and counted up every five minutes
        assert use.pop(("account", "cpus_seconds", "chemistry", "", ""), 0) >= 0
        return {"limits": series(page, "hpc_sched_limit", *labels), "use": use}

    agree(world, way, told, shown)


@pytest.mark.parametrize("way", ["slurm-cli"])
def test_fairshare_is_what_sshare_prints(world: World, way: str) -> None:
    def told() -> dict[str, Rows]:
        rows = table(world, "sshare", "-a", "-h", "-P", "-o", "Account,User,NormShares,FairShare,LevelFS")
        named = [
            ([account.strip(), user], figures)
            for account, user, *figures in rows
            if account.strip() != "root" or user
        ]
        return {
            name: {tuple(row): round(float(figures[column]), 6) for row, figures in named if figures[column]}
            for column, name in enumerate(("shares_ratio", "fairshare_ratio", "level_fairshare"))
        }

    def shown(page: Page) -> dict[str, Rows]:
        names = ("shares_ratio", "fairshare_ratio", "level_fairshare")
        return {
            name: {
                row: round(value, 6)
                for row, value in series(page, f"hpc_sched_{name}", "account", "user").items()
                if row != ("root", "")
            }
            for name in names
        }

    agree(world, way, told, shown)


@pytest.mark.parametrize("way", WAYS)
def test_ended_jobs_are_counted_as_sacct_lists_them(world: World, way: str) -> None:
    def told() -> list[Any]:
        form = "User,Account,Partition,State,Eligible,Start,End,NodeList"
        # by name: of a span of time sacct leaves out jobs that never could have started
        jobs = ",".join(world.jobs.values())
        rows = table(world, "sacct", "-D", "-X", "-n", "-P", "-j", jobs, "-o", form)
        ended: Counter[tuple[str, ...]] = Counter()
        waits: Counter[tuple[str, ...]] = Counter()
        runs: Counter[tuple[str, ...]] = Counter()
        started: Counter[tuple[str, ...]] = Counter()
        for user, account, partition, state, eligible, start, end, nodes in rows:
            ran = start.isdigit() and nodes != "None assigned"
            if ran:
                started[partition, account] += 1
                waits[partition, account] += int(start) - int(eligible)
            if end.isdigit():
                ended[state.split(" ")[0].lower(), partition, account, user] += 1
                if ran:
                    runs[partition, account] += int(end) - int(start)
        # On a busy machine 24.11 was seen to move the time at which a job became eligible by a second, after it told of the start.
        return [dict(ended), dict(started), pytest.approx(dict(waits), abs=2), dict(runs)]

    def shown(page: Page) -> list[Rows]:
        return [
            series(page, "hpc_sched_jobs_ended_total", "state", "partition", "account", "user"),
            series(page, "hpc_sched_wait_seconds_count", "partition", "account"),
            series(page, "hpc_sched_wait_seconds_sum", "partition", "account"),
            series(page, "hpc_sched_run_seconds_sum", "partition", "account"),
        ]

    agree(world, way, told, shown)
    states = {row[0] for row in told()[0]}
    assert states >= {state.lower() for state in scenario.ENDED.values()} | {"requeued"}


@pytest.mark.parametrize("way", WAYS)
def test_the_controller_s_health_is_what_sdiag_prints(world: World, way: str) -> None:
    def told() -> dict[str, float]:
        text = world.slurm.run("sdiag")
        return {
            name.lower(): float(re.search(rf"^Jobs {name}:\s+(\d+)", text, re.MULTILINE)[1])  # type: ignore[index]
            for name in ("submitted", "started", "completed", "canceled", "failed", "pending", "running")
        }

    def shown(page: Page) -> dict[str, float]:
        events = series(page, "hpc_sched_job_events_total", "type")
        counts = series(page, "hpc_sched_controller_jobs", "state")
        return {name: value for (name,), value in {**events, **counts}.items()}

    agree(world, way, told, shown)
    page = world.exporters[way].page()
    assert series(page, "hpc_sched_rpc_total", "type")["REQUEST_SUBMIT_BATCH_JOB",] >= len(scenario.LIVING)
    assert series(page, "hpc_sched_cycles_total", "type")["backfill",] > 0
