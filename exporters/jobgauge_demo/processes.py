"""The processes of a job on a node: the scheduler's own, the batch script and the tasks, with their threads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job
from jobgauge_demo.usage import Usage

_FIRST_PID = 3000
_BLOCK = 1024  # process numbers that belong to one job
_PID_MAX = 4 << 20
_REMEMBERED = 1024  # jobs on a node
_TASKS = 4  # processes that share the threads of a node's work
_TICK = 10_000  # microseconds
_SESSION = "session-4.scope"
_SCRIPT = "/var/spool/slurmd/job{:05d}/slurm_script"


@dataclass(frozen=True, slots=True)
class Process:
    """One process; its threads have the numbers from `pid` on."""

    pid: int
    group: str  # its cgroup, below the job's
    uid: int
    exe: str
    argv: tuple[str, ...]
    threads: int = 1
    running: int = 0  # of the threads
    waiting: int = 0  # for a disk or file system; the rest sleep
    share: float = 0.0  # of the job's CPU time

    @property
    def comm(self) -> str:
        """Return its name as the kernel keeps it."""
        return self.exe.rpartition("/")[2][:15]

    def states(self, *, stopped: bool = False) -> str:
        """Return the state of each thread, a letter each."""
        if stopped and self.uid:
            return "T" * self.threads
        busy = "R" * self.running + "D" * self.waiting
        return busy + "S" * (self.threads - len(busy))

    def ticks(self, used: Usage) -> tuple[int, int]:
        """Return its user and system time in clock ticks, as the job has used so much."""
        return int(self.share * used.user) // _TICK, int(self.share * used.system) // _TICK


def processes(cluster: Cluster, job: Job, node: str) -> tuple[Process, ...]:
    """Return a job's processes on a node, or a session's; the same ones for the whole run."""
    return _processes(cluster, job.lane, job.number, node)


@lru_cache(_REMEMBERED)
def _processes(cluster: Cluster, lane: int, number: int, node: str) -> tuple[Process, ...]:
    own = next(one for one in cluster.lanes_on(node) if one.index == lane)
    job = cluster.job(own, number)
    if job is None:
        return ()
    pid = _first_pid(cluster, job, node)
    found: list[Process] = []

    def add(group: str, uid: int, exe: str, *argv: str, threads: int = 1, running: int = 0, waiting: int = 0, share: float = 0.0) -> None:  # fmt: skip
        at = pid + sum(process.threads for process in found)
        found.append(Process(at, group, uid, exe, argv or (exe,), threads, running, waiting, share))

    def stepd(step: str) -> None:
        add(f"step_{step}/slurm", 0, "/usr/sbin/slurmstepd", f"slurmstepd: [{job.id}.{step}]")

    uid = job.user.uid
    if job.session:
        add(_SESSION, 0, "/usr/sbin/sshd", f"sshd: {job.user.name} [priv]")
        add(_SESSION, uid, "/usr/bin/bash", "-bash")
    else:
        stepd("extern")
        add("step_extern/user/task_special", 0, "/usr/bin/sleep", "sleep", "100000000")
        if job.places[0].node == node:
            stepd("batch")
            add("step_batch/user/task_0", uid, "/usr/bin/bash", "/bin/bash", _SCRIPT.format(job.id))
            add("step_batch/user/task_0", uid, "/usr/bin/srun", "srun", job.template.habit.programs[0][0])
        stepd("0")
    for rank, (exe, threads, running, waiting, share) in enumerate(_tasks(job, node)):
        group, argv = _SESSION if job.session else f"step_0/user/task_{rank}", (exe, "--rank", str(rank))
        add(group, uid, exe, *argv, threads=threads, running=running, waiting=waiting, share=share)
    return tuple(found)


def _tasks(job: Job, node: str) -> list[tuple[str, int, int, int, float]]:
    """Return executable, threads, threads at work, threads that wait, and share of the CPU time of each task."""
    habit = job.template.habit
    cpus = habit.cores or job.template.cpus
    threads = max(1, round(cpus * habit.threads))
    tasks = max(len(habit.programs), min(_TASKS, threads))
    idle = job.idle_on(node)
    found = []
    for rank in range(tasks):
        exe, part = habit.programs[rank % len(habit.programs)]
        peers = len(range(rank % len(habit.programs), tasks, len(habit.programs)))
        own = max(1, threads // tasks + (rank < threads % tasks))
        waiting = 0 if idle else round(own * habit.waiting)
        running = 0 if idle else own - waiting
        found.append((exe, own, running, waiting, part / peers))
    return found


def _first_pid(cluster: Cluster, job: Job, node: str) -> int:
    """Return the first number of the job's block: no two jobs that can meet on the node have the same one."""
    lanes = cluster.lanes_on(node)
    position = next(i for i, lane in enumerate(lanes) if lane.index == job.lane)
    rounds = (_PID_MAX - _FIRST_PID) // (_BLOCK * len(lanes))
    return _FIRST_PID + _BLOCK * (job.number % rounds * len(lanes) + position)
