"""A node for the job exporter: cgroups, /proc and users below a folder, and what a scrape of it must show.

The numbers are made here, and turned into files and into expected values here; nothing of the exporter is used.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.cgroup_v1 import CgroupV1
from tests.support.cgroup_v2 import CgroupV2
from tests.support.expectation import Key, key
from tests.support.process_tree import ProcessTree

SCOPE = "system.slice/slurmstepd.scope"
BOOT = 1_700_000_000  # Unix time at which the machine started
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class NodeTree:
    """A node below `root`."""

    root: Path
    next_pid: int = 1000
    jobs: list[JobTree] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the folders that are there before any job."""
        for folder in (self.cgroups / SCOPE / "system", self.proc):
            folder.mkdir(parents=True)
        (self.cgroups / SCOPE / "cgroup.procs").write_text("")
        device = self.sys / "dev/block/259:0"
        device.mkdir(parents=True)
        (device / "uevent").write_text("MAJOR=259\nMINOR=0\nDEVNAME=nvme0n1\nDEVTYPE=disk\n")
        (self.proc / "stat").write_text(f"cpu  1 2 3\nbtime {BOOT}\nprocesses 7\n")
        (self.proc / "net").mkdir()
        (self.proc / "net/dev").write_text(
            "Inter-|   Receive |  Transmit\n    lo: 5 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n"
        )
        self.passwd.write_text("root:x:0:0:root:/root:/bin/bash\n")

    @property
    def cgroups(self) -> Path:
        return self.root / "cgroup"

    @property
    def proc(self) -> Path:
        return self.root / "proc"

    @property
    def sys(self) -> Path:
        return self.root / "sys"

    @property
    def passwd(self) -> Path:
        return self.root / "passwd"

    @property
    def facts(self) -> Path:
        return self.root / "facts"

    @property
    def flags(self) -> list[str]:
        """The flags that point the exporter here."""
        return [
            f"--path.cgroupfs={self.cgroups}",
            f"--path.procfs={self.proc}",
            f"--path.sysfs={self.sys}",
            f"--path.passwd={self.passwd}",
            f"--path.job-facts={self.facts}",
        ]

    def user(self, name: str, uid: int) -> None:
        """Add a user."""
        with self.passwd.open("a") as file:
            file.write(f"{name}:x:{uid}:{uid}::/home/{name}:/bin/bash\n")

    def write_facts(self, jobid: str, text: str) -> Path:
        """Write what a prolog would."""
        self.facts.mkdir(mode=0o755, exist_ok=True)
        path = self.facts / jobid
        path.write_text(text)
        path.chmod(0o644)
        return path

    def job(
        self, jobid: str, uid: int, seed: int, *, name: str = "", scope: str = SCOPE, limit: int | None = None
    ) -> JobTree:
        """Add a Slurm job with a batch step of two processes, and an extern step."""
        job = JobTree(
            self, jobid, uid, self.cgroups / scope / (name or f"job_{jobid}"), CgroupV2(seed, limit=limit)
        )
        job.write(job.figures.files())
        job.stepd("batch")
        job.process("step_batch/user/task_0", "bash", ["/bin/bash", "slurm_script"], start=seed * 100)
        job.process(
            "step_batch/user/task_0",
            "python3",
            ["python3", "train.py"],
            start=seed * 100 + 50,
            ticks=seed * 1009,
            states="RSSSD",
            exe="/opt/python/bin/python3.12",
        )
        job.stepd("extern")
        job.process(
            "step_extern/user/task_special", "sleep", ["sleep", "100000000"], uid=0, start=seed * 100 - 30
        )
        self.jobs.append(job)
        return job

    def job_v1(
        self,
        jobid: str,
        uid: int,
        seed: int,
        below: str,
        *,
        limit: int | None = None,
        trees: Sequence[str] = ("freezer", "memory", "cpuacct", "cpuset", "devices"),
    ) -> JobTree:
        """Add a job on cgroup v1, in the folder `below` of each tree; processes are in its cgroup and one deeper."""
        job = JobTree(self, jobid, uid, self.cgroups / trees[0] / below, CgroupV1(seed, limit), trees=trees)
        job.write(job.figures.files())
        job.process("", "pbs_attach", ["sh"], uid=0, start=seed * 100 - 40)
        job.process("", "bash", ["/bin/bash", "script"], start=seed * 100)
        job.process(
            "step_0/task_0", "a.out", ["a.out"], start=seed * 100, ticks=seed * 200, states="RD", exe="/a.out"
        )
        self.jobs.append(job)
        return job


@dataclass
class JobTree:
    """One job of a node."""

    node: NodeTree
    jobid: str
    uid: int
    folder: Path
    figures: CgroupV2 | CgroupV1
    processes: list[ProcessTree] = field(default_factory=list)
    trees: Sequence[str] = ()  # of cgroup v1

    def write(self, files: dict[str, str]) -> None:
        """Write files of the job's own cgroup."""
        for name, text in files.items():
            path = self.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def path(self, name: str) -> Path:
        """Return where a file of the job's is."""
        if not self.trees:
            return self.folder / name
        below = self.folder.relative_to(self.node.cgroups / self.trees[0])
        return self.node.cgroups / name.partition(".")[0] / below / name

    def stepd(self, step: str) -> ProcessTree:
        """Add a step's slurmstepd, as root starts it."""
        return self.process(
            f"step_{step}/slurm",
            "slurmstepd",
            [f"slurmstepd: [{self.jobid}.{step}]"],
            uid=0,
            start=self.figures.seed * 100 - 40,
        )

    def process(
        self, group: str, comm: str, words: list[str], *, uid: int | None = None, start: int = 0, **more: Any
    ) -> ProcessTree:
        """Add a process in a cgroup below the job's."""
        folder = self.folder / group
        process = ProcessTree(
            self.node.proc,
            self.node.next_pid,
            self.uid if uid is None else uid,
            comm,
            words,
            "/" + str(folder.relative_to(self.node.cgroups)),
            start,
            **more,
        )
        self.node.next_pid += len(process.states)
        process.write()
        self.processes.append(process)
        folder.mkdir(parents=True, exist_ok=True)
        for inner in (self.folder, *folder.parents):
            if not inner.is_relative_to(self.folder):
                continue
            if not (inner / "cgroup.procs").exists():
                (inner / "cgroup.procs").write_text("")
            if (
                not self.trees
            ):  # processes are in leaves only: the others have controllers on for what is below
                on = "" if inner == folder else "cpuset cpu io memory pids\n"
                (inner / "cgroup.subtree_control").write_text(on)
        self.list_processes(group)
        return process

    def list_processes(self, group: str) -> None:
        """Write the list of a cgroup's processes as they are now."""
        folder = self.folder / group
        name = "/" + str(folder.relative_to(self.node.cgroups))
        pids = [p.pid for p in self.processes if p.cgroup == name and p.folder.exists()]
        (folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))

    def labels(self, user: str, account: str = "") -> dict[str, str]:
        """Return the labels that all series of the job carry."""
        return {"jobid": self.jobid, "user": user, "account": account}

    def expected(self, user: str, account: str = "") -> dict[Key, float]:
        """Return every series of the job."""
        labels = self.labels(user, account)
        start = BOOT + min(process.start for process in self.processes) / TICKS
        return (
            self.figures.expected(**labels)
            | self._expected_processes(labels)
            | {key("hpc_job_start_time_seconds", **labels): start}
            | {
                key("hpc_job_node_exclusive", **labels): float(
                    sum(job.folder.exists() for job in self.node.jobs) == 1
                )
            }
        )

    def _expected_processes(self, labels: dict[str, str]) -> dict[Key, float]:
        own = [process for process in self.processes if process.uid and process.folder.exists()]
        states = "".join(process.states for process in own)
        found: dict[Key, float] = {key("hpc_job_processes", **labels): len(own)}
        for letter, state in zip(
            "RSDTZ", ("running", "sleeping", "uninterruptible", "stopped", "zombie"), strict=True
        ):
            found[key("hpc_job_threads", state=state, **labels)] = states.count(letter)
        used: dict[str, int] = {}
        for process in own:
            program = process.exe or process.comm
            used[program] = used.get(program, 0) + process.ticks
        # A program that has used less than a second does not get a series.
        for program in [name for name, ticks in used.items() if ticks >= 100]:
            found[key("hpc_job_process_cpu_seconds_total", exe=program, **labels)] = used.pop(program) / TICKS
        found[key("hpc_job_process_cpu_seconds_total", exe="other", **labels)] = sum(used.values()) / TICKS
        return found

    def end(self) -> None:
        """Remove the job, as the scheduler does."""
        below = self.folder.relative_to(self.node.cgroups / self.trees[0]) if self.trees else ""
        for folder in [self.node.cgroups / tree / below for tree in self.trees] or [self.folder]:
            shutil.rmtree(folder, ignore_errors=True)
