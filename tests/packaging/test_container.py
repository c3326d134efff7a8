"""The container file: what it says, held against the checkout and the chart, and the image that the real buildah makes of it."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from jobgauge import __version__
from tests.packaging.test_chart import render
from tests.support.container import Image
from tests.support.node_tree import NodeTree
from tests.support.scrape import jobs_only, parse

ROOT = Path(__file__).parents[2]
LINES = re.sub(r"\\\n", " ", (ROOT / "packaging/container/Containerfile").read_text()).splitlines()
STEPS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]


def steps(instruction: str) -> list[str]:
    return [rest for name, rest in STEPS if name == instruction]


def test_two_stages_of_one_base_that_can_be_replaced() -> None:
    assert [stage.split()[0] for stage in steps("FROM")] == ["${BASE}", "${BASE}"]
    assert [argument.split("=")[0] for argument in steps("ARG")] == ["BASE"]


def test_every_requirement_is_pinned_by_hash() -> None:
    installs = [part for run in steps("RUN") for part in re.split(r"&&|;|\|\|", run) if "pip install" in part]
    assert len(installs) == 3
    assert all("--require-hashes" in part or "--no-index" in part for part in installs)


def test_every_group_of_a_command_in_production_is_there() -> None:
    groups = re.search(r"for group in ([^;]+);", " ".join(steps("RUN")))
    assert groups is not None
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    not_there = {"demo", "dev", "pyslurm"}  # the last has to fit a site's Slurm
    assert set(groups[1].split()) == declared.keys() - not_there
    assert all((ROOT / f"requirements/{group}.txt").exists() for group in groups[1].split())


def test_the_image_runs_as_the_user_and_on_the_ports_of_the_chart() -> None:
    helpers = (ROOT / "helm/jobgauge/templates/_helpers.tpl").read_text()
    user = re.search(r"runAsUser: (\d+)\n\s+runAsGroup: (\d+)", helpers)
    assert user is not None
    assert steps("USER") == [f"{user[1]}:{user[2]}"]
    templates = "".join(path.read_text() for path in (ROOT / "helm/jobgauge/templates").glob("*.yaml"))
    assert set(re.findall(r"containerPort: (\d+)", templates)) == set(steps("EXPOSE")[0].split())


def test_its_default_command_is_one_of_ours() -> None:
    (command,) = steps("CMD")
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert yaml.safe_load(command)[0] in scripts
    assert not steps("ENTRYPOINT")  # the chart's args name the program
    assert all(shlex.split(run) for run in steps("RUN"))


@pytest.fixture(scope="module")
def image(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(snapshot, tmp_path_factory.mktemp("image"))


@pytest.mark.system
@pytest.mark.timeout(600)  # the fixture builds the image
def test_every_command_runs_in_the_image(image: Image) -> None:
    assert image.configuration()["User"] == "9794:9794"
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for command in scripts.keys() - {"jobgauge-demo"}:
        assert image.run([command, "--version"]) == f"{command} {__version__}\n"
    assert "usage: jobgauge-job-exporter" in image.run(image.configuration()["Cmd"])


@pytest.mark.system
@pytest.mark.timeout(600)
def test_the_image_scrapes_a_node_as_the_chart_mounts_it(image: Image, tmp_path: Path) -> None:
    node = NodeTree(tmp_path / "node")
    node.user("alice", 5001)
    job = node.job("101", 5001, 3)
    node.facts.mkdir()
    (node.facts / "101").write_text("account=physics\nuid=5001\n")
    objects = render()
    (container,) = objects["DaemonSet", "r-jobgauge-job-exporter"]["spec"]["template"]["spec"]["containers"]
    config = tmp_path / "config"
    config.mkdir()
    for file, text in objects["ConfigMap", "r-jobgauge-job-exporter"]["data"].items():
        (config / file).write_text(text)
    here = {"config": config, "cgroup": node.cgroups, "proc": node.proc, "sys": node.sys} | {
        "passwd": node.passwd,
        "job-facts": node.facts,
    }
    tmp_path.chmod(0o755)  # the image's user is not this one
    mounts = {mount["mountPath"]: here[mount["name"]] for mount in container["volumeMounts"]}
    scrape = image.run([*container["args"], "--once"], mounts)
    assert jobs_only(parse(scrape)) == pytest.approx(job.expected("alice", "physics"))
