"""The rules' tests notice a broken rule: each way to break a formula makes at least one of them fail.

Every rule is broken in every way of BREAKS that fits it, one at a time, and the tests of its file run on the result.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from jobgauge.rules import main
from tests.support.promtool_tests import in_order

HERE = Path(__file__).parent
TESTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.test.yml"))}
COMPAT = [
    path.name.removesuffix(".rules.yml")
    for path in HERE.parents[1].glob("recording_rules/compat/*.rules.yml")
]
# What to look for in a formula, and what to put there instead.
BREAKS = {
    "another rate": (r"\birate\(", "increase("),
    # Not where sum only drops a label that has one value there.
    "max for sum": (
        r"\bsum by\b(?! \([a-z_, ]+\) \(\s*(label_replace\(cluster|\w+:\w+:rate{direction))",
        "max by",
    ),
    # Not where max only drops labels: (cluster, instance, jobid, ...) has one series.
    "min for max": (r"\bmax by (?!\(cluster, instance)", "min by "),
    "max for min": (r"\bmin by\b", "max by"),
    "sum for count": (r"\bcount by\b", "sum by"),
    "max for average": (r"\bavg_over_time\(", "max_over_time("),
    "all of the window for a share": (r"\bquantile_over_time\(\s*(1 - )?0\.5", "quantile_over_time(1"),
    "any of the window for a share": (r"\bquantile_over_time\(\s*(1 - )?0\.5", "quantile_over_time(0"),
    "another threshold": (r" bool [\d.]+", " bool 0.6"),
    "no cluster": (r"\(cluster, ", "("),
    "no user": (r", user, account\)", ", account)"),
    "no account": (r", account\)", ")"),
    "no instance": (r", instance, jobid", ", jobid"),
    "added, not taken away": (r" - (?!on)", " + "),
    "below for above": (r" > (?=[\d.*]|on)", " < "),
    "above for below": (r" < (?=[\d.*])", " > "),
    "unit": (r" / (1e9|3600)\b", ""),
    "cut": (r"clamp_min\((.*), 0\)", r"(\1)"),
    "short window": (
        r"((?:last_over_time|min_over_time)\([^)]*|irate\(hpc_job_cpu_[^)]*)\[300s\]",
        r"\1[30s]",
    ),
    "no bridge over a missed scrape": (r" == 0\n", " == 2\n"),
    "sessions on login nodes": (r'jobid!~"user-', 'jobid!~"nobody-'),
    "no requeue": (r"max_over_time\(hpc_job_start_time", "0 * max_over_time(hpc_job_start_time"),
}


def broken(text: str) -> Iterator[tuple[str, str]]:
    """Each way to break a file: what was done to which rule, and the whole file then."""
    page = yaml.safe_load(text)
    for group in page["groups"]:
        for rule in group["rules"]:
            whole = rule["expr"]
            for name, (pattern, instead) in BREAKS.items():
                for match in re.finditer(pattern, whole):
                    rule["expr"] = whole[: match.start()] + match.expand(instead) + whole[match.end() :]
                    yield (
                        f"{rule.get('record') or rule['alert']}: {name} at {match.start()}",
                        yaml.safe_dump(page),
                    )
            rule["expr"] = whole


def noticed(folder: Path, tests: list[str]) -> bool:
    done = subprocess.run(
        ["promtool", "test", "rules", *tests], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "parse error" not in done.stdout + done.stderr
    return done.returncode != 0


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "file",
    sorted(p.name for p in HERE.parents[1].glob("recording_rules/**/*s.yml") if p.name != "settings.yml"),
)
def test_every_break_is_noticed(file: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    assert main(["--out", str(whole), *(f"--compat={name}" for name in COMPAT)]) == 0
    tests = [
        name
        for name, text in TESTS.items()
        if re.search(rf"\b{re.escape(file)}\b", text)
        and not re.match("# jobgauge-rules --(scrape|exempt|job)", text)
    ]
    cases = list(broken((whole / file).read_text(encoding="utf-8")))

    def survives(number: int) -> bool:
        folder = tmp_path / str(number)
        folder.mkdir()
        for path in whole.iterdir():
            (folder / path.name).symlink_to(path)
        for test in tests:
            (folder / test).write_text(in_order(TESTS[test], whole), encoding="utf-8")
        (folder / file).unlink()
        (folder / file).write_text(cases[number][1], encoding="utf-8")
        return not noticed(folder, tests)

    assert tests
    with ThreadPoolExecutor(2) as pool:
        survivors = [cases[i][0] for i, alive in enumerate(pool.map(survives, range(len(cases)))) if alive]
    assert not survivors, "\n".join(survivors)
