"""Nodes, queues, reservations and the server of OpenPBS and PBS Professional."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import Diagnostics, License, Node, Partition, Reading, Reservation
from jobgauge_scheduler.pbs import units
from jobgauge_scheduler.pbs.records import Attributes, records

# PBS's words for states in those that boards and rules know; others are kept as they are.
STATES = {
    "job-busy": "allocated",
    "job-exclusive": "allocated",
    "resv-exclusive": "reserved",
    "reserve": "reserved",
    "busy": "allocated",
    "offline": "drain",
    "offline_by_mom": "drain",
    "stale": "not_responding",
    "state-unknown": "unknown",
    "unresolvable": "not_responding",
    "maintenance": "maint",
    "sleep": "powered_down",
    "initializing": "reboot",
    "provisioning": "reboot",
    "wait-provisioning": "reboot",
}
_OF_RESERVATION = re.compile(r"[RSM]\d+")  # a queue that stands for a reservation
_COUNT = re.compile(r"(\w+):(\d+)")
# Resources of the server that are no licences.
_USUAL = frozenset(
    {
        "ncpus",
        "mem",
        "vmem",
        "ngpus",
        "nodect",
        "mpiprocs",
        "ompthreads",
        "walltime",
        "cput",
        "arch",
        "host",
        "vnode",
    }
)


@dataclass(frozen=True)
class Rule:
    """On which nodes a queue's jobs can run."""

    queue: str
    bound: bool = False  # only on nodes that are bound to it
    partition: str = ""  # only on nodes in the same part of the complex
    chunk: Mapping[str, str] = field(
        default_factory=dict
    )  # what each piece of a job asks for unless told otherwise

    def admits(self, attributes: Attributes) -> bool:
        """Whether a node that is bound to no queue can run its jobs."""
        return (
            not self.bound
            and attributes.get("partition", "") == self.partition
            and all(
                _offers(attributes.get(f"resources_available.{key}", ""), asked)
                for key, asked in self.chunk.items()
            )
        )


def _offers(offered: str, asked: str) -> bool:
    """Whether a node has as much of a resource as is asked for, or the word that is asked for among its own."""
    least = units.size(asked)
    if least is not None:
        return (units.size(offered) or 0) >= least
    return asked in offered.split(",")


def rules(output: bytes) -> Reading[tuple[Rule, ...]]:
    """Read `qstat -Q -f` for where the jobs of each queue can run."""
    return Reading(
        tuple(
            Rule(
                name,
                attributes.get("hasnodes") == "True",
                attributes.get("partition", ""),
                {
                    key.removeprefix("default_chunk."): value
                    for key, value in attributes.items()
                    if key.startswith("default_chunk.")
                },
            )
            for name, attributes in _execution_queues(output)
        )
    )


def nodes(output: bytes, queues: Iterable[Rule] = ()) -> Reading[tuple[Node, ...]]:
    """Read `pbsnodes -a -v`; a node is bound to a queue, or serves all that admit it."""
    found = list(records(output))
    rules = tuple(queues)
    readable = [_node(name, attributes, rules) for name, attributes in found if "state" in attributes]
    return Reading(tuple(readable), len(found) - len(readable))


def node_states(text: str, used: bool) -> frozenset[str]:
    """Translate a node's states; one that is free is idle, or mixed where something runs on it."""
    words = (word.strip().lower() for word in text.split(","))
    return frozenset(
        ("mixed" if used else "idle") if word == "free" else STATES.get(word, word) for word in words
    )


def _node(name: str, attributes: Attributes, rules: Iterable[Rule]) -> Node:
    def resource(kind: str, what: str) -> str:
        return attributes.get(f"resources_{kind}.{what}", "")

    used = units.number(resource("assigned", "ncpus"))
    states = node_states(attributes["state"], used > 0)
    queue = attributes.get("queue", "")
    out_of_work = bool(states & {"drain", "down", "maint", "unknown"})
    return Node(
        name=name,
        states=states,
        partitions=(queue,) if queue else tuple(rule.queue for rule in rules if rule.admits(attributes)),
        cpus=units.number(resource("available", "ncpus")),
        cpus_allocated=used,
        memory=units.size(resource("available", "mem")),
        memory_allocated=units.size(resource("assigned", "mem")) or 0,
        gpus=units.number(resource("available", "ngpus")),
        gpus_allocated=units.number(resource("assigned", "ngpus")),
        reason=attributes.get("comment", "") if out_of_work else "",
    )


def queues(output: bytes) -> Reading[tuple[Partition, ...]]:
    """Read `qstat -Q -f`: queues that run jobs, without those that stand for reservations or only route."""
    return Reading(tuple(_queue(name, attributes) for name, attributes in _execution_queues(output)))


def _execution_queues(output: bytes) -> Iterator[tuple[str, Attributes]]:
    for name, attributes in records(output, "Queue: "):
        if attributes.get("queue_type") == "Execution" and not _OF_RESERVATION.fullmatch(name):
            yield name, attributes


def _queue(name: str, attributes: Attributes) -> Partition:
    takes, starts = attributes.get("enabled") == "True", attributes.get("started") == "True"
    state = ("up" if starts else "down") if takes else ("drain" if starts else "inactive")
    return Partition(name, state, time_limit=units.duration(attributes.get("resources_max.walltime", "")))


def reservations(output: bytes) -> Reading[tuple[Reservation, ...]]:
    """Read `pbs_rstat -f`; one that has no nodes yet is left out."""
    found = []
    for name, attributes in records(output, "Resv ID: "):
        start, end = (units.moment(attributes.get(f"reserve_{word}", "")) for word in ("start", "end"))
        places = units.hosts(attributes.get("resv_nodes", ""))
        state = attributes.get("reserve_state", "").removeprefix("RESV_").lower()
        if start is not None and end is not None and places:
            found.append(Reservation(name, state, start, end, places, ",".join(places)))
    return Reading(tuple(found))


def server(output: bytes) -> Reading[Diagnostics]:
    """Read `qstat -B -f`: the server's own count of jobs."""
    counts = dict(_COUNT.findall(_server(output).get("state_count", "")))
    pending = sum(int(counts.get(word, "0")) for word in ("Queued", "Held", "Waiting", "Transit"))
    return Reading(Diagnostics(jobs={"pending": pending, "running": int(counts.get("Running", "0"))}))


def licenses(output: bytes) -> Reading[tuple[License, ...]]:
    """Read `qstat -B -f`: what the server itself has to give and is not of the usual kind."""
    attributes = _server(output)
    totals = {
        key.removeprefix("resources_available."): int(value)
        for key, value in attributes.items()
        if key.startswith("resources_available.") and value.isdigit()
    }
    return Reading(
        tuple(
            License(name, total, units.number(attributes.get(f"resources_assigned.{name}", "")))
            for name, total in totals.items()
            if name not in _USUAL
        )
    )


def _server(output: bytes) -> Attributes:
    """Return the server's attributes; raise SourceError where none answered."""
    found = list(records(output, "Server: "))
    if not found:
        raise SourceError("qstat -B told of no server")
    return found[0][1]
