"""The job exporter's page as Prometheus' own tool sees it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.devices_tree import Devices
from tests.support.node_tree import NodeTree
from tests.support.scrape import once


@pytest.mark.system
def test_promtool_has_nothing_to_say(tmp_path: Path) -> None:
    node = NodeTree(tmp_path)
    node.user('we"ird\\', 5001)
    node.job("101", 5001, 3, limit=8 << 30)
    devices = Devices(node.proc, node.sys)
    devices.network(eth0=(10, 20))
    devices.infiniband(10, 20)
    devices.lustre("scratch-ffff00", 10, 20, 30)
    gpus = tmp_path / "gpus"
    gpus.mkdir()
    (gpus / "0").write_text("uuid=GPU-x\nmodel=Simulated\nenergy_millijoules=5\n")
    node.write_facts("101", "account=a\nuid=5001\ngpus=0\n")
    page = once("jobgauge-job-exporter", *node.flags, f"--path.gpus={gpus}").stdout
    for part in ("cpu_seconds", "network", "infiniband", "lustre", "gpu_energy"):
        assert f"hpc_job_{part}" in page
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
