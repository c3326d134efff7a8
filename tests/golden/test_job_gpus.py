"""GPUs by the real pynvml and a driver library that the test compiles: whose each is, and what it says, through the command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.expectation import Key, key
from tests.support.node_tree import JobTree, NodeTree
from tests.support.scrape import once, parse

SOURCE = Path(__file__).parents[1] / "fixtures/nvml/fake_nvml.c"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a libnvidia-ml.so.1."""
    folder = tmp_path_factory.mktemp("nvml")
    subprocess.run(
        ["gcc", "-Wall", "-Werror", "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", SOURCE],
        check=True,
    )
    return folder


class GpuNode(NodeTree):
    """A node with NVIDIA's driver."""

    library: Path

    def driver(self, *lines: str) -> None:
        """Say what the driver has to tell."""
        (self.proc / "driver/nvidia").mkdir(parents=True, exist_ok=True)
        (self.root / "fake").write_text("".join(f"{line}\n" for line in lines))

    def scrape(self, *flags: str) -> dict[Key, float]:
        """Return the series of GPUs, and whether the collector succeeded."""
        done = once(
            "jobgauge-job-exporter",
            *self.flags,
            *flags,
            LD_LIBRARY_PATH=str(self.library),
            FAKE_NVML=str(self.root / "fake"),
        )
        ours = {key("jobgauge_collector_success", collector="gpu")}
        return {
            name: value
            for name, value in parse(done.stdout).items()
            if name[0].startswith("hpc_job_gpu_") or name in ours
        }


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
        key(f"{name}ecc_errors_total", type="corrected", **mine): 20 + index,
        key(f"{name}ecc_errors_total", type="uncorrected", **mine): 40 + index,
        key(f"{name}throttled_seconds_total", reason="power", **mine): 1.5,
        key(f"{name}throttled_seconds_total", reason="thermal", **mine): 3.0,
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
