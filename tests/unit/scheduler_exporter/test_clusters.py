"""Several clusters in one process: each with its label, none touched by another's failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import pbs
from tests.support.node_tree import Key
from tests.support.scrape import once, parse
from tests.support.slurm import clients, program

COMMAND = "jobgauge-scheduler-exporter"


def settings(folder: Path, name: str, text: str) -> str:
    path = folder / f"{name}.yaml"
    path.write_text(f"cluster: {name}\n{text}")
    return f"--clusters={path}"


def of(page: dict[Key, float], cluster: str) -> dict[Key, float]:
    """Return a cluster's series without the label and without what differs from run to run."""
    label = ("cluster", cluster)
    changing = ("hpc_sched_source_duration", "hpc_sched_snapshot_age")
    return {
        (name, labels - {label}): value
        for (name, labels), value in page.items()
        if label in labels and not name.startswith(changing)
    }


def test_two_versions_and_two_schedulers_are_as_each_alone(tmp_path: Path) -> None:
    old, new, other = tmp_path / "old", tmp_path / "new", tmp_path / "pbs"
    other.mkdir()
    files = [
        settings(tmp_path, "old", f"slurm: {{bin-dir: {clients(old, '22.05.8')}}}\n"),
        settings(tmp_path, "new", f"slurm: {{bin-dir: {clients(new, '26.05.5')}}}\n"),
        settings(tmp_path, "pbs", f"backend: pbs\npbs: {{bin-dir: {pbs.clients(other)}}}\n"),
    ]
    result = once(COMMAND, *files)
    assert result.returncode == 0, result.stderr
    page = parse(result.stdout)
    alone = {
        "old": once(COMMAND, f"--slurm.bin-dir={old}", "--cluster=old"),
        "new": once(COMMAND, f"--slurm.bin-dir={new}", "--cluster=new"),
        "pbs": once(COMMAND, "--backend=pbs", f"--pbs.bin-dir={other}", "--cluster=pbs"),
    }
    for name, single in alone.items():
        expected = {
            key: value for key, value in of(parse(single.stdout), name).items() if key[0].startswith("hpc_")
        }
        # gaps count from the moment of reading
        for key in [key for key in expected if key[0].startswith("hpc_sched_backfill")]:
            del expected[key]
        found = of(page, name)
        assert {key: found.get(key) for key in expected} == expected


def test_one_that_fails_leaves_the_others(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad", clients(tmp_path / "good", "26.05.5")
    program(bad / "squeue", "echo 'no controller' >&2; exit 1")
    files = [settings(tmp_path, name, f"slurm: {{bin-dir: {tmp_path / name}}}\n") for name in ("bad", "good")]
    result = once(COMMAND, *files)
    assert result.returncode == 1
    page = parse(result.stdout)
    up = {
        dict(labels)["cluster"]: value
        for (name, labels), value in page.items()
        if name == "hpc_sched_up" and ("source", "jobs") in labels
    }
    assert up == {"bad": 0, "good": 1}
    clusters = {dict(labels)["cluster"] for (name, labels) in page if name == "hpc_sched_jobs"}
    assert clusters == {"good"}
    assert good.name in clusters


@pytest.mark.parametrize("second", ["cluster: one\n", "backend: auto\n"])
def test_names_are_needed_and_their_own(tmp_path: Path, second: str) -> None:
    first = settings(tmp_path, "one", f"slurm: {{bin-dir: {clients(tmp_path / 'bin', '26.05.5')}}}\n")
    (tmp_path / "two.yaml").write_text(second)
    result = once(COMMAND, first, f"--clusters={tmp_path}/two.yaml")
    assert result.returncode == 2
    assert "needs a name of its own" in result.stderr


def test_a_file_that_is_wrong_is_told_with_its_name(tmp_path: Path) -> None:
    result = once(COMMAND, settings(tmp_path, "one", "intervall: {jobs: 1s}\n"))
    assert result.returncode == 2
    assert "one.yaml" in result.stderr
    assert "interval.jobs" in result.stderr
