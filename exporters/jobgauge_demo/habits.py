"""Habits: what a job does with the resources it was given, and which waste of it a watcher should notice.

`wastes` is the truth that alerts are held against: each of its words stands for something that should be noticed while
a job with this habit runs, and nothing else should be. To add a habit: declare it here and let somebody have it in
story.py.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB, GIB = 1 << 20, 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """One way of using a node. The defaults are those of a job that is well sized."""

    name: str
    about: str
    programs: tuple[tuple[str, float], ...]  # executables of its tasks; each one's share of the CPU time
    wastes: frozenset[str] = frozenset()
    busy: float = 0.95  # CPUs at work of those held; below 1 / (1 + wave)
    cores: float = 0.0  # CPUs at work, however many are held; instead of `busy`
    system: float = 0.03  # share of the CPU time that is spent in the kernel
    wave: float = 0.03  # how far the load swings around its mean
    threads: float = 1.0  # threads for each CPU held; with `cores`, for each of those
    waiting: float = 0.0  # share of the threads that wait for a disk or file system
    memory: float = 0.8  # highest use, page cache included, of what was asked for
    cache: float = 0.15  # share of that which is page cache
    leaks: bool = False  # memory grows until the kernel kills a process
    shared: float = 0.1  # share of the page cache that is shared memory
    disk: tuple[int, int] = (200_000, 100_000)  # bytes read and written a second on the local disk
    lustre: tuple[int, int] = (4_000_000, 2_000_000)  # bytes read and written a second
    metadata: float = 4.0  # Lustre operations a second
    infiniband: int = 0  # bytes a second, each way
    network: int = 5_000  # bytes a second, each way
    gpu_load: tuple[float, ...] = ()  # how busy each GPU is; repeated for further ones
    gpu_memory: float = 0.7
    idle_nodes: int = 0  # of its nodes, the last so many do nothing
    end_state: str = "COMPLETED"

    @property
    def tail(self) -> int:
        """Seconds that the job lives on after its work: the batch script of a killed program writes its report."""
        return 90 if self.leaks else 0


def _wastes(*words: str) -> frozenset[str]:
    return frozenset(words)


_PYTHON = (("/opt/apps/python/3.11/bin/python3.11", 1.0),)
_DYNAMICS = (("/opt/apps/gromacs/2025/bin/gmx_mpi", 1.0),)
_SOLVER = (("/opt/apps/openfoam/13/bin/foamRun", 1.0),)
_GENOME = (("/opt/apps/bwa/0.7/bin/bwa", 0.6), ("/opt/apps/samtools/1.21/bin/samtools", 0.4))

HABITS: dict[str, Habit] = {
    habit.name: habit
    for habit in (
        Habit(
            name="mpi",
            about="an MPI program that fills its nodes",
            programs=_DYNAMICS,
            busy=0.96,
            infiniband=900_000_000,
            lustre=(3_000_000, 40_000_000),
        ),
        Habit(
            name="whole-node",
            about="fills a node that it has for itself",
            programs=_SOLVER,
            infiniband=1_000_000,
            lustre=(20_000_000, 80_000_000),
            metadata=30.0,
        ),
        Habit(
            name="threads-fit",
            about="one program with as many threads as CPUs",
            programs=_SOLVER,
        ),
        Habit(
            name="pipeline",
            about="two programs that work hand in hand, with much page cache",
            programs=_GENOME,
            cache=0.45,
            disk=(20_000_000, 8_000_000),
        ),
        Habit(
            name="scripts",
            about="a Python program that keeps its CPUs busy",
            programs=_PYTHON,
            busy=0.92,
            memory=0.75,
        ),
        Habit(
            name="one-core",
            about="holds many CPUs and runs a serial program on one",
            programs=_PYTHON,
            wastes=_wastes("cpu"),
            cores=1.0,
            wave=0.0,
        ),
        Habit(
            name="memory-hoard",
            about="asks for 20 times the memory that it uses",
            programs=_PYTHON,
            wastes=_wastes("memory"),
            memory=0.05,
        ),
        Habit(
            name="idle-node",
            about="an MPI program started on fewer nodes than it holds",
            programs=_DYNAMICS,
            wastes=_wastes("node-idle"),
            idle_nodes=1,
            infiniband=50_000_000,
        ),
        Habit(
            name="leak",
            about="leaks memory until the kernel kills it",
            programs=_PYTHON,
            wastes=_wastes("leak", "oom"),
            memory=1.0,
            cache=0.02,
            leaks=True,
            end_state="OUT_OF_MEMORY",
        ),
        Habit(
            name="too-many-threads",
            about="runs eight threads on each of its CPUs",
            programs=_SOLVER,
            wastes=_wastes("threads"),
            busy=0.99,
            wave=0.0,
            system=0.12,
            threads=8.0,
        ),
        Habit(
            name="metadata-storm",
            about="opens, stats and deletes small files on Lustre as fast as it can",
            programs=_PYTHON,
            wastes=_wastes("lustre-metadata"),
            busy=0.85,
            system=0.2,
            waiting=0.1,
            metadata=18_000.0,
            lustre=(6_000_000, 6_000_000),
        ),
        Habit(
            name="short-tasks",
            about="an array of tasks that last half a minute",
            programs=_PYTHON,
            wastes=_wastes("short-jobs"),
            wave=0.0,
            lustre=(1_000_000, 500_000),
        ),
        Habit(
            name="local-disk",
            about="sorts large files on the node's own disk",
            programs=(("/usr/bin/sort", 1.0),),
            busy=0.88,
            cache=0.6,
            waiting=0.1,
            disk=(180_000_000, 150_000_000),
        ),
        Habit(
            name="runs-into-limit",
            about="does not finish in the time it asked for",
            programs=_SOLVER,
            end_state="TIMEOUT",
        ),
        Habit(
            name="training",
            about="trains a model with all its GPUs busy",
            programs=_PYTHON,
            busy=0.85,
            memory=0.7,
            gpu_load=(0.94, 0.93, 0.95, 0.92),
            lustre=(120_000_000, 5_000_000),
        ),
        Habit(
            name="gpu-idle",
            about="holds GPUs and computes on the CPUs",
            programs=_PYTHON,
            wastes=_wastes("gpu-idle"),
            gpu_load=(0.0,),
            gpu_memory=0.01,
        ),
        Habit(
            name="gpu-half-idle",
            about="holds two GPUs and uses one",
            programs=_PYTHON,
            wastes=_wastes("gpu-some-idle"),
            busy=0.85,
            gpu_load=(0.9, 0.0),
        ),
        Habit(
            name="gpu-low",
            about="keeps its GPU waiting for data",
            programs=_PYTHON,
            wastes=_wastes("gpu-low"),
            busy=0.85,
            gpu_load=(0.09,),
            gpu_memory=0.3,
        ),
        Habit(
            name="shell",
            about="edits files and submits jobs on a login node",
            programs=(("/usr/bin/bash", 1.0),),
            cores=0.03,
            memory=0.2,
            metadata=2.0,
        ),
        Habit(
            name="build",
            about="compiles on a login node with as many processes as it has CPUs",
            programs=(("/usr/bin/make", 0.02), ("/usr/libexec/gcc/x86_64-redhat-linux/11/cc1plus", 0.98)),
            busy=0.9,
            system=0.15,
            metadata=400.0,
        ),
        Habit(
            name="notebook",
            about="analyses data on a login node rather than in a job",
            programs=_PYTHON,
            cores=2.0,
            memory=0.9,
            cache=0.05,
            lustre=(30_000_000, 1_000_000),
        ),
    )
}
