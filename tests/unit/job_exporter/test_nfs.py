"""What an NFS client counts: once for each file system, a job's while it is alone, whatever is mounted and unmounted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge_job.sources.nfs import NfsMounts, parse_mountstats
from tests.support.devices_tree import put
from tests.support.expectation import Key, key
from tests.support.job_exporter import JobExporter
from tests.support.node_tree import NodeTree

Start = Callable[..., JobExporter]


@dataclass
class Export:
    """A mount of an export."""

    source: str
    point: str
    device: str
    read: int = 0
    written: int = 0
    operations: Mapping[str, int] | None = None

    @property
    def info(self) -> str:
        return f"99 1 {self.device} / {self.point} rw,relatime shared:7 - nfs4 {self.source} rw,vers=4.2,addr=10.0.0.1\n"

    @property
    def stats(self) -> str:
        """As Linux 6.1 writes it."""
        operations = {"NULL": 1, "READ": 0, **(self.operations or {}), "LAYOUTGET": 5}
        return (
            f"device {self.source} mounted on {self.point} with fstype nfs4 statvers=1.1\n"
            "\topts:\trw,vers=4.2,rsize=1048576\n\tage:\t77\n\tcaps:\tcaps=0xfffbc0bf\n\tsec:\tflavor=1,pseudoflavor=1\n"
            "\tevents:\t1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27\n"
            f"\tbytes:\t71 72 73 74 {self.read} {self.written} 77 78\n"
            "\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n"
            "\txprt:\ttcp 0 0 1 0 24 5 5 0 5 0 2 0 0\n\tper-op statistics\n"
        ) + "".join(f"\t{name:>12}: {n} {n} 0 9000 8000 3 4 5 0\n" for name, n in operations.items())


def mount(node: NodeTree, *exports: Export, process: str = "self") -> None:
    put(
        node.proc / process / "mountinfo",
        "22 1 254:0 / / rw - ext4 /dev/vda rw\n" + "".join(export.info for export in exports),
    )
    put(
        node.proc / process / "mountstats",
        "device /dev/vda mounted on / with fstype ext4\nno device mounted on /x with fstype nfs4\n"
        + "".join(export.stats for export in exports),
    )


def of_nfs(series: dict[Key, float], whose: str) -> dict[Key, float]:
    return {name: value for name, value in series.items() if name[0].startswith(f"hpc_{whose}_nfs")}


def test_a_job_that_is_alone(node: NodeTree, start: Start) -> None:
    mount(node, Export("fs1:/home", "/home/a\\040b", "0:50", 1000, 2000, {"GETATTR": 10}))
    labels = node.job("101", 5001, 3).labels("alice")
    exporter = start()
    exporter.series()
    mount(node, Export("fs1:/home", "/home/a\\040b", "0:50", 1005, 2070, {"GETATTR": 17}))
    series = exporter.series()
    fs = {"fs": "fs1:/home"}
    assert of_nfs(series, "job") == {
        key("hpc_job_nfs_bytes_total", direction="read", **fs, **labels): 5,
        key("hpc_job_nfs_bytes_total", direction="write", **fs, **labels): 70,
        key("hpc_job_nfs_operations_total", operation="read", **fs, **labels): 0,
        key("hpc_job_nfs_operations_total", operation="getattr", **fs, **labels): 7,
    }
    assert of_nfs(series, "node") == {
        key("hpc_node_nfs_bytes_total", direction="read", **fs): 1005,
        key("hpc_node_nfs_bytes_total", direction="write", **fs): 2070,
        key("hpc_node_nfs_operations_total", operation="read", **fs): 0,
        key("hpc_node_nfs_operations_total", operation="getattr", **fs): 17,
    }


def test_jobs_that_share_the_node_get_nothing(node: NodeTree, start: Start) -> None:
    mount(node, Export("fs1:/home", "/home", "0:50", 1000, 0))
    node.job("101", 5001, 3)
    node.job("102", 5002, 5)
    exporter = start()
    exporter.series()
    mount(node, Export("fs1:/home", "/home", "0:50", 2000, 0))
    series = exporter.series()
    assert not of_nfs(series, "job")
    assert series[key("hpc_node_nfs_bytes_total", fs="fs1:/home", direction="read")] == 2000


def test_one_file_system_at_two_places_counts_once(node: NodeTree, start: Start) -> None:
    """The kernel keeps one set of counters for both, and shows it at both."""
    alice, bob = (Export(f"fs1:/home/{name}", f"/home/{name}", "0:50", 700) for name in ("alice", "bob"))
    mount(node, alice, bob, Export("fs2:/x", "/x", "0:51", 9))
    exporter = start()
    name = "hpc_node_nfs_bytes_total"
    read = {
        key(name, fs="fs1:/home/alice", direction="read"): 700,
        key(name, fs="fs2:/x", direction="read"): 9,
    }
    assert {k: v for k, v in of_nfs(exporter.series(), "node").items() if v} == read
    mount(node, bob, Export("fs2:/x", "/x", "0:51", 9))
    assert {k: v for k, v in of_nfs(exporter.series(), "node").items() if v} == read, "its name stays"


def test_a_job_keeps_what_it_had_of_a_file_system_that_is_unmounted(node: NodeTree, start: Start) -> None:
    other = Export("fs2:/x", "/x", "0:51")
    mount(node, other, Export("fs1:/home", "/home", "0:50", 1000))
    labels = node.job("101", 5001, 3).labels("alice")
    read = key("hpc_job_nfs_bytes_total", fs="fs1:/home", direction="read", **labels)
    exporter = start()
    exporter.series()
    for exports, expected in (
        ([Export("fs1:/home", "/home", "0:50", 1100)], 100),
        ([], 100),
        ([Export("fs1:/home", "/home", "0:52", 30)], 100),  # mounted again
        ([Export("fs1:/home", "/home", "0:52", 35)], 105),
    ):
        mount(node, other, *exports)
        assert exporter.series()[read] == expected


def test_too_many_file_systems_are_counted_not_shown(node: NodeTree, start: Start) -> None:
    exports = [Export(f"fs1:/{n}", f"/{n}", f"0:{n}", n) for n in range(1, 41)]
    mount(node, *exports)
    series = start().series()
    assert sum(("direction", "read") in name[1] for name in of_nfs(series, "node")) == 32
    assert series[key("jobgauge_dropped_series_total", collector="nfs")] >= 8


def test_the_nodes_own_mounts_where_they_may_be_seen(node: NodeTree) -> None:
    mount(node, Export("fs1:/home", "/home", "0:50", 5))
    mount(node, Export("fs2:/all", "/all", "0:51", 6), process="1")
    assert list(NfsMounts(str(node.proc)).read()) == ["fs2:/all"]
    (node.proc / "1/mountstats").unlink()
    assert list(NfsMounts(str(node.proc)).read()) == ["fs1:/home"]


@pytest.mark.parametrize(
    "text", ["", "device\n", "device a mounted on /home with fstype nfs4 statvers=1.1\n\tbytes:\t1 x\n"]
)
def test_files_that_are_not_as_they_should_be(node: NodeTree, start: Start, text: str) -> None:
    mount(node, Export("fs1:/home", "/home", "0:50", 5))
    put(node.proc / "self/mountstats", text)
    series = start().series()
    assert not of_nfs(series, "node")
    assert series[key("jobgauge_collector_success", collector="nfs")] == 1


def test_files_that_cannot_be_read(node: NodeTree, start: Start) -> None:
    mount(node)
    (node.proc / "self/mountstats").unlink()
    assert start().series()[key("jobgauge_collector_success", collector="nfs")] == 1
    (node.proc / "self/mountstats").symlink_to("mountstats")
    assert start().series()[key("jobgauge_collector_success", collector="nfs")] == 0


@given(
    st.lists(
        st.sampled_from(
            [
                "device",
                "no",
                "mounted",
                "on",
                "with",
                "fstype",
                "nfs4",
                "\n",
                "\tbytes:",
                "READ:",
                "7",
                "\xff",
            ]
        )
    )
)
def test_any_mountstats_can_be_read(words: list[str]) -> None:
    for traffic in parse_mountstats(" ".join(words).encode("latin-1")).values():
        assert all(value >= 0 for value in (*traffic.bytes.values(), *traffic.operations.values()))
