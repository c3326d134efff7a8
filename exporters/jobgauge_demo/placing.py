"""The nodes of the simulated cluster, and which lanes share them: each lane holds CPUs, memory and GPUs of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from jobgauge_demo.chance import between
from jobgauge_demo.habits import GIB, HABITS
from jobgauge_demo.jobs import Place
from jobgauge_demo.lanes import Lane
from jobgauge_demo.people import STAFF, User
from jobgauge_demo.story import LOGIN, NEVER, ORDINARY, ORDINARY_MINUTES, SESSIONS, STORY, Template

MINIMUM_NODES = 8
GPU_MODEL = "NVIDIA A100-SXM4-80GB"
GPU_MEMORY = 80 * GIB

_JOBS_A_NODE = 5.3  # lanes; they are seldom all at work
_SPARE = 8 * GIB  # memory of a node that jobs cannot ask for


@dataclass(frozen=True, slots=True)
class Node:
    """One node; `partitions` begins with the one that it is mainly for."""

    name: str
    partitions: tuple[str, ...]
    cpus: int = 64
    memory: int = 256 * GIB
    gpus: int = 0
    drained: str = ""  # why, where it is
    sluid: bool = False  # job directories are named as Slurm 26.05 does


def make_nodes(count: int) -> tuple[Node, ...]:
    """Return nodes of which about a fifth have GPUs; the last one without is drained, where there are enough."""
    if count < MINIMUM_NODES:
        raise ValueError(f"{count} nodes are too few: the simulated habits need at least {MINIMUM_NODES}")
    with_gpus = max(2, count // 5)
    plain = count - with_gpus
    drained = plain - 1 if plain > MINIMUM_NODES else plain
    nodes = [
        Node(
            f"c{i + 1:03d}",
            ("cpu", "long") if i >= plain - 3 else ("cpu",),
            drained="Failing DIMM B3, ticket #4711" if i == drained else "",
            sluid=i % 4 == 3,
        )
        for i in range(plain)
    ]
    nodes += [
        Node(f"g{i + 1:03d}", ("gpu",), memory=512 * GIB, gpus=4, sluid=i % 4 == 1) for i in range(with_gpus)
    ]
    return tuple(nodes)


LOGIN_NODES = (Node("login1", (LOGIN,)),)


@dataclass(slots=True)
class _Free:
    """What is left of a node while lanes are placed."""

    node: Node
    cpus: int = 0  # the first free one
    memory: int = 0
    gpus: int = 0
    lanes: int = field(default=0)

    @property
    def cpus_left(self) -> int:
        return self.node.cpus - self.cpus

    def fits(self, kind: Template) -> bool:
        return (
            kind.partition in self.node.partitions
            and not self.node.drained
            and kind.cpus <= self.cpus_left
            and kind.memory <= self.node.memory - _SPARE - self.memory
            and kind.gpus <= self.node.gpus - self.gpus
            and (not kind.exclusive or self.lanes == 0)
        )

    def take(self, kind: Template) -> Place:
        cpus = range(self.cpus, self.cpus + kind.cpus)
        gpus = tuple(range(self.gpus, self.gpus + kind.gpus))
        self.cpus = self.node.cpus if kind.exclusive else cpus.stop
        self.memory += kind.memory
        self.gpus += kind.gpus
        self.lanes += 1
        return Place(self.node.name, cpus, gpus)


def make_lanes(seed: int, nodes: Sequence[Node], users: Sequence[User]) -> tuple[Lane, ...]:
    """Place the known habits first, then ordinary jobs until every node has enough to do."""
    by_name = {user.name: user for user in users}
    free = [_Free(node) for node in nodes]
    lanes: list[Lane] = []
    for kind in STORY:
        lanes += _lanes_of(seed, len(lanes), kind, by_name, free)
    for kind in _ordinary(seed, free, [user for user in users if user.name not in STAFF]):
        lanes += _lanes_of(seed, len(lanes), kind, by_name, free)
    drained = next((node.name for node in nodes if node.drained), nodes[0].name)
    for kind in NEVER:
        waiting = replace(kind, reason=kind.reason.format(drained=drained))
        lanes.append(_lane(seed, len(lanes), waiting, by_name[kind.user], ()))
    return tuple(lanes)


def make_sessions(seed: int, first: int, users: Sequence[User]) -> tuple[Lane, ...]:
    """Place what runs on the login nodes; `first` is the number of its first lane."""
    by_name = {user.name: user for user in users}
    free = [_Free(node) for node in LOGIN_NODES]
    lanes: list[Lane] = []
    for kind in SESSIONS:
        lanes += _lanes_of(seed, first + len(lanes), kind, by_name, free)
    return tuple(lanes)


def _lanes_of(
    seed: int, index: int, kind: Template, users: Mapping[str, User], free: Sequence[_Free]
) -> Iterator[Lane]:
    first: Lane | None = None
    for part in range(kind.at_once):
        # The emptiest node first; whole nodes in their order, so that an MPI job has neighbours.
        room = sorted(
            (f for f in free if f.fits(kind)), key=lambda f: (kind.exclusive, -f.cpus_left, f.node.name)
        )
        if len(room) < kind.nodes:
            raise ValueError(f"no room for {kind.name} of {kind.user} on {len(free)} nodes")
        lane = _lane(
            seed, index + part, kind, users[kind.user], tuple(f.take(kind) for f in room[: kind.nodes])
        )
        first = first or lane
        yield replace(lane, phase=first.phase + part * lane.period // kind.at_once, part=part)


def _lane(seed: int, index: int, kind: Template, user: User, places: tuple[Place, ...]) -> Lane:
    lane = Lane(seed, index, kind, user, places, 0)
    return replace(lane, phase=between(0, lane.period - 1, seed, index, "phase"))


def _ordinary(seed: int, free: Sequence[_Free], users: Sequence[User]) -> Iterator[Template]:
    """Yield one-GPU trainings for the GPUs left, and small jobs for the shared nodes."""
    number = 0
    for f in free:
        while f.node.gpus > f.gpus and f.cpus_left >= 16:
            yield _small(seed, number, users, ("finetune", "training", 6), cpus=8, gpus=1)
            number += 1
    wanted = _JOBS_A_NODE * len(free)
    while sum(f.lanes for f in free) < wanted:
        kind = ORDINARY[between(0, len(ORDINARY) - 1, seed, number, "kind")]
        small = _small(seed, number, users, kind, cpus=2 * between(1, 5, seed, number, "cpus"))
        if not any(f.fits(small) for f in free):
            return
        yield small
        number += 1


def _small(
    seed: int, number: int, users: Sequence[User], kind: tuple[str, str, int], *, cpus: int, gpus: int = 0
) -> Template:
    name, habit, memory = kind
    user = users[number % len(users)]
    run = 60 * ORDINARY_MINUTES[between(0, len(ORDINARY_MINUTES) - 1, seed, number, "run")]
    return Template(
        name=name,
        habit=HABITS[habit],
        user=user.name,
        account=user.accounts[-1],
        partition="gpu" if gpus else "cpu",
        cpus=cpus,
        memory=cpus * memory * GIB,
        run=run,
        wait=between(30, run // 2, seed, number, "wait"),
        reason="Priority" if number % 5 else "Resources",
        gpus=gpus,
    )
