"""A small Linux in a folder for the real rpm and dpkg: a shell, Python, systemd-sysusers, and a systemctl that writes down its calls."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

PYTHON = "3.11"
_STDLIB = Path(f"/usr/lib/python{PYTHON}")
_PROGRAMS = [
    "/bin/sh",
    "/bin/rm",
    "/bin/mkdir",
    "/bin/mv",
    f"/usr/bin/python{PYTHON}",
    "/usr/bin/systemd-sysusers",
]
# What compiled wheels load: glibc and the compiler's libraries, as in every distribution.
_RUNTIME = ["libgcc_s.so.1", "libstdc++.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"]
# What other packages of a distribution own.
_FOLDERS = [
    "dev",
    "proc",
    "etc",
    "tmp",
    "run",
    "var/lib/rpm",
    "var/lib/dpkg/updates",
    "var/lib/dpkg/info",
    "var/tmp",
    "usr/bin",
    "usr/lib64",
    "usr/lib/systemd/system",
    "usr/lib/sysusers.d",
    "usr/share/doc",
    "usr/share/licenses",
]
# An own mount namespace, which takes /dev and /proc with it when the command ends.
_INSIDE = 'root=$1; shift; for d in dev proc; do mount --rbind /$d "$root/$d" || exit 99; done; exec "$@"'
_USUAL = re.compile(r"Creating (user|group) |warning: /etc/jobgauge/\S+ (created|saved) as ")
_NAMESPACE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


class Root:
    """The folder, and a package manager at work in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for folder in _FOLDERS:
            (path / folder).mkdir(parents=True)
        for name in ("bin", "lib", "lib64"):
            (path / name).symlink_to(f"usr/{name}")
        (path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nalice:x:5001:5001::/:/bin/sh\n")
        (path / "etc/group").write_text("root:x:0:\n")
        shutil.copytree(
            _STDLIB,
            path / f"usr/lib/python{PYTHON}",
            ignore=shutil.ignore_patterns("test", "config-*", "__pycache__"),
        )
        loaded = [
            *_STDLIB.glob("lib-dynload/*.so"),
            *(lib for name in _RUNTIME for lib in Path("/usr/lib").glob(f"*/{name}")),
        ]
        for file in [*_PROGRAMS, *map(str, loaded)]:
            for needed in [file, *_libraries(file)]:
                self._copy(needed)
        self._calls = path / "tmp/systemctl"
        self._calls.touch()
        systemctl = path / "usr/bin/systemctl"
        systemctl.write_text('#!/bin/sh\necho "$@" >>/tmp/systemctl\n')
        systemctl.chmod(0o755)

    def _copy(self, file: str) -> None:
        target = self.path / file.lstrip("/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)

    def rpm(self, *arguments: str | Path) -> str:
        """Run the machine's rpm on the folder; return what it printed, and fail where it or a script complains."""
        done = self._run(
            ["rpm", "--force-debian", "--root", self.path, "--dbpath", "/var/lib/rpm", *arguments]
        )
        complaints = [line for line in done.stderr.splitlines() if not _USUAL.match(line)]
        assert (done.returncode, complaints) == (0, []), done.stderr
        return done.stdout

    def erase_all(self) -> None:
        """Erase every package that is installed."""
        self.rpm("-e", "--nodeps", *self.rpm("-qa", "--qf", "%{NAME}\n").split())

    def dpkg(self, *arguments: str | Path) -> str:
        """Run the machine's dpkg on the folder, without questions; return what it printed, and fail where it fails."""
        (self.path / "var/lib/dpkg/status").touch()
        done = self._run(["dpkg", "--root", self.path, "--force-depends", "--force-confold", *arguments])
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder."""
        return self._run(["chroot", self.path, *command], environment)

    def _run(
        self, command: list[str | Path], environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        path = "/usr/sbin:/usr/bin:/sbin:/bin"
        return subprocess.run(
            [*_NAMESPACE, "sh", "-c", _INSIDE, "sh", self.path, *command],
            env={"PATH": path, "HOME": "/", **(environment or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def systemctl_calls(self) -> list[str]:
        """Return how systemctl was called since the last look."""
        calls = self._calls.read_text().splitlines()
        self._calls.write_text("")
        return calls

    def files(self) -> dict[str, bytes]:
        """Return everything there is but the package managers' own databases."""
        return {
            name: path.read_bytes() if path.is_file() else b""
            for path in sorted(self.path.rglob("*"))
            if not (name := str(path.relative_to(self.path))).startswith(("var/lib/rpm", "var/lib/dpkg"))
        }


def _libraries(file: str) -> list[str]:
    listing = subprocess.run(["ldd", file], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", listing)
