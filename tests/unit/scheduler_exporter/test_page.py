"""The whole page, on clients that answer as a real Slurm of each version did, held to what that Slurm says elsewhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache

import pytest

from jobgauge_scheduler.model import Source
from tests.support.node_tree import Key
from tests.support.scrape import once, parse, series
from tests.support.slurm import FIXTURES, VERSIONS, clients, jobs_told

COMMAND = "jobgauge-scheduler-exporter"
Pages = Callable[[str], dict[Key, float]]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The page of each version, made once."""

    @cache
    def page(version: str) -> dict[Key, float]:
        result = once(COMMAND, f"--slurm.bin-dir={clients(tmp_path_factory.mktemp('clients'), version)}")
        assert result.returncode == 0, result.stderr
        return parse(result.stdout)

    return page


def recorded(version: str, name: str) -> list[list[str]]:
    return [line.split("|") for line in (FIXTURES / version / name).read_text().splitlines()]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_source_is_up(pages: Pages, version: str) -> None:
    assert series(pages(version), "hpc_sched_up", "source") == {(source,): 1 for source in Source}
    assert set(series(pages(version), "hpc_sched_unreadable_records_total", "source").values()) == {0}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_queue_counts_as_task_by_task(pages: Pages, version: str) -> None:
    jobs: Counter[tuple[str, ...]] = Counter()
    cpus: Counter[tuple[str, ...]] = Counter()
    for _, user, uid, account, partition, qos, state, _, number, *_ in recorded(version, "squeue_tasks.txt"):
        key = (state.lower(), partition, uid if user == "nobody" else user, account, qos)
        jobs[key] += 1
        cpus[key] += int(number)
    labels = ("state", "partition", "user", "account", "qos")
    assert series(pages(version), "hpc_sched_jobs", *labels) == jobs
    assert series(pages(version), "hpc_sched_job_cpus", *labels) == cpus
    # the same users, jobs and limits on every version: the same reasons
    reasons = {reason for (reason,) in series(pages(version), "hpc_sched_pending_jobs", "reason")}
    told = {row[7].split(",")[0] for row in recorded(version, "squeue_tasks.txt") if row[6] == "PENDING"}
    assert reasons == told
    assert {reason for (reason,) in series(pages(version), "hpc_sched_reason_info", "reason")} == told


@pytest.mark.parametrize("version", VERSIONS)
def test_each_job_is_as_scontrol_tells_it(pages: Pages, version: str) -> None:
    told = jobs_told(version)
    page = pages(version)
    info = {
        (row[0]): row[1:] for row in series(page, "hpc_job_info", "jobid", "state", "account", "partition")
    }
    living = {job: row for job, row in info.items() if row[0] != "completing"}
    assert living == {job: (f["JobState"].lower(), f["Account"], f["Partition"]) for job, f in told.items()}
    for name, field in (
        ("hpc_job_requested_cpus", "NumCPUs"),
        ("hpc_job_priority", "Priority"),
        ("hpc_job_submit_time_seconds", "SubmitTime"),
        ("hpc_job_eligible_time_seconds", "EligibleTime"),
    ):
        expected = {(job,): float(f[field]) for job, f in told.items() if f[field] != "Unknown"}
        found = {row: value for row, value in series(page, name, "jobid").items() if row[0] in told}
        assert found == expected, name
    tres = {job: dict(item.split("=") for item in _tres(f).split(",")) for job, f in told.items()}
    memory = {(job,): float(items["mem"].rstrip("M")) * 2**20 for job, items in tres.items()}
    found = {
        row: value
        for row, value in series(page, "hpc_job_requested_memory_bytes", "jobid").items()
        if row[0] in told
    }
    assert found == memory
    gpus = {(job,): float(items["gres/gpu"]) for job, items in tres.items() if "gres/gpu" in items}
    assert series(page, "hpc_job_requested_gpus", "jobid") == gpus
    typed: Counter[tuple[str, ...]] = Counter()
    for job, items in tres.items():
        if "gres/gpu" in items:
            f = told[job]
            asked = f.get("TresPerNode", "").split(":")  # gres/gpu:a100:1, and with 22.05 gres:gpu:a100:1
            row = (f["JobState"].lower(), f["Partition"], f["Account"], f["UserId"].split("(")[0])
            typed[*row, asked[-2] if len(asked) > 1 else ""] += int(items["gres/gpu"])
    labels = ("state", "partition", "account", "user", "type")
    assert typed
    assert series(page, "hpc_sched_job_gpus_by_type", *labels) == typed
    started = {
        (job,): float(f["StartTime"]) for job, f in told.items() if f["JobState"] in ("RUNNING", "SUSPENDED")
    }
    found = series(page, "hpc_job_start_time_seconds", "jobid")
    assert {row: value for row, value in found.items() if row in started} == started


def _tres(fields: dict[str, str]) -> str:
    """What a job asks for: 22.05 has one field, later versions another beside what it holds."""
    return fields.get("TRES") or fields["ReqTRES"]


@pytest.mark.parametrize("version", VERSIONS)
def test_nodes_are_as_sinfo_tells_them(pages: Pages, version: str) -> None:
    page = pages(version)
    cpus: dict[tuple[str, ...], float] = {}
    memory: dict[tuple[str, ...], float] = {}
    gpus: dict[tuple[str, ...], float] = {}
    types: dict[tuple[str, ...], float] = {}
    members: dict[str, set[str]] = defaultdict(set)
    drained = set()
    for node, partition, state, split, megabytes, _, gres in recorded(version, "oracle_sinfo.txt"):
        allocated, _, _, total = split.split("/")
        cpus[node, "allocated"], cpus[node, "total"] = int(allocated), int(total)
        memory[node,] = int(megabytes) * 2**20
        if gres.startswith("gpu:"):
            gpus[node,] = int(gres.rsplit(":", 1)[1])
            types[node, gres.split(":")[1]] = gpus[node,]
        members[partition.rstrip("*")].add(node)
        if state == "drain":
            drained.add(node)
    assert series(page, "hpc_sched_node_cpus", "node", "kind") == cpus
    totals = {
        row[:1]: v
        for row, v in series(page, "hpc_sched_node_memory_bytes", "node", "kind").items()
        if row[1] == "total"
    }
    assert totals == memory
    totals = {
        row[:1]: v
        for row, v in series(page, "hpc_sched_node_gpus", "node", "kind").items()
        if row[1] == "total"
    }
    assert totals == gpus
    by_type = series(page, "hpc_sched_node_gpus_by_type", "node", "type", "kind")
    assert {row[:2]: value for row, value in by_type.items() if row[2] == "total"} == types
    held = series(page, "hpc_sched_node_gpus", "node", "kind")
    assert {row[0]: value for row, value in by_type.items() if row[2] == "allocated"} == {
        node: held[node, "allocated"] for node, _ in types
    }
    assert {
        node for node, state in series(page, "hpc_sched_node_state", "node", "state") if state == "drain"
    } == drained
    assert series(page, "hpc_sched_node_drain_info", "node", "reason", "drained_by") == {
        ("n4", 'fan "A" failed: 3|4 RPM \\ ü', "root"): 1
    }
    assert series(page, "hpc_sched_partition_cpus", "partition") == {
        (p,): sum(int(cpus[node, "total"]) for node in nodes) for p, nodes in members.items()
    }
    unusable = {
        row[0]: v
        for row, v in series(page, "hpc_sched_partition_cpus", "partition", "state").items()
        if row[1] == "unusable"
    }
    assert unusable == {p: 4 for p, nodes in members.items() if "n4" in nodes}


@pytest.mark.parametrize("version", VERSIONS)
def test_limits_are_as_the_database_holds_them(pages: Pages, version: str) -> None:
    page = pages(version)
    labels = ("level", "resource", "account", "user", "qos")
    units = {
        "cpu": ("cpus", 1),
        "mem": ("memory_bytes", 2**30),
        "gres/gpu": ("gpus", 1),
        "node": ("nodes", 1),
    }
    expected: dict[tuple[str, ...], float] = {}

    def add(level: str, account: str, user: str, qos: str, tres: str, **counts: str) -> None:
        for item in filter(None, tres.split(",")):
            name, value = item.split("=")
            resource, unit = units[name]
            expected[level, resource, account, user, qos] = float(value.rstrip("G")) * unit
        for resource, value in counts.items():
            if value:
                expected[level, resource, account, user, qos] = float(value)

    for account, user, tres, _, jobs, submitted in recorded(version, "oracle_assoc.txt"):
        add("user" if user else "account", account, user, "", tres, jobs=jobs, submitted_jobs=submitted)
    expected["account", "cpus_seconds", "chemistry", "", ""] = 100_000 * 60
    for qos, each, jobs, together in recorded(version, "oracle_qos.txt"):
        add("qos", "", "", qos, together)
        # limits of each user show up for those who have jobs in the QOS
        for user in {row[1] for row in recorded(version, "squeue_tasks.txt") if row[5] == qos}:
            add("qos", "", user, qos, each, jobs=jobs)
    assert series(page, "hpc_sched_limit", *labels) == expected
    usage = series(page, "hpc_sched_limit_usage", *labels)
    assert usage.keys() == expected.keys()
    tasks = recorded(version, "squeue_tasks.txt")
    held = [row for row in tasks if row[6] in ("RUNNING", "SUSPENDED")]
    assert usage["user", "submitted_jobs", "chemistry", "dave", ""] == sum(
        row[1] == "dave" and row[3] == "chemistry" for row in tasks
    )
    # a suspended job gives its limit back
    assert usage["account", "gpus", "chemistry", "", ""] == sum(row[4] == "gpu" for row in held)
    assert usage["qos", "jobs", "", "bob", "tiny"] == sum(row[5] == "tiny" for row in held)


@pytest.mark.parametrize("version", VERSIONS)
def test_fairshare_has_the_shares_that_the_controller_tells_elsewhere(pages: Pages, version: str) -> None:
    expected = {}
    for line in (FIXTURES / version / "scontrol_assoc_mgr.txt").read_text().splitlines():
        if line.startswith("ClusterName=") and "Account=root UserName= " not in line:
            fields = dict(token.split("=", 1) for token in line.split())
            user = fields["UserName"].split("(")[0]
            expected[fields["Account"], user] = float(fields["SharesRaw/Norm/Level/Factor"].split("/")[1])
    found = series(pages(version), "hpc_sched_shares_ratio", "account", "user")
    assert {row: round(value, 2) for row, value in found.items() if row != ("root", "")} == expected
    factors = series(pages(version), "hpc_sched_fairshare_ratio", "account", "user")
    assert set(factors) == {row for row in expected if row[1]}, "only users have a factor"
    assert all(0 <= value <= 1 for value in factors.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_reservations_and_licences(pages: Pages, version: str) -> None:
    page = pages(version)
    assert list(series(page, "hpc_sched_reservation_info", "reservation", "state", "flags", "nodes")) == [
        ("maint", "inactive", "maint,spec_nodes", "n3")
    ]
    begin = series(page, "hpc_sched_reservation_start_time_seconds", "reservation")["maint",]
    end = series(page, "hpc_sched_reservation_end_time_seconds", "reservation")["maint",]
    assert end - begin == 3600
    assert series(page, "hpc_sched_reservation_nodes", "reservation") == {("maint",): 1}
    licences = series(page, "hpc_sched_licenses", "license", "kind")
    running = [
        job
        for job, f in jobs_told(version).items()
        if f["Licenses"] == "matlab:8" and f["JobState"] == "RUNNING"
    ]
    assert licences["matlab", "total"] == 10
    assert licences["matlab", "used"] == 8 * len(running)
    assert licences["sim", "total"] == 4


@pytest.mark.parametrize("version", VERSIONS[1:])  # the recorded 22.05 had not counted yet
def test_the_controller_s_own_count_agrees(pages: Pages, version: str) -> None:
    counts = series(pages(version), "hpc_sched_controller_jobs", "state")
    tasks = Counter(row[6] for row in recorded(version, "squeue_tasks.txt"))
    # its count is some seconds old and knows no suspended or completing jobs
    assert counts["pending",] == pytest.approx(tasks["PENDING"], abs=3)
    assert counts["running",] == pytest.approx(tasks["RUNNING"], abs=3)
    assert series(pages(version), "hpc_sched_job_events_total", "type")["submitted",] == 485
    assert series(pages(version), "hpc_sched_rpc_total", "type")["REQUEST_SUBMIT_BATCH_JOB",] == 38
    assert series(pages(version), "hpc_sched_user_rpc_total", "user")["dave",] == 10
