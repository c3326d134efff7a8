"""AMD GPUs, by a sysfs that is made like theirs, and what dcgm-exporter is told of GPUs, through the command."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobgauge.errors import NoData
from jobgauge_job.sources.amdgpu import AmdGpus
from tests.support.expectation import Key, key
from tests.support.node_tree import NodeTree
from tests.support.running import Running, running
from tests.support.scrape import once, parse


@pytest.fixture
def node(tmp_path: Path) -> NodeTree:
    tree = NodeTree(tmp_path)
    tree.user("alice", 5001)
    tree.user("bob", 5002)
    return tree


def card(node: NodeTree, number: int, address: str, seed: int, **more: str | None) -> Path:
    """Add a card; return its device's folder. Figures follow from the seed; None leaves a file out."""
    device = node.sys / "devices/pci0000:00" / address
    files = {
        "vendor": "0x1002",
        "device": "0x740f",
        "gpu_busy_percent": f"{seed}",
        "mem_info_vram_used": f"{seed * 1000}",
        "mem_info_vram_total": f"{seed * 5000}",
        "unique_id": f"a0a0{seed:012x}",
        "product_name": "Instinct MI210",
        "ras/umc_err_count": f"ue: {seed}\nce: {seed + 1}",
        "hwmon/hwmon7/power1_average": f"{seed * 1_000_000 + 500_000}",
        "hwmon/hwmon7/energy1_input": f"{seed * 3_000_000}",
        "hwmon/hwmon7/temp1_input": f"{seed}500",
        "hwmon/hwmon7/freq1_input": f"{seed}00000000",
        f"drm/renderD{128 + number}/dev": f"226:{128 + number}",
    } | more
    for name, text in files.items():
        if text is not None:
            (device / name).parent.mkdir(parents=True, exist_ok=True)
            (device / name).write_text(f"{text}\n")
    folder = node.sys / f"class/drm/card{number}"
    folder.mkdir(parents=True)
    (folder / "device").symlink_to(device)
    (node.sys / f"class/drm/card{number}-DP-1").mkdir()
    kfd = node.sys / f"class/kfd/kfd/topology/nodes/{number + 1}"
    kfd.mkdir(parents=True)
    (kfd / "gpu_id").write_text(f"{seed + 4000}\n")
    (kfd / "properties").write_text(f"cpu_cores_count 0\ndrm_render_minor {128 + number}\n")
    return device


def on_card(node: NodeTree, pid: int, seed: int, memory: int) -> None:
    """Give a process memory on a card."""
    folder = node.sys / f"class/kfd/kfd/proc/{pid}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"vram_{seed + 4000}").write_text(f"{memory}\n")


def expected(of: str, gpu: str, seed: int, **job: str) -> dict[Key, float]:
    """Return what a node or a job shows of a card."""
    mine, name = {"gpu": gpu, **job}, f"hpc_{of}_gpu_"
    found: dict[Key, float] = {
        key(f"{name}info", uuid=f"a0a0{seed:012x}", model="Instinct MI210", mig="", **mine): 1,
        key(f"{name}utilization_ratio", **mine): seed / 100,
        key(f"{name}memory_used_bytes", **mine): seed * 1000,
        key(f"{name}memory_total_bytes", **mine): seed * 5000,
        key(f"{name}power_watts", **mine): seed + 0.5,
        key(f"{name}energy_joules_total", **mine): seed * 3,
        key(f"{name}temperature_celsius", **mine): seed + 0.5,
        key(f"{name}ecc_errors_total", type="uncorrected", **mine): seed,
        key(f"{name}ecc_errors_total", type="corrected", **mine): seed + 1,
    }
    return found | ({key(f"{name}sm_clock_hertz", **mine): seed * 1e8} if job else {})


def shown(node: NodeTree, *flags: str) -> dict[Key, float]:
    """Return the series of GPUs."""
    page = parse(once("jobgauge-job-exporter", *node.flags, *flags).stdout)
    assert page[key("jobgauge_collector_success", collector="gpu")] == 1
    return {
        name: value for name, value in page.items() if name[0].startswith(("hpc_job_gpu_", "hpc_node_gpu_"))
    }


def test_cards_by_facts_and_by_the_processes_on_them(node: NodeTree) -> None:
    card(node, 0, "0000:c1:00.0", 30)  # the kernel's first, but the third by its address
    card(node, 1, "0000:41:00.0", 10)
    card(node, 2, "0000:81:00.0", 20)
    card(node, 3, "0000:01:00.0", 40, vendor="0x1a03")  # a server's own graphics
    first, second = node.job("101", 5001, 3), node.job("102", 5002, 4)
    node.write_facts("101", "account=a\nuid=5001\ngpus=renderD128,0\n")
    node.write_facts("102", "account=b\nuid=5002\n")
    mine, theirs = first.labels("alice", "a"), second.labels("bob", "b")
    pid = next(process.pid for process in second.processes if process.uid)
    on_card(node, pid, 20, 4096)
    on_card(node, pid, 10, 0)  # has it open, and nothing on it
    on_card(node, 4_000_000, 30, 4096)
    of_node = expected("node", "0", 10) | expected("node", "1", 20) | expected("node", "2", 30)
    of_jobs = (
        expected("job", "0", 10, **mine)
        | expected("job", "2", 30, **mine)
        | expected("job", "1", 20, **theirs)
    )
    assert shown(node) == pytest.approx(of_node | of_jobs)


def test_what_a_card_does_not_tell_is_absent(node: NodeTree) -> None:
    device = card(
        node,
        0,
        "0000:41:00.0",
        10,
        unique_id=None,
        product_name=None,
        gpu_busy_percent="",
        mem_info_vram_used="-5",
        **{
            "hwmon/hwmon7/power1_average": None,
            "hwmon/hwmon7/power1_input": "7000000",
            "hwmon/hwmon7/energy1_input": None,
            "hwmon/hwmon7/temp1_input": "N/A",
            "ras/umc_err_count": "ue: many\nce:",
        },
    )
    assert device.is_dir()
    assert shown(node) == {
        key("hpc_node_gpu_info", gpu="0", uuid="0000:41:00.0", model="1002:740f", mig=""): 1,
        key("hpc_node_gpu_memory_total_bytes", gpu="0"): 50000,
        key("hpc_node_gpu_power_watts", gpu="0"): 7,
    }


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=150,
    deadline=None,
    derandomize=True,
)
@given(text=st.binary(max_size=80), which=st.integers(0, 20))
def test_any_bytes_are_survived(tmp_path_factory: pytest.TempPathFactory, text: bytes, which: int) -> None:
    node = NodeTree(tmp_path_factory.mktemp("any"))
    card(node, 0, "0000:41:00.0", 10)
    on_card(node, 77, 10, 1)
    files = sorted(path for path in node.sys.rglob("*") if path.is_file())
    files[which % len(files)].write_bytes(text)
    try:
        (gpu,) = AmdGpus(str(node.sys)).read()
    except NoData:
        return  # it is no card of AMD's any more
    assert all(value >= 0 for value in gpu.values.values())


def mapped(folder: Path) -> dict[str, str]:
    """Return what dcgm-exporter reads."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def await_mapping(folder: Path, wanted: dict[str, str], exporter: Running | None = None) -> None:
    """Wait until the files are as they should become, with scrapes or without."""
    deadline = time.monotonic() + 60
    while mapped(folder) != wanted:
        assert time.monotonic() < deadline, mapped(folder)
        if exporter:
            exporter.page()
        time.sleep(0.1)


def test_dcgm_exporter_is_told_whose_gpus_are(node: NodeTree) -> None:
    folder, gpus = node.root / "mapping", node.root / "gpus"
    for path in (folder, gpus):
        path.mkdir()
    for number in range(3):
        (gpus / str(number)).write_text(f"uuid=GPU-{number}\nmodel=Simulated\n")
    (folder / "1").write_text("7\n8\n")  # what another run left behind
    (folder / "6").write_text("9\n")  # of a GPU that is no more
    (folder / "notes").write_text("not ours")
    first = node.job("101", 5001, 3)
    node.job("102", 5002, 4)
    node.write_facts("101", "uid=5001\ngpus=0\n")
    node.write_facts("102", "uid=5002\ngpus=0,1\n")
    flags = (
        f"--path.gpus={gpus}",
        f"--gpu.dcgm-mapping-dir={folder}",
        "--gpu.interval=50ms",
        "--jobs.watch-interval=100ms",
    )
    with running("jobgauge-job-exporter", node.root / "log", *node.flags, *flags) as exporter:
        others = {"2": "", "6": "", "notes": "not ours"}
        await_mapping(folder, {"0": "101\n102\n", "1": "102\n", **others}, exporter)
        assert {stat.S_IMODE((folder / name).stat().st_mode) for name in "012"} == {0o644}
        first.end()
        await_mapping(folder, {"0": "102\n", "1": "102\n", **others})
        assert exporter.end() == 0
    assert mapped(folder) == {"0": "", "1": "", **others}


def test_a_folder_that_cannot_be_written_costs_nothing_else(node: NodeTree) -> None:
    gpus = node.root / "gpus"
    gpus.mkdir()
    (gpus / "0").write_text("uuid=GPU-0\nmodel=Simulated\n")
    flags = (f"--path.gpus={gpus}", f"--gpu.dcgm-mapping-dir={node.root}/missing")
    done = once("jobgauge-job-exporter", *node.flags, *flags)
    assert key("hpc_node_gpu_info", gpu="0", uuid="GPU-0", model="Simulated", mig="") in parse(done.stdout)
    assert "dcgm-exporter is not told whose GPUs are" in done.stderr
    assert f"{node.root}/missing" in done.stderr
