"""Which part of the past has to be made, and in which order its rules are evaluated."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobgauge_demo.importer import Importer, levels
from jobgauge_demo.settings import DemoConfig

NOW = 1_800_000_030
END = NOW - 30  # the step before
HOUR = 3600


def nothing(*_: object) -> Iterator[str]:
    return iter(())


@pytest.fixture
def demo(tmp_path: Path) -> Callable[..., Importer]:
    (tmp_path / "rules").mkdir(exist_ok=True)
    (tmp_path / "prometheus" / "data").mkdir(parents=True)

    def make(**settings: object) -> Importer:
        return Importer(DemoConfig(directory=str(tmp_path), **settings), nothing)

    return make


def block(directory: Path, name: str, start: int, end: int) -> Path:
    path = directory / "prometheus" / "data" / name
    path.mkdir()
    (path / "meta.json").write_text(json.dumps({"minTime": start * 1000, "maxTime": end * 1000 + 1}))
    return path


def made_by(importer: Importer) -> None:
    """Leave what a whole import leaves."""
    Path(importer._made).write_text(importer._fingerprint())


def test_at_first_the_whole_history_is_made(demo: Callable[..., Importer]) -> None:
    assert demo(history="24h").missing(NOW) == (END - 24 * HOUR, END)


def test_only_the_time_since_the_last_block_is_made_again(
    tmp_path: Path, demo: Callable[..., Importer]
) -> None:
    importer = demo(history="24h")
    kept = block(tmp_path, "A", END - 25 * HOUR, END - 10 * HOUR)
    block(tmp_path, "B", END - 10 * HOUR, END - 3 * HOUR)
    log = tmp_path / "prometheus" / "data" / "wal"
    log.mkdir()
    made_by(importer)
    assert importer.missing(NOW) == (END - 3 * HOUR + 60, END)
    assert kept.exists()
    assert not log.exists()  # what it holds lies within the span that is made


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([(25, 24.5)], id="they end before the history begins"),
        pytest.param([(5, 1)], id="the history asked for is longer"),
    ],
)
def test_blocks_that_do_not_fit_are_removed(
    tmp_path: Path, demo: Callable[..., Importer], blocks: list[tuple[float, float]]
) -> None:
    importer = demo(history="24h")
    paths = [
        block(tmp_path, str(i), END - int(a * HOUR), END - int(b * HOUR)) for i, (a, b) in enumerate(blocks)
    ]
    made_by(importer)
    assert importer.missing(NOW) == (END - 24 * HOUR, END)
    assert not any(path.exists() for path in paths)


@pytest.mark.parametrize("change", ["seed", "users", "nodes", "rules", "interrupted"])
def test_what_another_cluster_or_rules_or_half_an_import_made_is_removed(
    tmp_path: Path, demo: Callable[..., Importer], change: str
) -> None:
    first = demo(history="24h")
    old = block(tmp_path, "A", END - 24 * HOUR, END - HOUR)
    if change != "interrupted":
        made_by(first)
    if change == "rules":
        (tmp_path / "rules" / "new.rules.yml").write_text("groups: []\n")
    second = demo(history="24h", **({change: 30} if change in ("seed", "users", "nodes") else {}))
    assert second.missing(NOW) == (END - 24 * HOUR, END)
    assert not old.exists()


def test_without_history_nothing_is_made(demo: Callable[..., Importer]) -> None:
    start, end = demo(history="0s").missing(NOW)
    assert start == end


def test_rules_come_after_those_that_they_read(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(
        """
groups:
  - name: top
    rules:
      - {record: "cluster:x:sum", expr: "sum(job:x:sum)"}
      - {alert: Nothing, expr: "cluster:x:sum > 1"}
  - name: middle
    rules:
      - {record: "job:x:sum", expr: "sum by (jobid) (avg_over_time(node:x:rate[5m]))"}
"""
    )
    (tmp_path / "b.yml").write_text(
        """
groups:
  - name: rare
    interval: 1d
    rules:
      - {record: "job:x:sum1d", expr: "sum_over_time(job:x:sum[1d])"}
  - name: bottom
    interval: 1m
    rules:
      - {record: "node:x:rate", expr: "rate(x[5m])", labels: {mode: a}}
      - {record: "node:x:rate", expr: "rate(y[5m])", labels: {mode: b}}
      - {record: "other:x:last", expr: "other:x:last offset 1m or x"}
"""
    )
    found = [[(rule["record"], group.interval) for group, rule in level] for level in levels(str(tmp_path))]
    assert found == [
        [("node:x:rate", "1m"), ("node:x:rate", "1m"), ("other:x:last", "1m")],
        [("job:x:sum", "60s")],
        [("cluster:x:sum", "60s"), ("job:x:sum1d", "1d")],
    ]
