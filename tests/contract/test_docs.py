"""What is written down about the code is what the code says."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

import jobgauge

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    str(p.relative_to(ROOT))
    for p in ROOT.glob("**/*.md")
    if not {".venv", ".pytest_cache", "build"} & set(p.parts)
)


def test_the_metrics_page_is_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("jobgauge.catalogue", run_name="__main__")
    assert (ROOT / "docs/metrics.md").read_text() == capsys.readouterr().out, "run `make generate`"


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert project["version"] == jobgauge.__version__ == newest[1]


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES)
def test_every_table_has_its_head(page: str) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", (ROOT / page).read_text(), re.MULTILINE):
        _, ruler, *_ = f"{table}\n".splitlines()
        assert re.fullmatch(r"[-:| ]+", ruler), f"a blank line cuts off {table[:80]}"


def test_every_make_target_is_explained() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    phony = next(line for line in lines if line.startswith(".PHONY")).split()[1:]
    explained = {line.split(":")[0] for line in lines if "##" in line}
    assert set(phony) - explained == {"packages-demo", "packages-packaging", "packages-test"}
