"""VictoriaMetrics and its vmalert record the same numbers: the tests of the recording rules hold there too.

vmalert evaluates over the past (`-replay`), one level of rules at a time. Unlike a vmalert that is alive it does not say
when a series has ended, so the test says it.
"""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from jobgauge.config import duration
from jobgauge.rules import main
from jobgauge_demo.importer import Rule, levels
from tests.support import promtool_tests
from tests.support.promtool_tests import Case, Scenario
from tests.support.remote_write import Written
from tests.support.servers import Server, running

HERE = Path(__file__).parent
FILES = [path for path in sorted(HERE.glob("*.test.yml")) if any(promtool_tests.read(path))]
COMPAT = [
    path.name.removesuffix(".rules.yml")
    for path in HERE.parents[1].glob("recording_rules/compat/*.rules.yml")
]
DAY = 86400.0


@pytest.mark.system
@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name.removesuffix(".test.yml"))
def test_same_numbers(file: Path, tmp_path: Path) -> None:
    text = file.read_text(encoding="utf-8")
    settings = re.match(r"# jobgauge-rules (.*)\n", text)
    written, chosen = tmp_path / "written", tmp_path / "chosen"
    assert (
        main(
            [
                "--out",
                str(written),
                *(f"--compat={name}" for name in COMPAT),
                *(settings[1].split() if settings else []),
            ]
        )
        == 0
    )
    chosen.mkdir()
    for name in yaml.safe_load(text)["rule_files"]:
        (chosen / name).symlink_to(written / name)
    tests = list(promtool_tests.read(file))
    begins = [
        10 * DAY * number for number in range(1, len(tests) + 1)
    ]  # days apart, so that none sees another's
    wrong = []
    with running("victoria-metrics", tmp_path / "victoria-metrics") as server:
        server.feed(one for test, begin in zip(tests, begins, strict=True) for one in shifted(test, begin))
        for number, level in enumerate(levels(str(chosen))):
            for interval in sorted({group.interval for group, _ in level}):
                path = tmp_path / f"level{number}-{interval}.yml"
                rules = [rule for group, rule in level if group.interval == interval]
                path.write_text(
                    yaml.safe_dump({"groups": [{"name": "g", "interval": interval, "rules": rules}]}),
                    encoding="utf-8",
                )
                for test, begin in zip(tests, begins, strict=True):
                    replay(server, path, interval, begin, begin + test.end)
            server.flush()
            server.feed(ends(server, level, begins[-1] + tests[-1].end))
        for test, begin in zip(tests, begins, strict=True):
            wrong += [f"{test.name}: {problem}" for problem in problems(server, test, begin)]
    assert not wrong, "\n".join(wrong)


def shifted(test: Scenario, begin: float) -> Iterator[Written]:
    """A test's input as of another time; where a value is a time, it moves too."""
    for labels, samples in test.inputs.items():
        named = dict(labels)
        more = begin if is_time(named["__name__"]) else 0.0
        yield Written(named, [(at + begin, None if value is None else value + more) for at, value in samples])


def is_time(name: str) -> bool:
    return re.search(r"_time_seconds(:|$)", name) is not None


def replay(server: Server, rules: Path, interval: str, begin: float, end: float) -> None:
    """Let vmalert evaluate a group of rules from one time to another, every interval."""
    argv = [
        "vmalert",
        f"-rule={rules}",
        f"-datasource.url={server.url}",
        f"-datasource.queryStep={duration(interval):g}s",
        f"-remoteWrite.url={server.url}",
        f"-replay.timeFrom={datetime.fromtimestamp(begin, UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"-replay.timeTo={datetime.fromtimestamp(end + 1, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "-replay.rulesDelay=0s",
        "-replay.disableProgressBar",
        "-httpListenAddr=127.0.0.1:0",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def ends(server: Server, level: list[Rule], end: float) -> Iterator[Written]:
    """A stale marker where a recorded series has no sample at its next turn."""
    for group, rule in level:
        step = duration(group.interval)
        found = server.ask("query", query=f"{rule['record']}[{end:.0f}s]", time=end)["data"]["result"]
        for one in found:
            times = [at for at, _ in one["values"]]
            last = [
                at for at, later in zip(times, [*times[1:], math.inf], strict=True) if later - at > 1.5 * step
            ]
            yield Written(one["metric"], [(at + step, None) for at in last])


def problems(server: Server, test: Scenario, begin: float) -> Iterator[str]:
    for case in test.cases:
        # A moment later: at midnight itself an old VictoriaMetrics looks into the wrong day.
        answer = server.ask("query", query=case.expression, time=begin + case.at + 0.001)
        moved = begin if is_time(case.expression) else 0.0
        found = {
            series(one["metric"], case): float(one["value"][1]) - moved for one in answer["data"]["result"]
        }
        if found.keys() != case.expected.keys() or any(
            not math.isclose(found[key], value, rel_tol=1e-6, abs_tol=1e-9)
            for key, value in case.expected.items()
        ):
            yield f"{case.expression} at {case.at:g} s: {readable(found)}, expected {readable(case.expected)}"


def series(labels: Mapping[str, str], case: Case) -> frozenset[tuple[str, str]]:
    """A series that was found; VictoriaMetrics keeps the name where a function such as max_over_time keeps the meaning."""
    named = any(name == "__name__" for key in case.expected for name, _ in key)
    return frozenset((name, value) for name, value in labels.items() if named or name != "__name__")


def readable(found: Mapping[frozenset[tuple[str, str]], float]) -> str:
    return str({",".join(text for _, text in sorted(key)): value for key, value in found.items()})


def test_vmalert_takes_every_rule_and_template(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), *(f"--compat={name}" for name in COMPAT)]) == 0
    subprocess.run(["vmalert", "-dryRun", f"-rule={tmp_path}/*.yml"], check=True, capture_output=True)
