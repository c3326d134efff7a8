"""What people install: the wheel, the wheel made from the sdist, and an editable checkout hold the same and run."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])
PACKAGES = {
    "jobgauge",
    "jobgauge_demo",
    "jobgauge_gateway",
    "jobgauge_job",
    "jobgauge_mail",
    "jobgauge_scheduler",
    "jobgauge_dashboards",
    "jobgauge_view",
}

pytestmark = pytest.mark.system


def build(*arguments: str, out: Path, source: Path = ROOT) -> Path:
    command = [sys.executable, "-m", "build", "--no-isolation", *arguments, "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return next(path for path in sorted(out.iterdir()) if path.name != ".gitignore")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("--wheel", out=tmp_path_factory.mktemp("wheel"))


def names(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/RECORD")}


def test_the_wheel_holds_our_packages_and_data_only(wheel: Path) -> None:
    top = {name.split("/")[0] for name in names(wheel)}
    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES
    assert any(name.startswith("jobgauge/_data/recording_rules/") for name in names(wheel))
    assert any(name.startswith("jobgauge/_data/dashboards/") for name in names(wheel))


def test_the_sdist_gives_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build("--sdist", out=tmp_path / "sdist")
    subprocess.run(["tar", "-xzf", sdist, "-C", tmp_path], check=True)
    source = next(path for path in tmp_path.iterdir() if path.name.startswith("jobgauge-"))
    assert names(build("--wheel", out=tmp_path / "wheel", source=source)) == names(wheel)


@pytest.fixture(scope="module")
def clean_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds the wheel and its pinned requirements, and nothing of the checkout."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements/demo.txt")], check=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)
    return folder / "bin"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_runs_from_the_wheel(clean_environment: Path, command: str, tmp_path: Path) -> None:
    def run(flag: str) -> str:
        result = subprocess.run(
            [clean_environment / command, flag],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    assert run("--version").startswith(command)
    assert "--config.file" in run("--help")
    assert "good" in run("--check-config")


def test_the_data_is_found_in_the_wheel(clean_environment: Path, tmp_path: Path) -> None:
    for command in ("jobgauge-rules", "jobgauge-dashboards"):
        out = tmp_path / command
        subprocess.run(
            [clean_environment / command, "--out", out], cwd=tmp_path, check=True, capture_output=True
        )
        assert any(path.is_file() for path in out.rglob("*"))


def test_the_editable_checkout_is_what_these_tests_import() -> None:
    for package in PACKAGES:
        module = __import__(package)
        assert ROOT in Path(module.__file__ or next(iter(module.__path__))).parents
