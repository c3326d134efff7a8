"""A virtual machine with a kernel of its own and cgroup v2, in software (QEMU without KVM): it boots in seconds, anywhere.

    vm = run("trixie", script, {"jobgauge": folder})   script: what runs there as root, in a folder with these files

Its file system is made once for each Debian release by `make vm`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
IMAGES = HERE.parents[1] / "build" / "vm"
_STATUS = re.compile(r"^exit status (\d+)\r?$", re.MULTILINE)


@dataclass(frozen=True)
class Ended:
    """What a virtual machine left behind."""

    output: str  # of the script
    console: str  # its errors, and the kernel's messages


def run(
    release: str,
    script: str,
    files: Mapping[str, Path],
    *,
    memory: int = 1500,
    cpus: int = 2,
    timeout: float = 100.0,
) -> Ended:
    """Boot, run the script (it needs its `#!` line) in a folder with the files, power off; fail unless it ended well."""
    image = IMAGES / release
    assert image.exists(), f"{image} is not there: make vm"
    with tempfile.TemporaryDirectory(prefix="jobgauge-vm-") as folder:
        work = Path(folder)
        (work / "initrd").write_bytes(image.read_bytes() + _archive(work / "root", script, files))
        command = [
            *("qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-smp", str(cpus)),
            *("-m", str(memory), "-nic", "none", "-display", "none", "-monitor", "none", "-no-reboot"),
            *("-kernel", str(IMAGES / "kernel"), "-initrd", str(work / "initrd")),
            *("-append", "console=ttyS0 quiet psi=1 panic=-1 rdinit=/init"),
            *("-serial", f"file:{work}/console", "-serial", f"file:{work}/output"),
        ]
        try:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=timeout
            )
            late = ""
        except subprocess.TimeoutExpired:
            late = f" within {timeout:g} s"
        ended = Ended(
            (work / "output").read_text(errors="replace"), (work / "console").read_text(errors="replace")
        )
    status = _STATUS.findall(ended.console)
    assert status == ["0"], (
        f"the script did not end well{late}:\n{ended.console[-6000:]}\n{ended.output[-2000:]}"
    )
    return ended


def _archive(root: Path, script: str, files: Mapping[str, Path]) -> bytes:
    """Return what is laid over the image: the first process, the script and its files."""
    payload = root / "payload"
    payload.mkdir(parents=True)
    shutil.copy(HERE / "vm_init.sh", root / "init")
    (payload / "script").write_text(script)
    for name, path in files.items():
        target = payload / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, target)
    for program in (root / "init", payload / "script"):
        program.chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    return subprocess.run(
        ["cpio", "--quiet", "-o", "-H", "newc", "--owner=0:0"],
        cwd=root,
        input=names.encode(),
        capture_output=True,
        check=True,
    ).stdout
