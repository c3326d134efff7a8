"""The node's energy is shared out by CPU time: no more than there was, none for the past, and no counter falls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.errors import SourceError
from jobgauge_job.collectors import energy
from jobgauge_job.sources import rapl
from tests.support.devices_tree import put
from tests.support.expectation import Key, key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import BOOT, JobTree, NodeTree

Start = Callable[..., JobExporter]
SPAN = 262_143_328_850


class Node:
    """Sets the counters of the node and of its jobs."""

    def __init__(self, tree: NodeTree) -> None:
        self.tree = tree

    def energy(self, package: float, dram: float) -> None:
        """Set joules: of two packages the same, of the memory in one of them."""
        top = self.tree.sys / "class/powercap"
        zones = {
            "intel-rapl:0": ("package-0", package),
            "intel-rapl:1": ("package-1", package),
            "intel-rapl:0:0": ("core", 7 * package),
            "intel-rapl:0:1": ("dram", dram),
            "intel-rapl:2": ("psys", 9 * package),
            "intel-rapl-mmio:0": ("package-0", package),
        }
        for zone, (name, joules) in zones.items():
            put(top / zone / "name", f"{name}\n")
            put(top / zone / "energy_uj", f"{int(joules * 1e6) % SPAN}\n")
            put(top / zone / "max_energy_range_uj", f"{SPAN}\n")

    def busy(self, seconds: float) -> None:
        """Set the CPU time that the node has used; a third of it as user time, and much more idle."""
        ticks = int(seconds * 100)
        third = ticks // 3
        line = f"cpu  {third} 0 {ticks - third} 99999999 8888 0 0 777 {third} 0\n"
        put(self.tree.proc / "stat", f"{line}cpu0 1 2 3\nbtime {BOOT}\n")

    def used(self, job: JobTree, seconds: float) -> None:
        """Set the CPU time that a job has used."""
        whole = int(seconds * 1e6)
        job.write({"cpu.stat": f"usage_usec {whole}\nuser_usec {whole}\nsystem_usec 0\n"})


@pytest.fixture
def counters(node: NodeTree) -> Node:
    found = Node(node)
    found.energy(1000, 500)
    found.busy(5000)
    return found


def joules(series: dict[Key, float], job: JobTree, user: str) -> tuple[float | None, float | None]:
    labels = job.labels(user)
    name = "hpc_job_energy_joules_total"
    return series.get(key(name, domain="cpu", **labels)), series.get(key(name, domain="dram", **labels))


def test_jobs_share_what_was_used(node: NodeTree, counters: Node, start: Start) -> None:
    first, second = node.job("101", 5001, 3), node.job("102", 5002, 4)
    counters.used(first, 100_000)  # long before the exporter's time
    counters.used(second, 10)
    exporter = start()
    assert joules(exporter.series(), first, "alice") == (0, 0)

    counters.used(first, 100_030)
    counters.used(second, 30)
    counters.busy(5100)  # the other half of these 100 seconds was nobody's
    counters.energy(1100, 520)
    series = exporter.series()
    assert joules(series, first, "alice") == pytest.approx((200 * 0.3, 20 * 0.3))
    assert joules(series, second, "bob") == pytest.approx((200 * 0.2, 20 * 0.2))
    assert series[key("hpc_node_energy_joules_total", domain="cpu")] == 200
    assert series[key("hpc_node_energy_joules_total", domain="dram")] == 20

    third = node.job("103", 5001, 5)
    counters.used(third, 40)  # all of it since the last reading
    counters.busy(5150)
    counters.energy(1150, 520)
    series = exporter.series()
    assert joules(series, third, "alice") == pytest.approx((100 * 0.8, 0))
    assert joules(series, first, "alice") == pytest.approx((200 * 0.3, 20 * 0.3))


def test_a_counter_that_has_begun_again(node: NodeTree, counters: Node, start: Start) -> None:
    counters.energy(262_100, 500)
    job = node.job("101", 5001, 3)
    counters.used(job, 0)
    exporter = start()
    exporter.series()
    counters.energy(262_200, 500)
    counters.used(job, 50)
    counters.busy(5050)
    assert joules(exporter.series(), job, "alice") == pytest.approx((200, 0), abs=1e-3)


def test_a_time_too_long_to_tell(
    node: NodeTree, counters: Node, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = node.job("101", 5001, 3)
    counters.used(job, 0)
    exporter = start()
    exporter.series()
    monkeypatch.setattr(energy, "_LONGEST", 0.0)
    counters.energy(1100, 520)
    counters.used(job, 50)
    counters.busy(5050)
    assert joules(exporter.series(), job, "alice") == (0, 0)


def test_usage_that_is_missing_once_is_not_counted_twice(
    node: NodeTree, counters: Node, start: Start
) -> None:
    job = node.job("101", 5001, 3)
    counters.used(job, 1000)
    exporter = start()
    exporter.series()
    job.write({"cpu.stat": ""})
    counters.busy(5050)
    counters.energy(1050, 500)
    assert joules(exporter.series(), job, "alice") == (0, 0)
    counters.used(job, 1010)
    counters.busy(5100)
    counters.energy(1100, 500)
    assert joules(exporter.series(), job, "alice") == pytest.approx((100 * 0.2, 0))


def test_a_job_never_gets_more_than_there_was(node: NodeTree, counters: Node, start: Start) -> None:
    """The node's own count is coarser, and read a moment later or earlier."""
    job = node.job("101", 5001, 3)
    counters.used(job, 0)
    exporter = start()
    exporter.series()
    counters.used(job, 50.009)
    counters.busy(5050)
    counters.energy(1050, 500)
    assert joules(exporter.series(), job, "alice") == pytest.approx((100, 0))


def test_a_node_without_counters_and_one_that_hides_them(
    node: NodeTree, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start().series()[key("jobgauge_collector_success", collector="energy")] == 1
    put(node.sys / "class/powercap/intel-rapl:0/name", "package-0\n")

    def refuse(path: str) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(rapl, "read", refuse)
    with pytest.raises(SourceError, match="CAP_DAC_READ_SEARCH"):
        rapl.zones(str(node.sys))


def test_zones_that_are_part_of_others(tmp_path: Path, node: NodeTree, counters: Node) -> None:
    found = rapl.zones(str(node.sys))
    assert {name: zone.domain for name, zone in found.items()} == {
        "intel-rapl:0": "cpu",
        "intel-rapl:1": "cpu",
        "intel-rapl:0:1": "dram",
    }
    assert not rapl.zones(str(tmp_path / "none"))


@given(st.binary() | st.text("cpu 0123456789\n", max_size=200).map(str.encode))
def test_any_bytes_are_survived(text: bytes) -> None:
    found = rapl.parse_busy_ticks(text)
    assert found is None or found >= 0
