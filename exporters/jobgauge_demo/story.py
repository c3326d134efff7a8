"""Who runs what: the templates from which the cluster makes its never-ending stream of jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobgauge_demo.habits import GIB, HABITS, Habit

LOGIN = "login"  # stands for the partition of what runs without the scheduler
GPU_TYPE = "a100"  # as the scheduler calls all GPUs of the cluster
_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Jobs of one kind, sent by one user again and again. CPUs, memory and GPUs are those on each node."""

    name: str  # as the user calls the job
    habit: Habit
    user: str
    account: str
    partition: str
    cpus: int
    memory: int
    run: int  # seconds, about
    wait: int = 60  # seconds from submission to start
    reason: str = "Priority"  # why it waits
    qos: str = "normal"
    nodes: int = 1
    gpus: int = 0
    gpu_type: str = ""  # the type that it asks for; any where it names none
    exclusive: bool = False
    tasks: int = 0  # of a job array; 0 for what is none
    at_once: int = 1  # tasks of an array that run at the same time
    runs: int = 1  # 2 for a job that is requeued once, with the same id
    suspended: int = 0  # seconds in the middle of its life for which it is stopped
    starts: bool = True  # else it waits until it is cancelled

    @property
    def vary(self) -> int:
        """Seconds by which runs may differ from `run`."""
        if self.habit.end_state == "TIMEOUT":
            return 0
        return self.run // 3 if self.tasks and self.run < _MINUTE else min(self.run // 20, 600)

    @property
    def time_limit(self) -> int:
        """Seconds asked for; whole minutes."""
        if self.habit.end_state == "TIMEOUT":
            return self.run
        longest = self.run + self.vary + self.suspended + self.habit.tail
        return -(-longest * 5 // 4 // _MINUTE) * _MINUTE


def _template(
    name: str, habit: str, user: str, account: str, partition: str, *, memory: int, run: float, **rest: Any
) -> Template:
    """Build a template; `memory` in GiB, `run` in minutes."""
    return Template(
        name=name,
        habit=HABITS[habit],
        user=user,
        account=account,
        partition=partition,
        memory=memory * GIB,
        run=round(run * _MINUTE),
        **rest,
    )


def _story() -> tuple[Template, ...]:
    t = _template
    return (
        # Whole nodes
        t("membrane", "mpi", "alice", "physics", "cpu", cpus=64, memory=240, run=170, nodes=2, exclusive=True, wait=45 * _MINUTE, reason="Resources"),
        t("wing-les", "whole-node", "paul", "biology", "cpu", cpus=64, memory=240, run=350, exclusive=True, wait=2 * _HOUR),
        t("unpack", "metadata-storm", "ivan", "engineering", "cpu", cpus=64, memory=128, run=85, exclusive=True, wait=100 * _MINUTE, reason="Licenses"),
        # Shared nodes
        t('fit "best" {v2}', "one-core", "alice", "physics", "cpu", cpus=32, memory=48, run=115, wait=150 * _MINUTE, reason="QOSMaxCpuPerUserLimit"),
        t("folding", "idle-node", "dave", "biology", "cpu", cpus=16, memory=48, run=110, nodes=2, wait=2 * _HOUR, reason="AssocGrpCpuLimit"),
        t("merge", "memory-hoard", "bob", "physics", "cpu", cpus=4, memory=80, run=85, wait=95 * _MINUTE, reason="AssocGrpMemLimit"),
        t("orbitals", "leak", "erin", "chemistry", "cpu", cpus=4, memory=16, run=100, wait=20 * _MINUTE),
        t("docking", "too-many-threads", "frank", "chemistry", "cpu", cpus=8, memory=16, run=60, wait=65 * _MINUTE, reason="Dependency"),
        t("events", "short-tasks", "grace", "physics", "cpu", cpus=1, memory=2, run=0.5, tasks=80, at_once=4, wait=0, reason="JobArrayTaskLimit"),
        t("scan|größe,50%", "threads-fit", "alice", "physics", "cpu", cpus=4, memory=8, run=12, tasks=12, at_once=2, wait=0, reason="JobArrayTaskLimit"),
        t("mesh", "threads-fit", "judy", "engineering", "cpu", cpus=4, memory=8, run=40, runs=2, wait=150),
        t("sequence", "pipeline", "heidi", "biology", "cpu", cpus=4, memory=16, run=75, wait=80 * _MINUTE, reason="BeginTime"),
        t("phylogeny", "threads-fit", "heidi", "biology", "cpu", cpus=4, memory=8, run=100, suspended=20 * _MINUTE, wait=5 * _MINUTE),
        t("sort-reads", "local-disk", "carol", "biology", "cpu", cpus=4, memory=24, run=55, wait=10 * _MINUTE),
        t("duct", "runs-into-limit", "judy", "engineering", "cpu", cpus=4, memory=8, run=60, wait=62 * _MINUTE, reason="QOSMaxJobsPerUserLimit"),
        t("postprocess", "scripts", "alice", "physics", "cpu", cpus=2, memory=4, run=25, wait=3 * _MINUTE, qos="high"),
        t("lattice", "threads-fit", "pia", "physics", "long", cpus=8, memory=24, run=40 * 60, wait=6 * _HOUR, qos="long"),
        # GPUs
        t("train-net", "training", "alice", "physics", "gpu", cpus=16, memory=120, run=230, gpus=2, gpu_type=GPU_TYPE, wait=70 * _MINUTE, reason="Resources"),
        t("notebook", "gpu-idle", "alice", "physics", "gpu", cpus=4, memory=40, run=110, gpus=1, wait=115 * _MINUTE, reason="QOSMaxGRESPerUser"),
        t("segment", "gpu-idle", "carol", "biology", "gpu", cpus=4, memory=40, run=100, gpus=1, wait=30 * _MINUTE),
        t("denoise", "gpu-half-idle", "bob", "chemistry", "gpu", cpus=8, memory=60, run=90, gpus=2, gpu_type=GPU_TYPE, wait=95 * _MINUTE, reason="AssocGrpGRES"),
        t("inference", "gpu-low", "erin", "chemistry", "gpu", cpus=4, memory=40, run=80, gpus=1, wait=25 * _MINUTE),
    )  # fmt: skip


def _never() -> tuple[Template, ...]:
    """Return jobs that wait for something that does not come."""
    reasons = (
        ("alice", "physics", "JobHeldUser"),
        ("alice", "physics", "DependencyNeverSatisfied"),
        ("bob", "chemistry", "JobHeldAdmin"),
        ("carol", "biology", "PartitionTimeLimit"),
        ("dave", "biology", "PartitionNodeLimit"),
        ("erin", "chemistry", "AssocGrpCPUMinutesLimit"),
        ("frank", "chemistry", "ReqNodeNotAvail, Reserved for maintenance"),
        ("grace", "physics", "QOSMaxMemoryPerUser"),
        ("paul", "biology", "Reservation"),
        ("ivan", "engineering", "BadConstraints"),
        ("judy", "engineering", "ReqNodeNotAvail, UnavailableNodes:{drained}"),
        ("pia", "physics", "QOSGrpCpuLimit"),
        ("heidi", "biology", "AssocMaxJobsLimit"),
        (
            "dave",
            "biology",
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
        ),
    )
    return tuple(
        _template(
            f"waits-{i}",
            "threads-fit",
            user,
            account,
            "cpu",
            cpus=8,
            memory=16,
            run=180 + 20 * i,
            reason=reason,
            starts=False,
        )
        for i, (user, account, reason) in enumerate(reasons)
    )


def _sessions() -> tuple[Template, ...]:
    """Return what people do on the login node: one session each at a time. CPUs and memory are what it may grow to."""
    return tuple(
        _template("session", habit, user, "", LOGIN, cpus=cpus, memory=memory, run=hours * 60, wait=0)
        for user, habit, cpus, memory, hours in (
            ("alice", "shell", 1, 2, 9),
            ("bob", "shell", 1, 2, 7),
            ("ivan", "build", 24, 16, 3),
            ("dave", "notebook", 4, 48, 5),
            ("heidi", "shell", 1, 2, 8),
            ("pia", "shell", 1, 2, 4),
        )
    )


STORY = _story()
SESSIONS = _sessions()
NEVER = _never()

# What everybody else does: (job name, habit, GiB for each CPU)
ORDINARY = (
    ("simulate", "threads-fit", 2),
    ("assemble", "pipeline", 3),
    ("analyse", "scripts", 2),
)
ORDINARY_MINUTES = (15, 30, 60, 120, 240, 480)
