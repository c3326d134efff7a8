"""What `scontrol -o show …` prints: a record a line, `Key=value` after `Key=value`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from jobgauge_scheduler.model import License, Node, Partition, Reading, Reservation
from jobgauge_scheduler.slurm import hostlist, units

T = TypeVar("T")
Fields = dict[str, str]

_REASON = re.compile(r" Reason=(.*) \[(.*)@\w+\]", re.DOTALL)
_SUFFIXES = {
    "*": "not_responding",
    "~": "powered_down",
    "#": "powering_up",
    "%": "powering_down",
    "!": "power_down",
    "$": "maint",
    "@": "reboot_requested",
    "^": "reboot_issued",
    "-": "planned",
}


def nodes(output: bytes) -> Reading[tuple[Node, ...]]:
    """Read `scontrol show node`."""
    return _read(output, "NodeName", _node)


def partitions(output: bytes) -> Reading[tuple[Partition, ...]]:
    """Read `scontrol show partition`."""
    return _read(output, "PartitionName", _partition)


def reservations(output: bytes) -> Reading[tuple[Reservation, ...]]:
    """Read `scontrol show reservation`."""
    return _read(output, "ReservationName", _reservation)


def licenses(output: bytes) -> Reading[tuple[License, ...]]:
    """Read `scontrol show licenses`."""
    return _read(output, "LicenseName", _license)


def _read(output: bytes, key: str, parse: Callable[[Fields, str], T]) -> Reading[tuple[T, ...]]:
    """Parse each record; one that makes no sense is left out and counted.

    A record begins at a line that begins with its key, since an admin's text at its end may hold newlines.
    """
    text = output.decode("utf-8", "surrogateescape")
    records = re.split(f"^(?={key}=)", text, flags=re.MULTILINE)[1:]
    found = []
    for record in records:
        try:
            found.append(parse(_fields(record), record))
        except (KeyError, ValueError):
            continue
    return Reading(tuple(found), len(records) - len(found))


def _fields(record: str) -> Fields:
    """Return the fields; where a key comes twice the first counts, since free text comes last."""
    pairs = (token.partition("=") for token in reversed(record.split()))
    return {key: value for key, equals, value in pairs if equals}


def _node(fields: Fields, record: str) -> Node:
    memory, gpus = units.tres(fields["CfgTRES"])
    memory_allocated, gpus_allocated = units.tres(fields["AllocTRES"])
    gpus_by_type, allocated_by_type = units.node_gpus_by_type(
        fields.get("Gres", ""), fields.get("GresUsed", ""), fields["CfgTRES"], fields["AllocTRES"]
    )
    reason = _REASON.search(record)
    return Node(
        name=fields["NodeName"],
        states=_node_states(fields["State"]),
        partitions=tuple(fields["Partitions"].split(",")) if "Partitions" in fields else (),
        cpus=int(fields.get("CPUEfctv", fields["CPUTot"])),
        cpus_allocated=int(fields["CPUAlloc"]),
        memory=memory,
        memory_allocated=memory_allocated or 0,
        gpus=gpus,
        gpus_allocated=gpus_allocated,
        gpus_by_type=gpus_by_type,
        gpus_allocated_by_type=allocated_by_type,
        reason=reason[1] if reason else "",
        reason_by=reason[2] if reason else "",
    )


def _node_states(text: str) -> frozenset[str]:
    """Read `IDLE+DRAIN`, and a flag given as a character: `DOWN*`."""
    word = text.rstrip("".join(_SUFFIXES))
    flags = {_SUFFIXES[character] for character in text[len(word) :]}
    return frozenset(word.lower().split("+")) | flags


def _partition(fields: Fields, _: str) -> Partition:
    return Partition(
        name=fields["PartitionName"],
        state=fields["State"].lower(),
        default=fields["Default"] == "YES",
        time_limit=units.duration(fields["MaxTime"]),
    )


def _reservation(fields: Fields, _: str) -> Reservation:
    nodes = "" if fields["Nodes"] == "(null)" else fields["Nodes"]
    return Reservation(
        name=fields["ReservationName"],
        state=fields["State"].lower(),
        start=int(fields["StartTime"]),
        end=int(fields["EndTime"]),
        nodes=hostlist.expand(nodes),
        node_list=nodes,
        flags=fields["Flags"].lower(),
    )


def _license(fields: Fields, _: str) -> License:
    return License(
        fields["LicenseName"], int(fields["Total"]), int(fields["Used"]), int(fields.get("Reserved", "0"))
    )
