"""The cgroups of one real Slurm's node, apart from those of other clusters that tests run on the same machine."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("freezer", "memory", "cpuset", "cpuacct", "devices")


def only(node: str, folder: Path) -> Path:
    """Make a folder in which each controller of cgroup v1 has this node's tree and no other."""
    for controller in _CONTROLLERS:
        (folder / controller).mkdir(parents=True)
        (folder / controller / f"slurm_{node}").symlink_to(ROOT / controller / f"slurm_{node}")
    return folder
