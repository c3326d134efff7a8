"""What a job uses on a node by a given time, in the units in which the kernel and the drivers count."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from jobgauge_demo.habits import MIB, Habit
from jobgauge_demo.jobs import Job, Place
from jobgauge_demo.placing import GPU_MEMORY

PAGE = 4096
DISK = "nvme0n1"
EVENTS = ("oom", "oom_kill", "max", "high")  # of a job's memory
PRESSURES = tuple((resource, kind) for resource in ("cpu", "memory", "io") for kind in ("some", "full"))
GPU_IDLE_WATTS, GPU_BUSY_WATTS = 60, 320  # at rest; more of it at full load
CORE_WATTS = {"cpu": 3.5, "dram": 0.4}  # for each CPU at work, as RAPL would see it

_SETTLE = 120  # seconds in which most of the memory is taken
_BREATH, _DEPTH = 300, 0.06  # seconds between two heights of the memory use, and how far it falls
_DAEMONS = 0.004  # CPUs that the scheduler's processes use on a node where the job does nothing
_IDLE_MEMORY = 0.01
_PRESSED = 0.98  # of a leak's life; then the kernel begins to reclaim memory


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes, whole pages."""

    anonymous: int
    file: int
    shared: int  # part of file
    mapped: int  # part of file
    kernel: int
    peak: int
    limit: int

    @property
    def current(self) -> int:
        """Return all that is charged."""
        return self.anonymous + self.file + self.kernel


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes and operations on the local disk."""

    read_bytes: int
    written_bytes: int
    reads: int
    writes: int


@dataclass(frozen=True, slots=True)
class Gpu:
    """What a GPU's driver tells at a moment."""

    index: int
    utilization: int  # per cent
    memory_used: int
    memory_total: int
    power: int  # milliwatts
    temperature: int  # degrees Celsius
    sm_clock: int  # MHz


@dataclass(frozen=True, slots=True)
class Usage:
    """All of it; times in microseconds."""

    user: int
    system: int
    memory: Memory
    events: Mapping[str, int]
    pressure: Mapping[tuple[str, str], int]
    disk: Disk
    gpus: tuple[Gpu, ...]

    @property
    def cpu(self) -> int:
        """Return the CPU time in both modes."""
        return self.user + self.system


def cpus_at_work(job: Job, node: str) -> float:
    """Return how many CPUs of a node the job keeps busy, on average, while it works."""
    habit = job.template.habit
    if job.idle_on(node):
        return _DAEMONS
    return habit.cores or habit.busy * job.template.cpus


def usage(job: Job, node: str, t: float) -> Usage:
    """Return what the job has used by t, or, before its start, nothing."""
    habit = job.template.habit
    idle = job.idle_on(node)
    worked = job.worked(t)
    load, bursts = job.smooth(worked), job.bursts(worked)
    cpu = 1e6 * cpus_at_work(job, node) * load
    killed = habit.leaks and worked >= job.active
    return Usage(
        user=int(cpu * (1 - habit.system)),
        system=int(cpu * habit.system),
        memory=_memory(job, worked, idle=idle, killed=killed),
        events=_events(habit, worked / job.active, killed=killed),
        pressure=_pressure(job, worked),
        disk=Disk(0, 0, 0, 0) if idle else _disk(habit, load, bursts),
        gpus=gpus(job, job.place(node), t),
    )


def _memory(job: Job, worked: float, *, idle: bool, killed: bool) -> Memory:
    habit, limit = job.template.habit, job.template.memory
    if habit.leaks:
        peak = limit * (0.03 + 0.97 * worked / job.active)
        used = limit * _IDLE_MEMORY if killed else peak
    else:
        settled = 1 - math.exp(-worked / min(_SETTLE, job.active / 10))
        peak = max(MIB, limit * (_IDLE_MEMORY if idle else habit.memory) * settled)
        used = peak * (1 - _DEPTH * math.sin(math.pi * worked / _BREATH) ** 2)
    file, kernel = _pages(used * habit.cache), _pages(used * 0.015)
    return Memory(
        anonymous=_pages(used) - file - kernel,
        file=file,
        shared=_pages(file * habit.shared),
        mapped=_pages(file * 0.3),
        kernel=kernel,
        peak=_pages(peak),
        limit=limit,
    )


def _pages(size: float) -> int:
    return int(size) // PAGE * PAGE


def _events(habit: Habit, life: float, *, killed: bool) -> dict[str, int]:
    pressed = max(0.0, life - _PRESSED) if habit.leaks else 0.0
    return {"high": 0, "max": int(pressed * 40_000), "oom": int(killed), "oom_kill": int(killed)}


def _pressure(job: Job, worked: float) -> dict[tuple[str, str], int]:
    habit = job.template.habit
    crowded = 1 - 1 / habit.threads if habit.threads > 1 else 0.01
    pressed = max(0.0, worked - _PRESSED * job.active) if habit.leaks else 0.0
    seconds = {
        ("cpu", "some"): worked * crowded,
        ("cpu", "full"): 0.0,
        ("memory", "some"): pressed * 0.8,
        ("memory", "full"): pressed * 0.5,
        ("io", "some"): worked * habit.waiting * 2,
        ("io", "full"): worked * habit.waiting,
    }
    return {key: int(value * 1e6) for key, value in seconds.items()}


def _disk(habit: Habit, load: float, bursts: float) -> Disk:
    read, written = int(habit.disk[0] * load), int(habit.disk[1] * bursts)
    return Disk(read, written, read // (128 << 10), written // (256 << 10))


def gpus(job: Job, place: Place, t: float) -> tuple[Gpu, ...]:
    """Return what the drivers of the job's GPUs on a node tell at t."""
    habit = job.template.habit
    if not place.gpus:
        return ()
    worked = job.worked(t)
    at_work = job.state(t) == "RUNNING" and worked < job.active
    found = []
    for position, index in enumerate(place.gpus):
        mean = gpu_load(habit, position)
        load = min(1.0, mean * job.swing(worked)) if at_work else 0.0
        memory = habit.gpu_memory if mean else 0.006
        found.append(
            Gpu(
                index=index,
                utilization=round(100 * load),
                memory_used=int(GPU_MEMORY * memory) // MIB * MIB,
                memory_total=GPU_MEMORY,
                power=int(1000 * (GPU_IDLE_WATTS + GPU_BUSY_WATTS * load)),
                temperature=round(31 + 44 * load),
                sm_clock=1410 if load else 210,
            )
        )
    return tuple(found)


def gpu_load(habit: Habit, position: int) -> float:
    """Return how busy the job's first, second, … GPU is, on average."""
    return habit.gpu_load[position % len(habit.gpu_load)] if habit.gpu_load else 0.0
