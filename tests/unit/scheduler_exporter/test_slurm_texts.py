"""Slurm's other texts: odd values that the recorded clusters did not show."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.errors import SourceError
from jobgauge_scheduler.slurm import hostlist, limits, records, sacct, sdiag, sshare
from tests.support.slurm import FIXTURES

NODE = "NodeName=n1 CPUAlloc=1 CPUEfctv=4 CPUTot=4 OS=Linux 6.1 State={} Partitions=a,b CfgTRES=cpu=4,mem=8G AllocTRES= {}\n"


@pytest.mark.parametrize(
    ("text", "states", "summary"),
    [
        ("IDLE", {"idle"}, "idle"),
        ("IDLE+DRAIN", {"idle", "drain"}, "draining"),  # one CPU is allocated in the record
        ("DOWN*", {"down", "not_responding"}, "down"),
        ("UNKNOWN*", {"unknown", "not_responding"}, "down"),
        ("IDLE~", {"idle", "powered_down"}, "power_saving"),
        ("MIXED#", {"mixed", "powering_up"}, "power_saving"),
        ("IDLE+CLOUD+POWERED_DOWN", {"idle", "cloud", "powered_down"}, "power_saving"),
        ("MIXED+COMPLETING+PLANNED", {"mixed", "completing", "planned"}, "mixed"),
        ("IDLE$*", {"idle", "maint", "not_responding"}, "down"),
        ("ALLOCATED+MAINTENANCE", {"allocated", "maintenance"}, "maint"),
        ("IDLE+RESERVED", {"idle", "reserved"}, "reserved"),
        ("DOWN+DRAIN+NOT_RESPONDING", {"down", "drain", "not_responding"}, "down"),
    ],
)
def test_node_states(text: str, states: set[str], summary: str) -> None:
    (node,) = records.nodes(NODE.format(text, "").encode()).value
    assert node.states == states
    assert node.state == summary
    assert node.usable == (summary in ("idle", "mixed", "allocated"))


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), max_size=80))
def test_no_reason_of_a_node_reaches_another_field(reason: str) -> None:
    text = NODE.format("DOWN", f"Reason={reason} [root@1795259337]") + NODE.format("IDLE", "")
    first, second = records.nodes(text.encode()).value
    assert (first.states, first.cpus, first.reason_by) == ({"down"}, 4, "root")
    assert first.reason == reason
    assert second.states == {"idle"}


def test_a_reason_may_hold_newlines_and_fields() -> None:
    text = NODE.format("DOWN", "Reason=broken\nState=IDLE CPUTot=99 [a b@1] [root@1795259337]")
    (node,) = records.nodes(text.encode()).value
    assert (node.reason, node.reason_by) == ("broken\nState=IDLE CPUTot=99 [a b@1]", "root")
    assert (node.states, node.cpus) == ({"down"}, 4)


def test_a_node_that_makes_no_sense_is_left_out_and_counted() -> None:
    reading = records.nodes((NODE.format("IDLE", "") + "NodeName=n2 State=IDLE\n").encode())
    assert ([node.name for node in reading.value], reading.unreadable) == (["n1"], 1)


@pytest.mark.parametrize("text", [b"", b"No reservations in the system\n"])
def test_nothing_there_is_an_answer(text: bytes) -> None:
    assert records.reservations(text).value == ()
    assert records.licenses(text).value == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("n1", ("n1",)),
        ("n[1-3,7],gpu01", ("n1", "n2", "n3", "n7", "gpu01")),
        ("n[008-011]", ("n008", "n009", "n010", "n011")),
        ("r[1-2]n[1-2]", ("r1n1", "r1n2", "r2n1", "r2n2")),
        ("c[1,3]-ib,x", ("c1-ib", "c3-ib", "x")),
    ],
)
def test_lists_of_nodes(text: str, names: tuple[str, ...]) -> None:
    assert hostlist.expand(text) == names


@pytest.mark.parametrize("version", ["22.05.8", "24.11.5", "26.05.5"])
def test_every_figure_of_sdiag_that_is_used_is_found(version: str) -> None:
    found = sdiag.parse((FIXTURES / version / "sdiag.txt").read_bytes()).value
    main, backfill = found.cycles
    for cycles in (main, backfill):
        assert None not in (cycles.last, cycles.mean, cycles.total, cycles.depth, cycles.queue)
        assert 0 < (cycles.last or 0) < 1
    assert backfill.when is not None
    assert found.queues.keys() == {"agent", "dbd_agent"}
    assert found.events.keys() == {"submitted", "started", "completed", "canceled", "failed"}
    assert {call.name for call in found.calls} >= {"REQUEST_JOB_INFO", "REQUEST_PARTITION_INFO"}
    assert {caller.name for caller in found.callers} >= {"root", "alice"}


def test_sdiag_takes_the_figures_of_the_right_section() -> None:
    found = sdiag.parse((FIXTURES / "26.05.5" / "sdiag.txt").read_bytes()).value
    lines = (FIXTURES / "26.05.5" / "sdiag.txt").read_text().splitlines()
    last = [int(line.split(":")[1]) for line in lines if line.strip().startswith("Last cycle:")]
    assert [round((cycles.last or 0) * 1e6) for cycles in found.cycles] == last


def test_what_is_not_sdiag_s_is_refused() -> None:
    with pytest.raises(SourceError, match="no job counts"):
        sdiag.parse(b"slurm_load_ctl_conf error\n")


def test_limits_in_each_notation() -> None:
    text = b"""User Records
UserName=bob(1001) DefAccount=x
Association Records
ClusterName=c Account=x UserName= Partition= GrpJobs=10(3) GrpTRES=cpu=64(12),mem=1024(300),gres/gpu:a100=4(1),license/m=5(2) GrpTRESMins=gres/gpu=600(6) GrpTRESRunMins=cpu=100(0) GrpWall=60(2.50) MaxJobs=
ClusterName=c Account=x UserName=bob(1001) Partition=gpu GrpJobs=1(1)
QOS Records
QOS=night(4) GrpJobs=N(1) Account Limits= x={MaxJobsPA=7(2)} User Limits= 1001={MaxTRESPU=cpu=8(4) MaxJobsPU=N(1)} 1099={MaxJobsPU=2(1)}
"""
    found = {
        (x.level, x.account, x.user, x.qos, x.resource): (x.limit, x.usage) for x in limits.parse(text).value
    }
    assert found == {
        ("account", "x", "", "", "jobs"): (10, 3),
        ("account", "x", "", "", "cpus"): (64, 12),
        ("account", "x", "", "", "memory_bytes"): (2**30, 300 * 2**20),
        ("account", "x", "", "", "gpus:a100"): (4, 1),
        ("account", "x", "", "", "license/m"): (5, 2),
        ("account", "x", "", "", "gpus_seconds"): (36000, 360),
        ("account", "x", "", "", "cpus_seconds_running"): (6000, 0),
        ("account", "x", "", "", "wall_seconds"): (3600, 150),
        ("qos", "x", "", "night", "jobs"): (7, 2),
        ("qos", "", "bob", "night", "cpus"): (8, 4),
        ("qos", "", "1099", "night", "jobs"): (2, 1),
    }


def test_shares_may_be_blank_or_infinite() -> None:
    reading = sshare.parse(b"root||0.0|1.0||\n bio||0.25|0.2||1.2\n  bio|carol|0.5|0|0.7|inf\nwhat\n")
    assert reading.unreadable == 1
    root, bio, carol = reading.value
    assert (root.account, root.fairshare, root.level_fairshare) == ("root", None, None)
    assert (bio.account, bio.user, bio.level_fairshare) == ("bio", "", 1.2)
    assert (carol.user, carol.fairshare, carol.level_fairshare) == ("carol", 0.7, math.inf)


def test_times_are_asked_for_in_utc() -> None:
    assert sacct.moment(1795259337.9) == "2026-11-21T11:08:57"


def test_states_of_the_accounting_are_single_words() -> None:
    line = "7\x1fdave\x1fbio\x1fbatch\x1f{}\x1f100\x1fUnknown\x1f{}\x1fn1\n"
    text = line.format("CANCELLED by 1003", "200") + line.format("OUT_OF_MEMORY", "None") + "7\x1fdave\n"
    reading = sacct.parse(text.encode())
    assert [(r.state, r.start, r.end) for r in reading.value] == [
        ("cancelled", None, 200),
        ("out_of_memory", None, None),
    ]
    assert reading.unreadable == 1
