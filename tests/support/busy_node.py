"""A node of many jobs, which come and go as quickly as a disk allows: whole directories are moved into place and away."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from tests.support.cgroup_v2 import CgroupV2
from tests.support.node_tree import SCOPE, TICKS, NodeTree

_ON = "cpuset cpu io memory pids\n"


class BusyNode:
    """Jobs with four slurmstepds and any number of the user's processes."""

    def __init__(self, root: Path) -> None:
        self.tree = NodeTree(root)
        self.tree.user("alice", 5001)
        self.scope = self.tree.cgroups / SCOPE
        self._staging = root / "staging"  # beside the scope, where nobody looks
        self._staging.mkdir()
        self._pids = count(1000)
        self._of: dict[str, list[int]] = {}  # processes, by job

    def begin(self, jobid: str, seed: int, processes: int = 1) -> Path:
        """Add a job at once; return its directory."""
        folder = self._staging / f"job_{jobid}"
        pids = [next(self._pids) for _ in range(4 + processes)]
        daemons, users = pids[:4], pids[4:]
        for group, inside in {"": [], "step_0": [], "step_0/slurm": daemons, "step_0/task_0": users}.items():
            (folder / group).mkdir()
            (folder / group / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in inside))
            (folder / group / "cgroup.subtree_control").write_text("" if inside else _ON)
        for name, text in CgroupV2(seed, limit=1 << 30).files().items():
            if name not in ("cgroup.procs", "cgroup.subtree_control"):
                (folder / name).write_text(text)
        self._begin_processes(daemons, 0, f"job_{jobid}/step_0/slurm")
        self._begin_processes(users, 5001, f"job_{jobid}/step_0/task_0")
        self._of[jobid] = pids
        return folder.rename(self.scope / folder.name)

    def end(self, jobid: str) -> None:
        """Take a job away at once; who has the lists of its processes open finds them empty, as the kernel shows them."""
        for group in ("slurm", "task_0"):
            (self.scope / f"job_{jobid}/step_0/{group}/cgroup.procs").write_text("")
        gone = (self.scope / f"job_{jobid}").rename(self._staging / f"gone_{jobid}")
        for pid in self._of.pop(jobid):
            (self.tree.proc / str(pid)).unlink()
        shutil.rmtree(gone)

    def _begin_processes(self, pids: Sequence[int], uid: int, cgroup: str) -> None:
        """Add processes that are alike: the numbers are links to one directory, since thousands take long to make."""
        folder = self._staging / str(pids[0])
        folder.mkdir()
        (folder / "cgroup").write_text(f"0::/{SCOPE}/{cgroup}\n")
        (folder / "status").write_text(f"Name:\ta.out\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
        (folder / "stat").write_text(
            f"{pids[0]} (a.out) S 1 1 1 0 -1 4194560 9 0 3 0 {7 * TICKS} 0 0 0 20 0 1 0 {pids[0]} 200000 90 0\n"
        )
        for pid in pids:
            (self.tree.proc / str(pid)).symlink_to(folder)
