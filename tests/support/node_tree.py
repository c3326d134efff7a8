"""A node for the job exporter: cgroups, /proc and users below a folder, and what a scrape of it must show.

The numbers are made here, and turned into files and into expected values here; nothing of the exporter is used.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.process_tree import ProcessTree

SCOPE = "system.slice/slurmstepd.scope"
BOOT = 1_700_000_000  # Unix time at which the machine started
TICKS = os.sysconf("SC_CLK_TCK")
Key = tuple[str, frozenset[tuple[str, str]]]


def key(name: str, **labels: str) -> Key:
    """Return how a series is known in expectations: its name and all its labels."""
    return name, frozenset(labels.items())


@dataclass
class CgroupV2:
    """The figures of one cgroup; each has a value of its own, so that no two can be taken for one another."""

    seed: int
    cpus: str = "0-3"
    cpu_count: int = 4
    limit: int | None = None

    def files(self) -> dict[str, str]:
        """Return the text of every file, as Linux 6.8 writes them."""
        n = self.seed
        stat = {name: n * 4096 * (i + 1) for i, name in enumerate(_MEMORY_STAT.split())}
        return {
            "cgroup.events": "populated 1\nfrozen 0\n",
            "cgroup.procs": "",
            "cgroup.stat": "nr_descendants 7\nnr_dying_descendants 0\n",
            "cgroup.subtree_control": "cpuset cpu io memory pids\n",
            "cpu.stat": f"usage_usec {n * 10_000_003}\nuser_usec {n * 9_000_001}\nsystem_usec {n * 1_000_002}\n"
            f"core_sched.force_idle_usec 0\nnr_periods {n}\nnr_throttled {n}\nthrottled_usec {n * 31}\n"
            "nr_bursts 0\nburst_usec 0\n",
            "cpu.max": "max 100000\n",
            "cpuset.cpus.effective": self.cpus + "\n",
            "memory.current": f"{n * 1_000_448}\n",
            "memory.peak": f"{n * 2_000_896}\n",
            "memory.max": "max\n" if self.limit is None else f"{self.limit}\n",
            "memory.swap.current": f"{n * 8192}\n",
            "memory.events": f"low 0\nhigh {n * 11}\nmax {n * 13}\noom {n * 17}\noom_kill {n * 19}\noom_group_kill 0\n",
            "cpu.pressure": _pressure(n * 1_000_100, n * 900),
            "memory.pressure": _pressure(n * 2_000_200, n * 1_000_800),
            "io.pressure": _pressure(n * 3_000_300, n * 2_000_700),
            "io.stat": f"259:0 rbytes={n * 4101} wbytes={n * 4102} rios={n * 43} wios={n * 44} dbytes=0 dios=0\n"
            f"8:16 rbytes={n * 5101} wbytes={n * 5102} rios={n * 53} wios={n * 54} dbytes=0 dios=0\n",
            "memory.stat": "".join(f"{name} {value}\n" for name, value in stat.items()),
        }

    def expected(self, **job: str) -> dict[Key, float]:
        """Return the series that these files make."""
        n = self.seed
        place = {name: i + 1 for i, name in enumerate(_MEMORY_STAT.split())}
        found = {
            key("hpc_job_cpu_seconds_total", mode="user", **job): n * 9_000_001 / 1e6,
            key("hpc_job_cpu_seconds_total", mode="system", **job): n * 1_000_002 / 1e6,
            key("hpc_job_cpu_throttled_seconds_total", **job): n * 31 / 1e6,
            key("hpc_job_cpus", **job): self.cpu_count,
            key("hpc_job_memory_usage_bytes", **job): n * 1_000_448,
            key("hpc_job_memory_peak_bytes", **job): n * 2_000_896,
            key("hpc_job_memory_swap_bytes", **job): n * 8192,
            key("hpc_job_memory_rss_bytes", **job): n * 4096 * place["anon"],
            key("hpc_job_memory_cache_bytes", **job): n * 4096 * place["file"],
            key("hpc_job_memory_kernel_bytes", **job): n * 4096 * place["kernel"],
            key("hpc_job_memory_shmem_bytes", **job): n * 4096 * place["shmem"],
            key("hpc_job_memory_mapped_bytes", **job): n * 4096 * place["file_mapped"],
        }
        for event, factor in (("high", 11), ("max", 13), ("oom", 17), ("oom_kill", 19)):
            found[key("hpc_job_memory_events_total", event=event, **job)] = n * factor
        for resource, some, full in (
            ("cpu", 1_000_100, 900),
            ("memory", 2_000_200, 1_000_800),
            ("io", 3_000_300, 2_000_700),
        ):
            for kind, factor in (("some", some), ("full", full)):
                found[key("hpc_job_pressure_seconds_total", resource=resource, kind=kind, **job)] = (
                    n * factor / 1e6
                )
        # The name of 259:0 is in the tree's /sys; 8:16 is not there.
        for device, factor in (("nvme0n1", 0), ("8:16", 10)):
            for direction, step in (("read", 1), ("write", 2)):
                way = {"device": device, "direction": direction, **job}
                found[key("hpc_job_io_bytes_total", **way)] = n * (4100 + 100 * factor + step)
                found[key("hpc_job_io_operations_total", **way)] = n * (42 + factor + step)
        if self.limit is not None:
            found[key("hpc_job_memory_limit_bytes", **job)] = self.limit
        return found


def _pressure(some: int, full: int) -> str:
    return "".join(
        f"{kind} avg10=0.12 avg60=3.40 avg300=0.00 total={total}\n"
        for kind, total in (("some", some), ("full", full))
    )


# The order of Linux 6.8, bytes before counts.
_MEMORY_STAT = (
    "anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped file_mapped "
    "file_dirty file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon inactive_file "
    "active_file unevictable slab_reclaimable slab_unreclaimable slab workingset_refault_anon pgscan pgsteal "
    "pgfault pgmajfault thp_fault_alloc"
)


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


@dataclass
class JobTree:
    """One job of a node."""

    node: NodeTree
    jobid: str
    uid: int
    folder: Path
    figures: CgroupV2
    processes: list[ProcessTree] = field(default_factory=list)

    def write(self, files: dict[str, str]) -> None:
        """Write files of the job's own cgroup."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self.folder / name).write_text(text)

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
            if inner.is_relative_to(self.folder) and not (inner / "cgroup.procs").exists():
                (inner / "cgroup.procs").write_text("")
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
        start = BOOT + (self.figures.seed * 100 - 40) / TICKS
        return (
            self.figures.expected(**labels)
            | self._expected_processes(labels)
            | {key("hpc_job_start_time_seconds", **labels): start}
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
        shutil.rmtree(self.folder)
