"""The Debian packages, built as `make deb` does, and installed, run, upgraded and purged by the real dpkg."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.rpm_root import Root
from tests.packaging.test_rpm import COMMANDS, SERVICES
from tests.support.node_tree import NodeTree
from tests.support.scrape import jobs_only, parse

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]  # a fixture builds all packages


def build(source: Path, out: Path, **environment: str) -> dict[str, Path]:
    settings = {"PATH": os.environ["PATH"], "SOURCE_DATE_EPOCH": "1700000000", **environment}
    done = subprocess.run(
        [source / "packaging/deb/build.sh", sys.executable, out],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path.name.split("_")[0].removeprefix("jobgauge-"): path for path in out.glob("*.deb")}


@pytest.fixture(scope="module")
def packages(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return build(snapshot, tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="module")
def newer(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The next release, in which an example configuration is another one; built elsewhere, in another time zone."""
    source = shutil.copytree(snapshot, tmp_path_factory.mktemp("newer") / "checkout")
    with (source / "job_exporter/config.example.yaml").open("a") as file:
        file.write("# and something new\n")
    return build(source, tmp_path_factory.mktemp("newer-deb"), RELEASE="2", TZ="Asia/Tokyo")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


def field(package: Path, name: str) -> str:
    done = subprocess.run(["dpkg-deb", "--field", package, name], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def contents(package: Path) -> dict[str, str]:
    """Return what the package holds, by name, with its mode and owner."""
    done = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True)
    return {line.split()[5]: " ".join(line.split()[:2]) for line in done.stdout.splitlines()}


def test_one_package_each_that_debian_understands(packages: dict[str, Path]) -> None:
    assert set(packages) == {*COMMANDS, "jobgauge"}
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert field(packages["jobgauge"], "Depends") == f"{python}, libc6"
    version = field(packages["jobgauge"], "Version")
    others = {"view": f", jobgauge-dashboards (= {version})", "mail": f", jobgauge-rules (= {version})"}
    for name in COMMANDS:
        assert field(packages[name], "Depends") == f"jobgauge (= {version})" + others.get(name, "")
    for package in packages.values():
        assert field(package, "Architecture") in ("all", "amd64", "arm64")
        assert all(
            re.match(r"([d-]rw[x-]r-[x-]r-[x-]|lrwxrwxrwx) root/root", mode)
            for mode in contents(package).values()
        )


def test_the_same_source_gives_the_same_bytes(packages: dict[str, Path], newer: dict[str, Path]) -> None:
    """What did not change between the two but its release, which no file names."""

    def digest(package: Path) -> str:
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
        return hashlib.sha256(data).hexdigest()

    for name in {*packages} - {"job-exporter"}:
        assert digest(packages[name]) == digest(newer[name]), name
    assert digest(packages["job-exporter"]) != digest(newer["job-exporter"])


def test_life(packages: dict[str, Path], newer: dict[str, Path], root: Root) -> None:
    """Install, scrape, edit, upgrade, purge."""
    before = root.files()
    root.dpkg("--install", *packages.values())
    assert not [call for call in root.systemctl_calls() if "enable" in call]
    users = (root.path / "etc/passwd").read_text()
    assert all(re.search(rf"(?m)^{user}:", users) for user in SERVICES.values())
    for name in COMMANDS:
        assert root.run(f"/usr/bin/jobgauge-{name}", "--version").stdout.startswith(f"jobgauge-{name} ")

    node = NodeTree(root.path / "node")
    node.user("alice", 5001)
    job = node.job("101", 5001, 3)
    flags = [flag.replace(str(root.path), "") for flag in node.flags]
    scrape = root.run("/usr/bin/jobgauge-job-exporter", "--once", *flags)
    assert jobs_only(parse(scrape.stdout)) == pytest.approx(job.expected("alice", ""))
    shutil.rmtree(node.root)

    edited = root.path / "etc/jobgauge/job-exporter.yaml"
    edited.write_text("cluster: mine\n")
    root.dpkg("--install", *newer.values())
    assert edited.read_text() == "cluster: mine\n"
    assert "something new" in edited.with_name("job-exporter.yaml.dpkg-dist").read_text()
    assert {f"try-restart jobgauge-{name}.service" for name in SERVICES} <= set(root.systemctl_calls())

    root.dpkg("--purge", *(f"jobgauge-{name}" for name in COMMANDS), "jobgauge")
    assert {f"--no-reload disable --now jobgauge-{name}.service" for name in SERVICES} <= set(
        root.systemctl_calls()
    )
    left = {name.rstrip("-") for name in root.files().keys() - before.keys()}
    assert left == {"etc/.pwd.lock", "etc/shadow", "etc/gshadow", "etc/passwd", "etc/group"}
