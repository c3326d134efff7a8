"""The container file, built by the real buildah on a base of Debian's packages, without a registry."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class Image:
    """The image of a checkout, below `folder`."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self._folder = folder
        self._buildah("build", "--layers=false", "--build-arg", f"BASE={self._base()}", "--tag", "image",
                      "--file", checkout / "packaging/container/Containerfile", checkout)  # fmt: skip
        self._container = self._buildah("from", "image").strip()

    def configuration(self) -> dict[str, Any]:
        """Return what the image tells whoever runs it."""
        told = json.loads(self._buildah("inspect", "--type", "image", "image"))
        return dict(told["OCIv1"]["config"])

    def run(self, command: Sequence[str], mounts: dict[str, Path] | None = None) -> str:
        """Run a command as the image's user, with folders and files of this machine mounted read-only."""
        volumes = [
            part for inside, here in (mounts or {}).items() for part in ("--volume", f"{here}:{inside}:ro")
        ]
        return self._buildah("run", *volumes, self._container, "--", *command)

    def _base(self) -> str:
        """Make an image with Debian's Python, and this machine's way to its package index."""
        base = self._folder / "base"
        packages = ["base-files", "bash", "coreutils", "sed", "python3", "python3-venv"]
        fetch = [ROOT / "packaging/tools/debian-release-package.sh", "--with-dependencies", "bookworm", base]
        subprocess.run([*fetch, *packages], capture_output=True, check=True)
        (base / "bin/sh").symlink_to("bash")
        (base / "usr/bin/python").symlink_to("python3")
        for file in (_CERTIFICATES, Path("/etc/pip.conf")):
            if file.exists():
                target = base / file.relative_to("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
        container = self._buildah("from", "scratch").strip()
        self._buildah("add", "--quiet", container, base, "/")
        self._buildah(
            "config", "--env", "PATH=/usr/bin:/bin", "--env", f"PIP_CERT={_CERTIFICATES}", container
        )
        self._buildah("commit", "--quiet", container, "base")
        return "localhost/base"

    def _buildah(self, *arguments: str | Path) -> str:
        storage = [
            "--root",
            self._folder / "storage",
            "--runroot",
            self._folder / "run",
            "--storage-driver",
            "vfs",
        ]
        done = subprocess.run(
            ["buildah", *storage, *arguments],
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": str(self._folder),
                "BUILDAH_ISOLATION": "chroot",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout
