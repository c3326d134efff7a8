"""The command: its exit codes, what it writes, and what a site's settings change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from jobgauge_dashboards import cli
from jobgauge_dashboards.board import Role
from jobgauge_dashboards.settings import Settings


def test_it_writes_boards_by_role_and_provisioning_that_finds_them(tmp_path: Path) -> None:
    assert cli.main(["--out", str(tmp_path), "--grafana.boards-path", str(tmp_path)]) == 0
    providers = yaml.safe_load((tmp_path / "provisioning/dashboards/jobgauge.yaml").read_text())["providers"]
    found = {path for provider in providers for path in Path(provider["options"]["path"]).glob("*.json")}
    assert found == set(tmp_path.glob("**/*.json"))
    assert len(providers) == len(Role) == len({provider["folderUid"] for provider in providers})
    for path in found:
        board = json.loads(path.read_text())
        assert board["uid"] == path.stem
        assert board["uid"].startswith("jobgauge-")
    assert not list(tmp_path.glob("**/*.new"))


def test_the_data_source_of_the_boards_is_the_provisioned_one(tmp_path: Path) -> None:
    settings = ["--grafana.datasource-uid", "hpc", "--grafana.datasource-name", "HPC"]
    assert cli.main(["--out", str(tmp_path), *settings]) == 0
    source = yaml.safe_load((tmp_path / "provisioning/datasources/jobgauge.yaml").read_text())["datasources"][
        0
    ]
    assert (source["uid"], source["name"]) == ("hpc", "HPC")
    for path in tmp_path.glob("**/*.json"):
        variable = json.loads(path.read_text())["templating"]["list"][0]
        assert variable["type"] == source["type"] or variable["query"] == source["type"]
        assert variable["current"]["value"] == "hpc"


def test_a_settings_file_is_read_and_a_flag_wins(tmp_path: Path) -> None:
    file = tmp_path / "dashboards.yaml"
    file.write_text("site:\n  contact: help@hpc.example\n  docs-url: https://hpc.example/docs\n")
    out = tmp_path / "out"
    assert (
        cli.main(["--config.file", str(file), "--site.docs-url", "https://wiki.example", "--out", str(out)])
        == 0
    )
    for path in out.glob("**/*.json"):
        urls = [link["url"] for link in json.loads(path.read_text())["links"]]
        assert "mailto:help@hpc.example" in urls
        assert "https://wiki.example" in urls
        assert "https://hpc.example/docs" not in urls


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "write --out DIR"),
        (["--out", "x", "--efficiency.poor", "0.9"], "efficiency.poor: 0.9 is above"),
        (["--out", "x", "--efficiency.fair", "75"], "not a ratio from 0 to 1"),
        (["--out", "x", "--site.memory-per-core", "-4"], "above zero"),
        (["--out", "x", "--grafana.scrape-interval", "10ms"], "at least 1s"),
    ],
)
def test_wrong_use_is_told(
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("a file")
    assert cli.main(["--out", str(tmp_path / "out")]) == 1
    assert "cannot write" in capsys.readouterr().err


def test_check_config_writes_nothing(tmp_path: Path) -> None:
    assert cli.main(["--check-config", "--out", str(tmp_path / "out")]) == 0
    assert not list(tmp_path.iterdir())


def test_the_same_settings_write_the_same_bytes() -> None:
    assert cli.render(Settings()) == cli.render(Settings())


def test_the_example_settings_are_the_defaults(tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "dashboards/config.example.yaml"
    assert cli.main(["--config.file", str(example), "--out", str(tmp_path)]) == 0
    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.glob("**/*.*")}
    assert written == cli.render(Settings())


def test_the_site_is_named_in_every_title() -> None:
    files = cli.render(Settings(site_name="Example HPC"))
    titles = [json.loads(text)["title"] for name, text in files.items() if name.endswith(".json")]
    assert all(title.endswith(" · Example HPC") for title in titles)
