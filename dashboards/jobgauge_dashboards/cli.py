"""The command `jobgauge-dashboards`: writes the boards and Grafana's provisioning files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jobgauge.config import Loader
from jobgauge.errors import ConfigError
from jobgauge_dashboards import provisioning
from jobgauge_dashboards.boards import BOARDS
from jobgauge_dashboards.settings import Settings

PROGRAM = "jobgauge-dashboards"
_ABOUT = """\
Write Jobgauge's Grafana boards, one JSON file each, and the provisioning files that load them.

  jobgauge-dashboards --out /etc/grafana/jobgauge --config.file /etc/jobgauge/dashboards.yml

Boards lie in one folder a role (users, pis, staff, operators, management). The same settings write the same bytes."""


def render(settings: Settings) -> dict[str, str]:
    """Return all files by their path below the output folder."""
    files = provisioning.files(settings)
    for build in BOARDS:
        board = build(settings)
        path = f"{board.role.slug}/{board.uid}.json"
        files[path] = json.dumps(board.to_json(settings), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return files


def write(files: dict[str, str], out: Path) -> None:
    """Write the files, each at once, so that a Grafana that watches the folder reads no half of one."""
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(content, encoding="utf-8")
        new.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    loader = Loader(Settings, program=PROGRAM, about=_ABOUT, argv=arguments, environment=os.environ)
    try:
        settings = loader.load()
        if loader.action.check_config:
            print(f"{PROGRAM}: configuration is good")  # noqa: T201 - what --check-config is for
            return 0
        write(render(settings), settings.folder)
    except ConfigError as error:
        return _complain(str(error), 2)
    except OSError as error:
        return _complain(f"cannot write {error.filename}: {error.strerror}", 1)
    return 0


def _complain(message: str, code: int) -> int:
    print(f"{PROGRAM}: {message}", file=sys.stderr)  # noqa: T201 - for who typed the command
    return code
