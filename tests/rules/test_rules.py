"""Every rule is proven by promtool's unit tests: real values at the edges, and for each alert a case where it is silent.

They hold for Prometheus 2 and for 3, whose windows leave out the sample at their far edge.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from jobgauge.rules import main
from tests.support.promtool_tests import in_order
from tests.support.servers import PROMETHEUS_3

TESTS = sorted(Path(__file__).parent.glob("*.test.yml"))


@pytest.mark.parametrize("promtool", ["promtool", PROMETHEUS_3 / "promtool"], ids=["2", "3"])
@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name.removesuffix(".test.yml"))
def test_promtool(test: Path, promtool: str | Path, tmp_path: Path) -> None:
    text = test.read_text(encoding="utf-8")
    settings = re.match(r"# jobgauge-rules (.*)\n", text)
    assert main(["--out", str(tmp_path), *(settings[1].split() if settings else [])]) == 0
    (tmp_path / test.name).write_text(in_order(text, tmp_path), encoding="utf-8")
    done = subprocess.run(
        [promtool, "test", "rules", test.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
