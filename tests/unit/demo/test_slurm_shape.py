"""The scheduler's other commands: shaped like recorded ones, and telling the truth about the cluster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.lanes import EPOCH
from jobgauge_demo.slurm.accounting import sacct
from jobgauge_demo.slurm.control import scontrol
from jobgauge_demo.slurm.diag import sdiag
from jobgauge_demo.slurm.limits import sshare
from jobgauge_demo.slurm.nodes import sinfo
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View

RECORDED = Path(__file__).parent / "recorded"
T = EPOCH + 250 * 86400 + 40_000
CLUSTER = Cluster(seed=5, nodes=12)
VIEW = View(CLUSTER, T, {"SLURM_TIME_FORMAT": "%s"})
_KEY = re.compile(r"(?:^|(?<=[ {]))([A-Z][\w/:]*?)=")


def _keys(line: str) -> list[str]:
    return _KEY.findall(line)


@pytest.mark.parametrize("what", ["node", "partition", "reservation", "licenses"])
def test_records_have_the_recorded_keys_in_their_order(what):
    recorded = {
        tuple(_keys(line)) for line in (RECORDED / f"scontrol_show_{what}.txt").read_text().splitlines()
    }
    shown = {tuple(_keys(line)) for line in scontrol(VIEW, ["show", what, "-o"]).splitlines()}
    assert shown
    assert shown <= recorded


def test_associations_have_the_recorded_keys_in_their_order():
    def shapes(answer: str) -> dict[str, list[str]]:
        """Return the keys of each kind of record; of a QOS, as far as its first account's limits."""
        lines = [line.partition(" User Limits=")[0].partition("}")[0] for line in answer.splitlines()]
        found = {
            line.partition("=")[0]: _keys(line)
            for line in lines
            if "=" in line and not line.endswith("Limits= ")
        }
        assert found.keys() == {"UserName", "ClusterName", "QOS"}
        return found

    recorded = (RECORDED / "scontrol_show_assoc_mgr.txt").read_text()
    assert shapes(scontrol(VIEW, ["show", "assoc_mgr", "-o"])) == shapes(recorded)


def test_sdiag_has_the_recorded_lines():
    def shape(answer: str) -> list[str]:
        head, _, _ = answer.partition("Remote Procedure Call statistics by message type")
        return [
            re.sub(r"\(?\d.*|[A-Z][a-z]{2} [A-Z][a-z]{2} .*", "", line).rstrip() for line in head.splitlines()
        ]

    assert shape(sdiag(VIEW, [])) == shape((RECORDED / "sdiag.txt").read_text())
    call = re.compile(r"\t\S+ +\( *\d+\) count:\d+ +ave_time:\d+ +total_time:\d+")
    for answer in (sdiag(VIEW, []), (RECORDED / "sdiag.txt").read_text()):
        calls = answer.partition("by message type\n")[2].splitlines()
        assert all(
            call.fullmatch(line)
            for line in calls
            if line.startswith("\t") and "Pending" not in line and "No " not in line
        )


def test_sdiag_counts_since_midnight():
    midnight = T // 86400 * 86400
    told = {
        key: int(value)
        for key, value in re.findall(r"^(Jobs [a-z]+): +(\d+)$", sdiag(VIEW, []), re.MULTILINE)
    }
    ended = list(CLUSTER.ended(midnight, T))
    assert told["Jobs canceled"] == sum(job.state_at_end == "CANCELLED" for job in ended)
    assert told["Jobs completed"] + told["Jobs failed"] == sum(job.start < job.end for job in ended)
    started = [
        job for job in [*ended, *CLUSTER.running(T)] if midnight < job.start <= T and job.template.starts
    ]
    assert told["Jobs started"] == len(started)
    assert told["Jobs pending"] == len(CLUSTER.pending(T))


def _records(*arguments: str) -> list[dict[str, str]]:
    return [
        dict(pair.split("=", 1) for pair in line.split() if "=" in pair)
        for line in scontrol(VIEW, arguments).splitlines()
    ]


def test_nodes_tell_what_jobs_hold():
    for record, node in zip(_records("show", "node", "-o"), CLUSTER.nodes, strict=True):
        jobs = CLUSTER.running(T, node.name)
        assert record["NodeName"] == node.name
        assert int(record["CPUAlloc"]) == sum(job.template.cpus for job in jobs)
        assert int(record["AllocMem"]) == sum(job.template.memory for job in jobs) >> 20
        gpus = re.search(r"gres/gpu=(\d+)", record["AllocTRES"])
        assert int(gpus[1] if gpus else 0) == sum(job.template.gpus for job in jobs)
        assert 0 < int(record["FreeMem"]) <= int(record["RealMemory"])
        assert ("DRAIN" in record["State"]) == bool(node.drained)
    drained = [line for line in scontrol(VIEW, ["show", "nodes", "-o"]).splitlines() if "DRAIN" in line]
    assert len(drained) == 1
    assert re.search(r"  Reason=Failing DIMM B3, ticket #4711 \[root@\d+\]$", drained[0])


def test_sinfo_by_node_and_by_state():
    rows = [line.split("|") for line in sinfo(VIEW, ["-h", "-N", "-o", "%N|%P|%T|%C|%m|%G|%E"]).splitlines()]
    assert {row[0] for row in rows} == {node.name for node in CLUSTER.nodes}
    assert {row[1] for row in rows} == {"cpu*", "long", "gpu"}
    for row in rows:
        held, idle, other, total = map(int, row[3].split("/"))
        assert held + idle + other == total == 64
        assert (row[2] == "drained") == (row[6] != "none")
    groups = [line.split() for line in sinfo(VIEW, ["-h"]).splitlines()]
    for partition in ("cpu*", "gpu", "long"):
        in_groups = sum(int(group[3]) for group in groups if group[0] == partition)
        assert in_groups == len([row for row in rows if row[1] == partition])


def test_limits_hold_what_is_used():
    for record in _records("show", "assoc_mgr", "-o"):
        for limit, used in re.findall(
            r"[\w/]+=(\d+)\((\d+)\)", f"{record.get('GrpTRES')} {record.get('MaxTRESPU')}"
        ):
            assert int(used) <= int(limit)
    physics = next(
        r for r in _records("show", "assoc_mgr", "-o") if r.get("Account") == "physics" and not r["UserName"]
    )
    used = sum(
        job.template.cpus * len(job.places) for job in CLUSTER.running(T) if job.template.account == "physics"
    )
    assert re.fullmatch(rf"cpu=\d+\({used}\),.*", physics["GrpTRES"])


def test_shares_add_up():
    rows = [
        line.split("|")
        for line in sshare(
            VIEW, ["-a", "-P", "-n", "-o", "Account,User,NormShares,NormUsage,FairShare,LevelFS"]
        ).splitlines()
    ]
    accounts = [row for row in rows if not row[1] and re.fullmatch(" [a-z]+", row[0])]
    assert rows[0][:3] == ["root", "", ""]
    assert sum(float(row[2]) for row in accounts) == pytest.approx(1, abs=1e-4)
    assert sum(float(row[3]) for row in accounts) == pytest.approx(1, abs=1e-4)
    users = [row for row in rows if row[1]]
    assert all(0 < float(row[4]) <= 1 and float(row[5]) > 0 for row in users)
    assert ("  chemistry", "bob") in {(row[0], row[1]) for row in users}


def _accounts(*arguments: str, view: View = VIEW) -> list[list[str]]:
    return [line.split("|") for line in sacct(view, ["-a", "-X", "-n", "-P", *arguments]).splitlines()]


def test_sacct_gives_ended_jobs_once():
    fields = "JobIDRaw,State,Start,End,ElapsedRaw,User,ExitCode,AllocCPUS"
    rows = _accounts("-S", "now-2hours", "-s", "CD,F,TO,OOM,CA", "-o", fields)
    ended = [job for job in CLUSTER.ended(T - 7200, T) if job.state_at_end != "REQUEUED"]
    assert sorted(int(row[0]) for row in rows) == sorted(job.id for job in ended)
    by_id = {job.id: job for job in ended}
    for row in rows:
        job = by_id[int(row[0])]
        assert row[1].split()[0] == job.state_at_end
        assert int(row[4]) == job.end - job.start
        assert row[5] == job.user.name
        assert int(row[3]) == job.end
        assert (row[2] == "None") == (not job.template.starts)
    assert {"COMPLETED", "OUT_OF_MEMORY", "TIMEOUT"} <= {row[1] for row in rows}


def test_sacct_reads_times_as_people_write_them():
    one = _accounts("-S", "now-1hour", "-s", "CD", "-o", "JobIDRaw")
    two = _accounts("-S", str(T - 3600), "-E", "now", "-s", "COMPLETED", "-o", "JobIDRaw")
    assert one == two != []
    assert _accounts("-S", "2026-09-08T00:00:00", "-E", "2026-09-08T01:00:00", "-s", "CD", "-o", "JobIDRaw")


def test_sacct_shows_a_requeued_job_s_first_run_when_asked():
    lane = next(lane for lane in CLUSTER.lanes if lane.template.runs == 2)
    job = CLUSTER.job(lane, lane.current(T) // 2 * 2 - 2)
    later = View(CLUSTER, CLUSTER.job(lane, job.number + 1).end + 1, {})
    arguments = ("-S", "now-5hours", "-j", str(job.id), "-o", "State,Restarts")
    assert _accounts(*arguments, view=later) == [["COMPLETED", "1"]]
    assert _accounts(*arguments, "-D", view=later) == [["REQUEUED", "0"], ["COMPLETED", "1"]]


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (scontrol, ["show", "nonsense", "-o"]),
        (scontrol, ["show", "node"]),
        (scontrol, ["show", "node", "-o", "--json"]),
        (sinfo, ["--json"]),
        (sinfo, ["-o", "%z"]),
        (sdiag, ["--json"]),
        (sshare, ["-o", "Nonsense"]),
        (sacct, ["-o", "Nonsense"]),
        (sacct, ["-S", "yesterday-ish"]),
        (sacct, ["extra"]),
    ],
)
def test_what_is_not_understood_is_refused(command, arguments):
    with pytest.raises(UsageError):
        command(VIEW, arguments)
