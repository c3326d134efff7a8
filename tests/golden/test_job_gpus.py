"""GPUs by the real pynvml and a driver library that the test compiles: whose each is, and what it says, through the command."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.expectation import Key, key
from tests.support.node_tree import JobTree, NodeTree
from tests.support.running import Running, running
from tests.support.scrape import once, parse

SOURCE = Path(__file__).parents[1] / "fixtures/nvml/fake_nvml.c"


def build_library(folder: Path, version: int) -> Path:
    """Make a libnvidia-ml.so.1; return its folder."""
    flags = ["-Wall", "-Werror", "-shared", "-fPIC", f"-DVERSION={version}"]
    subprocess.run(["gcc", *flags, "-o", folder / "libnvidia-ml.so.1", SOURCE], check=True)
    return folder


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the driver's library."""
    return build_library(tmp_path_factory.mktemp("nvml"), 1)


class GpuNode(NodeTree):
    """A node with NVIDIA's driver."""

    library: Path

    def driver(self, *lines: str) -> None:
        """Say what the driver has to tell."""
        (self.proc / "driver/nvidia").mkdir(parents=True, exist_ok=True)
        new = self.root / "fake.new"
        new.write_text("".join(f"{line}\n" for line in lines))
        new.replace(self.root / "fake")  # at once: an exporter may be reading

    def scrape(self, *flags: str) -> dict[Key, float]:
        """Return the series of jobs' GPUs, and whether the collector succeeded."""
        return {name: value for name, value in self.all(*flags).items() if name[0][:9] != "hpc_node_"}

    def all(self, *flags: str) -> dict[Key, float]:
        """Return the series of jobs' and the node's GPUs, and whether the collector succeeded."""
        done = once(
            "jobgauge-job-exporter",
            *self.flags,
            *flags,
            LD_LIBRARY_PATH=str(self.library),
            FAKE_NVML=str(self.root / "fake"),
        )
        return of_gpus(parse(done.stdout))


def of_gpus(page: dict[Key, float]) -> dict[Key, float]:
    """Return what a page says of GPUs."""
    ours = {key("jobgauge_collector_success", collector="gpu")}
    prefixes = ("hpc_job_gpu_", "hpc_node_gpu_")
    return {name: value for name, value in page.items() if name[0].startswith(prefixes) or name in ours}


@pytest.fixture
def node(tmp_path: Path, library: Path) -> GpuNode:
    tree = GpuNode(tmp_path)
    tree.library = library
    tree.user("alice", 5001)
    tree.user("bob", 5002)
    return tree


def gpu(index: int, **job: str) -> dict[Key, float]:
    """Return what the fake says of a whole GPU."""
    mine = {"gpu": str(index), **job}
    name = "hpc_job_gpu_"
    return {
        key(f"{name}info", uuid=f"GPU-{index}", model="Fake H100", mig="", **mine): 1,
        key(f"{name}utilization_ratio", **mine): (10 + index) / 100,
        key(f"{name}memory_used_bytes", **mine): 1000 * (index + 1),
        key(f"{name}memory_total_bytes", **mine): 80000 + index,
        key(f"{name}power_watts", **mine): 250.5 + index / 1000,
        key(f"{name}energy_joules_total", **mine): 7000.5 + index / 1000,
        key(f"{name}temperature_celsius", **mine): 40 + index,
        key(f"{name}sm_clock_hertz", **mine): (1500 + index) * 1e6,
        key(f"{name}pcie_bytes_total", direction="transmit", **mine): 197_000 + index,
        key(f"{name}pcie_bytes_total", direction="receive", **mine): 198_000 + index,
        key(f"{name}nvlink_bytes_total", direction="transmit", **mine): 4 * (138_000 + index) * 1024,
        key(f"{name}nvlink_bytes_total", direction="receive", **mine): 4 * (139_000 + index) * 1024,
        key(f"{name}ecc_errors_total", type="corrected", **mine): 20 + index,
        key(f"{name}ecc_errors_total", type="uncorrected", **mine): 40 + index,
        key(f"{name}throttled_seconds_total", reason="power", **mine): 1.5,
        key(f"{name}throttled_seconds_total", reason="thermal", **mine): 3.0,
    }


def node_gpu(index: int) -> dict[Key, float]:
    """Return what the node has of a whole GPU: a job's, less its clock, its traffic, and what held it back."""
    less = ("sm_clock_hertz", "pcie_bytes_total", "nvlink_bytes_total", "throttled_seconds_total")
    return {
        (name.replace("hpc_job_", "hpc_node_"), labels): value
        for (name, labels), value in gpu(index).items()
        if not name.endswith(less)
    }


def works(value: int = 1) -> dict[Key, float]:
    return {key("jobgauge_collector_success", collector="gpu"): value}


def process_on(job: JobTree) -> int:
    return next(process.pid for process in job.processes if process.uid)


def test_gpus_by_the_prologs_facts_are_held_though_idle(node: GpuNode) -> None:
    node.driver("gpus 8")
    first, second = node.job("101", 5001, 3), node.job("102", 5002, 4)
    node.write_facts(
        "101", "account=a\nuid=5001\ngpus=0,1\n"
    )  # /dev/nvidia0 is the last by the driver's own count
    node.write_facts("102", "account=b\nuid=5002\ngpus=GPU-3\n")
    mine, theirs = first.labels("alice", "a"), second.labels("bob", "b")
    assert node.scrape() == pytest.approx(gpu(7, **mine) | gpu(6, **mine) | gpu(3, **theirs) | works())


def test_gpus_by_the_processes_on_them(node: GpuNode) -> None:
    first, second = node.job("101", 5001, 3), node.job("102", 5002, 4)
    node.driver("gpus 3", f"pid 0 {process_on(first)}", f"pid 2 {process_on(second)}", "pid 1 4000000")
    expected = gpu(0, **first.labels("alice")) | gpu(2, **second.labels("bob"))
    assert node.scrape() == pytest.approx(expected | works())


def test_a_process_in_a_cgroup_named_like_a_job_is_nobodys(node: GpuNode) -> None:
    job = node.job("101", 5001, 3)
    liar = node.job("102", 5002, 4).processes[-1]
    liar.cgroup = "/user.slice/user-5002.slice/user@5002.service/slurmstepd.scope/job_101/x"
    liar.write()
    node.driver("gpus 1", f"pid 0 {liar.pid}")
    assert job.labels("alice")
    assert node.scrape() == works()


def test_a_gpu_that_jobs_share_is_shown_without_figures(node: GpuNode) -> None:
    first, second = node.job("101", 5001, 3), node.job("102", 5002, 4)
    node.driver("gpus 1", f"pid 0 {process_on(first)}", f"pid 0 {process_on(second)}")
    what = {"gpu": "0", "uuid": "GPU-0", "model": "Fake H100", "mig": ""}
    expected = {
        key("hpc_job_gpu_info", **what, **first.labels("alice")): 1.0,
        key("hpc_job_gpu_info", **what, **second.labels("bob")): 1.0,
    }
    assert node.scrape() == expected | works()


def test_instances_of_a_divided_gpu(node: GpuNode) -> None:
    node.driver("gpus 2", "mig 1")
    job = node.job("101", 5001, 3)
    node.write_facts("101", "uid=5001\ngpus=MIG-1-1\n")
    mine = {"gpu": "1.1", **job.labels("alice")}
    expected = {
        key("hpc_job_gpu_info", uuid="MIG-1-1", model="Fake H100", mig="2g.10gb", **mine): 1,
        key("hpc_job_gpu_memory_used_bytes", **mine): 2002,
        key("hpc_job_gpu_memory_total_bytes", **mine): 80001,
    }
    assert node.scrape() == expected | works()


def test_a_lost_gpu_costs_its_own_series(node: GpuNode) -> None:
    node.driver("gpus 3", "lost 1")
    job = node.job("101", 5001, 3)
    node.write_facts("101", "uid=5001\ngpus=0,1,2\n")
    mine = job.labels("alice")
    assert node.scrape() == pytest.approx(gpu(0, **mine) | gpu(2, **mine) | works())


def test_the_nodes_gpus_are_shown_whoever_holds_them(node: GpuNode) -> None:
    node.driver("gpus 2", "xid 0 31", "xid 1 79", "xid 0 31", "xid 0 13")
    job = node.job("101", 5001, 3)
    node.write_facts("101", "uid=5001\ngpus=GPU-1\n")
    errors: dict[Key, float] = {
        key("hpc_node_gpu_xid_errors_total", gpu=number, xid=xid): count
        for number, xid, count in (("0", "31", 2), ("0", "13", 1), ("1", "79", 1))
    }  # before anybody was known to hold a GPU: no job's
    expected = gpu(1, **job.labels("alice")) | node_gpu(0) | node_gpu(1) | errors | works()
    assert node.all() == pytest.approx(expected)


def test_kinds_of_errors_have_a_cap(node: GpuNode) -> None:
    node.driver("gpus 1", *(f"xid 0 {xid}" for xid in range(100, 170)), "xid 0 100")
    found = {name: value for name, value in node.all().items() if name[0] == "hpc_node_gpu_xid_errors_total"}
    expected = {key("hpc_node_gpu_xid_errors_total", gpu="0", xid=str(xid)): 1 for xid in range(101, 164)}
    expected[key("hpc_node_gpu_xid_errors_total", gpu="0", xid="100")] = 2
    expected[key("hpc_node_gpu_xid_errors_total", gpu="0", xid="other")] = 6
    assert found == expected


def test_a_divided_gpu_of_the_node_and_its_instances(node: GpuNode) -> None:
    node.driver("gpus 1", "mig 0", "xid 0 94 6", "xid 0 48", "pid 0 4000000")
    node.job("101", 5001, 3)
    node.write_facts("101", "uid=5001\ngpus=0,GPU-0\n")  # of a divided GPU jobs hold parts only
    expected = {name: value for name, value in node_gpu(0).items() if "_memory_" not in name[0]} | works()
    for instance in (0, 1):
        mine = {"gpu": f"0.{instance}"}
        what = {"uuid": f"MIG-0-{instance}", "model": "Fake H100", "mig": f"{instance + 1}g.10gb"}
        expected[key("hpc_node_gpu_info", **what, **mine)] = 1
        expected[key("hpc_node_gpu_memory_used_bytes", **mine)] = 1001 + instance
        expected[key("hpc_node_gpu_memory_total_bytes", **mine)] = 80000
    expected[key("hpc_node_gpu_xid_errors_total", gpu="0.1", xid="94")] = 1
    expected[key("hpc_node_gpu_xid_errors_total", gpu="0", xid="48")] = 1
    assert node.all() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("lacks", "family"),
    [
        ("utilization", "utilization_ratio"),
        ("power", "power_watts"),
        ("energy", "energy_joules_total"),
        ("temperature", "temperature_celsius"),
        ("clock", "sm_clock_hertz"),
        ("ecc", "ecc_errors_total"),
        ("throttled", "throttled_seconds_total"),
        ("pcie", "pcie_bytes_total"),
        ("nvlink", "nvlink_bytes_total"),
        ("events", "xid_errors_total"),
        ("xid", "xid_errors_total"),
        ("migmode", "nothing"),
    ],
)
def test_what_a_model_does_not_report_is_absent(node: GpuNode, lacks: str, family: str) -> None:
    node.driver("gpus 1", f"lacks {lacks}")
    job = node.job("101", 5001, 3)
    node.write_facts("101", "uid=5001\ngpus=0\n")
    expected = {
        name: value
        for name, value in gpu(0, **job.labels("alice")).items()
        if name[0] != f"hpc_job_gpu_{family}"
    }
    assert node.scrape() == pytest.approx(expected | works())


def test_a_driver_that_hangs_costs_nothing_else(node: GpuNode) -> None:
    node.driver("gpus 1", "hang")
    job = node.job("101", 5001, 3)
    done = once(
        "jobgauge-job-exporter",
        *node.flags,
        LD_LIBRARY_PATH=str(node.library),
        FAKE_NVML=str(node.root / "fake"),
    )
    shown = {name: value for name, value in parse(done.stdout).items() if name[0].startswith("hpc_job_")}
    assert shown == pytest.approx(job.expected("alice"))
    assert "the GPU driver has not answered" in done.stderr


@contextmanager
def exporter(node: GpuNode, monkeypatch: pytest.MonkeyPatch, *flags: str) -> Iterator[Running]:
    """Start an exporter that asks the driver again and again."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(node.library))
    monkeypatch.setenv("FAKE_NVML", str(node.root / "fake"))
    quick = ("--gpu.interval=50ms", "--jobs.watch-interval=100ms", *flags)
    with running("jobgauge-job-exporter", node.root / "log", *node.flags, *quick) as started:
        yield started


def await_page(exporter: Running, awaited: Callable[[dict[Key, float]], bool]) -> dict[Key, float]:
    """Scrape until a page is as it should become."""
    deadline = time.monotonic() + 60
    while not awaited(page := of_gpus(exporter.page())):
        assert time.monotonic() < deadline, page
        time.sleep(0.1)
    return page


def test_an_error_is_the_jobs_that_held_the_gpu(node: GpuNode, monkeypatch: pytest.MonkeyPatch) -> None:
    first = node.job("101", 5001, 3)
    node.write_facts("101", "account=a\nuid=5001\ngpus=0\n")
    node.driver("gpus 1", "xid 0 13")
    mine = {"gpu": "0", **first.labels("alice", "a")}
    of_node = {n: key("hpc_node_gpu_xid_errors_total", gpu="0", xid=n) for n in ("13", "31", "45", "79")}
    of_first = {n: key("hpc_job_gpu_xid_errors_total", xid=n, **mine) for n in of_node}
    with exporter(node, monkeypatch) as started:
        await_page(
            started, lambda page: of_node["13"] in page and key("hpc_job_gpu_power_watts", **mine) in page
        )
        node.driver("gpus 1", "xid 0 13", "xid 0 31", "xid 0 31")
        page = await_page(started, lambda page: page.get(of_first["31"]) == 2)
        assert of_first["13"] not in page  # it was there before the job was seen on the GPU
        first.end()
        await_page(started, lambda page: key("hpc_job_gpu_power_watts", **mine) not in page)
        node.driver("gpus 1", "xid 0 13", "xid 0 31", "xid 0 31", "xid 0 79")
        page = await_page(started, lambda page: page.get(of_first["79"]) == 1)  # what ended the job
        second = node.job("102", 5002, 4)
        node.write_facts("102", "account=b\nuid=5002\ngpus=0\n")
        theirs = {"gpu": "0", **second.labels("bob", "b")}
        await_page(started, lambda page: key("hpc_job_gpu_power_watts", **theirs) in page)
        node.driver("gpus 1", "xid 0 13", "xid 0 31", "xid 0 31", "xid 0 79", "xid 0 45")
        of_second = key("hpc_job_gpu_xid_errors_total", xid="45", **theirs)
        page = await_page(started, lambda page: of_second in page)
    counted = {name: value for name, value in page.items() if "xid" in name[0]}
    nodes = {of_node["13"]: 1, of_node["31"]: 2, of_node["79"]: 1, of_node["45"]: 1}
    assert counted == nodes | {of_first["31"]: 2, of_first["79"]: 1, of_second: 1}


@pytest.mark.parametrize("lost", ["lost 0", "falls 0"])
def test_a_gpu_that_is_lost_says_why(node: GpuNode, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    job = node.job("101", 5001, 3)
    node.write_facts("101", "account=a\nuid=5001\ngpus=0\n")
    node.driver("gpus 1")
    mine = {"gpu": "0", **job.labels("alice", "a")}
    power = key("hpc_job_gpu_power_watts", **mine)
    what = {"uuid": "GPU-0", "model": "Fake H100", "mig": ""}
    of_job = key("hpc_job_gpu_xid_errors_total", xid="79", **mine)
    with exporter(node, monkeypatch) as started:
        await_page(started, lambda page: power in page)
        node.driver("gpus 1", lost, "xid 0 79")
        page = await_page(started, lambda page: power not in page and of_job in page)
        assert page == works() | {
            of_job: 1,
            key("hpc_job_gpu_info", **what, **mine): 1,
            key("hpc_node_gpu_info", gpu="0", **what): 1,
            key("hpc_node_gpu_xid_errors_total", gpu="0", xid="79"): 1,
        }
        node.driver("gpus 1", "xid 0 79")  # reset
        page = await_page(started, lambda page: power in page)
        assert page[of_job] == 1


def test_dcgm_exporter_is_told_whose_instances_are(node: GpuNode, monkeypatch: pytest.MonkeyPatch) -> None:
    node.job("101", 5001, 3)
    node.write_facts("101", "uid=5001\ngpus=MIG-1-1,GPU-0\n")
    node.driver("gpus 2", "mig 1")
    folder = node.root / "mapping"
    folder.mkdir()
    with exporter(node, monkeypatch, f"--gpu.dcgm-mapping-dir={folder}") as started:
        await_page(started, lambda page: any(name[0] == "hpc_job_gpu_info" for name in page))
        told = {path.name: path.read_text() for path in folder.iterdir()}
    assert told == {"0": "101\n", "1": "", "1.5": "", "1.6": "101\n"}  # by the instances' own numbers


def test_a_driver_that_is_exchanged_costs_its_own_series_and_comes_back(
    node: GpuNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = node.job("101", 5001, 3)
    node.write_facts("101", "uid=5001\ngpus=0\n")
    node.library = tmp_path / "driver"
    node.library.mkdir()
    build_library(node.library, 1)
    node.driver("gpus 1", "xid 0 31")
    good, error = key("jobgauge_collector_success", collector="gpu"), "hpc_node_gpu_xid_errors_total"
    with exporter(node, monkeypatch) as started:
        before = await_page(started, lambda page: key(error, gpu="0", xid="31") in page)
        node.driver("gpus 1", "xid 0 31", "module 2")  # the kernel's part is new, the library is not
        page = await_page(started, lambda page: page[good] == 0)
        assert page == {good: 0}
        assert "hpc_job_cpus" in {name for name, _ in started.page()}
        newer = tmp_path / "newer"
        newer.mkdir()
        build_library(newer, 2)
        (newer / "libnvidia-ml.so.1").replace(node.library / "libnvidia-ml.so.1")
        after = await_page(started, lambda page: page[good] == 1)
        # The fake's new library tells its error once more: the count goes on, and this time a job was on the GPU.
        of_job = key("hpc_job_gpu_xid_errors_total", gpu="0", xid="31", **job.labels("alice"))
        assert after == pytest.approx(before | {key(error, gpu="0", xid="31"): 2, of_job: 1})


def test_a_cap_on_series(node: GpuNode) -> None:
    folder = node.root / "gpus"
    folder.mkdir()
    for number in range(5000):
        (folder / f"{number}").write_text(f"uuid=GPU-{number}\nmodel=Simulated\npower_milliwatts=1500\n")
    page = parse(once("jobgauge-job-exporter", *node.flags, f"--path.gpus={folder}").stdout)
    assert sum(name.startswith("hpc_node_gpu_") for name, _ in page) == 8192
    assert page[key("jobgauge_dropped_series_total", collector="gpu")] == 2 * 5000 - 8192


def test_a_driver_without_an_answer_is_said(node: GpuNode) -> None:
    node.driver("gpus 1", "broken")
    assert node.scrape() == works(0)


def test_a_node_without_gpus(node: GpuNode) -> None:
    node.job("101", 5001, 3)
    assert node.scrape() == works()


def test_gpus_of_a_simulated_node(node: GpuNode) -> None:
    folder = node.root / "gpus"
    folder.mkdir()
    (folder / "0").write_text(
        "uuid=GPU-x\nmodel=Simulated\nutilization_percent=37\npower_milliwatts=1500\nsm_clock_megahertz=broken\n"
    )
    job = node.job("101", 5001, 3)
    node.write_facts("101", "uid=5001\ngpus=0\n")
    mine = {"gpu": "0", **job.labels("alice")}
    expected = {
        key("hpc_job_gpu_info", uuid="GPU-x", model="Simulated", mig="", **mine): 1,
        key("hpc_job_gpu_utilization_ratio", **mine): 0.37,
        key("hpc_job_gpu_power_watts", **mine): 1.5,
    }
    assert node.scrape(f"--path.gpus={folder}") == pytest.approx(expected | works())
