"""A virtual machine with a real Slurm and the project installed, in which a program of tests/support/vm_node runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support import vm

REPOSITORY = Path(__file__).parents[2]
_SUPPORT = REPOSITORY / "tests" / "support"
_FILES = {
    "vm_node": _SUPPORT / "vm_node",
    "slurm.sh": _SUPPORT / "vm_slurm.sh",
    "prolog.sh": REPOSITORY / "packaging/slurm/prolog.sh",
    "epilog.sh": REPOSITORY / "packaging/slurm/epilog.sh",
}


def run(release: str, program: str, *, cgroup_conf: str = "", timeout: float = 500.0) -> Any:
    """Return what the program printed, as JSON; `cgroup_conf` is a line more for Slurm's cgroup.conf."""
    settings = f"export PROGRAM={program} CGROUP_MORE='{cgroup_conf}'"
    script = (_SUPPORT / "vm_node/main.sh").read_text().replace("\n", f"\n{settings}\n", 1)
    with tempfile.TemporaryDirectory(prefix="jobgauge-") as folder:
        installed = _install(Path(folder) / "jobgauge")
        ended = vm.run(release, script, {**_FILES, "jobgauge": installed}, memory=2000, timeout=timeout)
    return json.loads(ended.output)


def _install(folder: Path) -> Path:
    """Have pip install the project's packages and commands in a folder."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--no-compile"]
    subprocess.run([*pip, *offline, "--target", folder, REPOSITORY], check=True, timeout=120)
    return folder
