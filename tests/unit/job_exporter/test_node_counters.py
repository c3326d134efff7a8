"""What the kernel counts for the node only is a job's exactly while it is alone there, and never falls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobgauge_job.jobs import Job, Presence
from jobgauge_job.share import NodeShare
from jobgauge_job.sources import infiniband, lustre, network
from tests.support.devices_tree import Devices, put
from tests.support.expectation import Key, key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import NodeTree

Start = Callable[..., JobExporter]


@pytest.fixture
def devices(node: NodeTree) -> Devices:
    return Devices(node.proc, node.sys)


def of(series: dict[Key, float], *prefixes: str) -> dict[Key, float]:
    return {name: value for name, value in series.items() if name[0].startswith(prefixes)}


def test_a_job_that_is_alone(node: NodeTree, devices: Devices, start: Start) -> None:
    devices.network(eth0=(1000, 500))
    devices.infiniband(100, 10)
    devices.lustre("scratch-ffff00", 5000, 700, 3)
    devices.lustre("scratch-ffff01", 50, 70, 1, top="sys/kernel/debug/lustre")
    exporter = start()
    exporter.series()
    labels = node.job("101", 5001, 3).labels("alice")
    exporter.series()
    devices.network(eth0=(1007, 520))
    devices.infiniband(111, 13)
    devices.lustre("scratch-ffff00", 5100, 1700, 8)
    series = exporter.series()
    assert of(series, "hpc_job_network") == {
        key("hpc_job_network_bytes_total", device="eth0", direction="receive", **labels): 7,
        key("hpc_job_network_bytes_total", device="eth0", direction="transmit", **labels): 20,
    }
    port = {"device": "mlx5_0", "port": "1"}
    assert of(series, "hpc_job_infiniband", "hpc_node_infiniband") == {
        key("hpc_job_infiniband_bytes_total", direction="receive", **port, **labels): 44,
        key("hpc_job_infiniband_bytes_total", direction="transmit", **port, **labels): 88,
        key("hpc_job_infiniband_packets_total", direction="receive", **port, **labels): 3,
        key("hpc_job_infiniband_packets_total", direction="transmit", **port, **labels): 6,
        key("hpc_node_infiniband_bytes_total", direction="receive", **port): 444,
        key("hpc_node_infiniband_bytes_total", direction="transmit", **port): 888,
        key("hpc_node_infiniband_packets_total", direction="receive", **port): 13,
        key("hpc_node_infiniband_packets_total", direction="transmit", **port): 26,
    }
    fs = {"fs": "scratch"}
    assert of(series, "hpc_job_lustre", "hpc_node_lustre") == {
        key("hpc_job_lustre_bytes_total", direction="read", **fs, **labels): 100,
        key("hpc_job_lustre_bytes_total", direction="write", **fs, **labels): 1000,
        key("hpc_job_lustre_operations_total", operation="read", **fs, **labels): 10,
        key("hpc_job_lustre_operations_total", operation="write", **fs, **labels): 100,
        key("hpc_job_lustre_operations_total", operation="open", **fs, **labels): 5,
        key("hpc_node_lustre_bytes_total", direction="read", **fs): 5150,
        key("hpc_node_lustre_bytes_total", direction="write", **fs): 1770,
        key("hpc_node_lustre_operations_total", operation="read", **fs): 515,
        key("hpc_node_lustre_operations_total", operation="write", **fs): 177,
        key("hpc_node_lustre_operations_total", operation="open", **fs): 9,
    }
    assert series[key("hpc_job_node_exclusive", **labels)] == 1


def test_jobs_that_share_the_node_get_nothing(
    node: NodeTree, devices: Devices, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobgauge_job.watch.Changes.follow", lambda *_: None)  # it would look in between
    devices.network(eth0=(0, 0))
    first = node.job("101", 5001, 3)
    exporter = start()
    exporter.series()
    devices.network(eth0=(10, 0))
    received = key("hpc_job_network_bytes_total", device="eth0", direction="receive", **first.labels("alice"))
    assert exporter.series()[received] == 10

    second = node.job("102", 5002, 4)
    devices.network(eth0=(100, 0))  # some before, some after the second came: nobody's
    series = exporter.series()
    assert series[received] == 10
    devices.network(eth0=(200, 0))
    series = exporter.series()
    assert len(of(series, "hpc_job_network")) == 2
    assert series[received] == 10
    assert [
        series[key("hpc_job_node_exclusive", **job.labels(user))]
        for job, user in ((first, "alice"), (second, "bob"))
    ] == [0, 0]

    second.end()
    devices.network(eth0=(300, 0))
    assert exporter.series()[received] == 10
    devices.network(eth0=(301, 0))
    series = exporter.series()
    assert series[received] == 11
    assert series[key("hpc_job_node_exclusive", **first.labels("alice"))] == 1

    first.end()
    devices.network(eth0=(305, 0))
    assert exporter.series()[received] == 15  # what it did before its end, and the empty node for moments
    devices.network(eth0=(400, 0))
    assert exporter.series()[received] == 15


def test_a_counter_that_begins_again(node: NodeTree, devices: Devices, start: Start) -> None:
    devices.network(eth0=(1000, 0))
    labels = node.job("101", 5001, 3).labels("alice")
    exporter = start()
    received = key("hpc_job_network_bytes_total", device="eth0", direction="receive", **labels)
    for total, expected in ((1000, 0), (1010, 10), (3, 10), (5, 12)):
        devices.network(eth0=(total, 0))
        assert exporter.series()[received] == expected


class Table:
    """As much of a table of jobs as is needed."""

    presence = Presence(0, 0, None)

    def is_over(self, job: Job) -> bool:
        return False


class Anybody:
    """Stands for a job."""


EVENTS = st.lists(
    st.sampled_from(["come", "go", "read", "change while reading"]) | st.integers(0, 50), max_size=40
)


class History:
    """A plain account of what happened: each byte knows which jobs were there when it was counted."""

    def __init__(self) -> None:
        self.table = Table()
        self.total = 0
        self.live: list[Anybody] = []
        self.jobs: list[Anybody] = []
        self.bytes: list[tuple[int, tuple[Anybody, ...]]] = []
        self.meddle: list[Callable[[], None]] = []  # to be done in the middle of a reading

    def count(self, size: int) -> None:
        self.total += size
        self.bytes.append((size, tuple(self.live)))

    def come(self) -> None:
        self.live.append(Anybody())
        self.jobs.append(self.live[-1])
        self._change()

    def go(self) -> None:
        if self.live:
            self.live.pop(0)
            self._change()

    def read(self) -> dict[str, int]:
        now = {"x": self.total}
        while self.meddle:
            self.meddle.pop()()
        return now

    def at_most(self, job: Anybody) -> int:
        return sum(size for size, there in self.bytes if there in ((job,), ()))

    def _change(self) -> None:
        sole = self.live[0] if len(self.live) == 1 else None
        self.table.presence = Presence(self.table.presence.number + 1, len(self.live), sole)  # type: ignore[arg-type]


@settings(max_examples=300)
@given(EVENTS)
def test_nothing_is_given_to_a_job_that_was_not_alone(events: list[str | int]) -> None:
    history = History()
    share: NodeShare[str] = NodeShare(history.table, history.read)  # type: ignore[arg-type]
    shown: dict[Anybody, int] = {}
    for event in events:
        if isinstance(event, int):
            history.count(event)
        elif event == "come":
            history.come()
        elif event == "go":
            history.go()
        else:
            history.meddle += [history.come] if event == "change while reading" else []
            share.update()
        for job in history.jobs:
            now = share.totals(job).get("x", 0)  # type: ignore[arg-type]
            assert shown.get(job, 0) <= now <= history.at_most(job)
            shown[job] = now


def test_virtual_devices_would_count_twice(tmp_path: Path) -> None:
    devices = Devices(tmp_path / "proc", tmp_path / "sys")
    devices.network(eth0=(1, 2), bond0=(3, 4))
    bond = tmp_path / "sys/class/net/bond0"
    real = tmp_path / "sys/devices/virtual/net/bond0"
    real.parent.mkdir(parents=True)
    bond.rename(real)
    bond.symlink_to(real)
    assert network.devices(str(tmp_path / "proc"), str(tmp_path / "sys")) == {"eth0": (1, 2)}


def test_old_adapters_count_in_64_bits_elsewhere(tmp_path: Path) -> None:
    devices = Devices(tmp_path / "proc", tmp_path / "sys")
    devices.infiniband(2**32 - 1, 7, device="mlx4_0")
    put(tmp_path / "sys/class/infiniband/mlx4_0/ports/1/counters_ext/port_rcv_data_64", f"{2**33}\n")
    put(tmp_path / "sys/class/infiniband/mlx4_0/ports/1/counters/port_xmit_packets", "N/A (no PMA)\n")
    assert list(infiniband.ports(str(tmp_path / "sys"))) == [
        (
            "mlx4_0",
            "1",
            {("bytes", "receive"): 2**35, ("bytes", "transmit"): (2**33 - 2) * 4, ("packets", "receive"): 7},
        )
    ]


def test_lustre_that_cannot_be_seen_is_said(node: NodeTree, start: Start) -> None:
    put(node.sys / "fs/lustre/llite/scratch-ffff00/uuid", "x\n")
    exporter = start()
    series = exporter.series()
    assert series[key("jobgauge_collector_success", collector="lustre")] == 0
    assert series[key("jobgauge_collector_success", collector="network")] == 1
    assert series[key("jobgauge_collector_success", collector="infiniband")] == 1


@given(st.binary() | st.text("0123456789 \nabc[]:samplesrdbytown_", max_size=300).map(str.encode))
def test_any_bytes_are_survived(text: bytes) -> None:
    lustre.parse_stats(text)
    network.parse_devices(text)
