"""The systemd units, by systemd's own tools."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted(
    path
    for path in ROOT.glob("*/**/systemd/*.service")
    if not path.relative_to(ROOT).parts[0].startswith(".")
)

pytestmark = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)


def settings_of(unit: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE))


def stated_exposure(unit: Path) -> str:
    """Return what the operators' page says."""
    row = re.search(
        rf"^\| `{unit.name}` \|.* ([0-9.]+) \|$", (ROOT / "docs/operators.md").read_text(), re.MULTILINE
    )
    assert row is not None, f"docs/operators.md states no exposure of {unit.name}"
    return row[1]


@pytest.mark.system
def test_exposure_is_as_stated(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Overall exposure level for .*: ([0-9.]+) ", done.stdout)
    assert found is not None
    assert found[1] == stated_exposure(unit)
    assert float(found[1]) < 2


@pytest.mark.system
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    # verify wants the programs to be there, and no installed name to be hidden
    text = unit.read_text().replace(f"/usr/bin/{unit.stem}", "/bin/true")
    (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", tmp_path / unit.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_a_daemon_that_tells_when_it_is_ready(unit: Path) -> None:
    settings = settings_of(unit)
    assert settings["Type"] == "notify"
    assert settings["ExecStart"].startswith(f"/usr/bin/{unit.stem} --config.file=/etc/jobgauge/")
    assert settings["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert settings["Restart"] == "on-failure"
    assert re.fullmatch(r"[0-9]+[MG]", settings["MemoryMax"])
    assert settings["CapabilityBoundingSet"] == settings["AmbientCapabilities"] == ""
    assert settings["User"] == settings["Group"] != "root"
