"""Slurm's JSON, as slurmrestd and `--json` write it: one shape of numbers and states in 22.05, another from 23.02 on."""

from __future__ import annotations

import math
import time
from typing import Any

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import (
    Calls,
    Cycles,
    Diagnostics,
    Job,
    License,
    Node,
    Partition,
    Reading,
    Reservation,
    Share,
)
from jobgauge_scheduler.slurm import hostlist, units
from jobgauge_scheduler.slurm.document import Chunks, Fields, each, load, moment, needed, number, words
from jobgauge_scheduler.slurm.squeue import reason

# What squeue, too, shows where a flag tells more than the base state.
_FLAGS = ("COMPLETING", "CONFIGURING", "STOPPED", "RESIZING", "REQUEUED")
_IN_QUEUE = frozenset({"pending", "running", "suspended", *(flag.lower() for flag in _FLAGS)})
_MICRO = 1e-6
_INFINITE = 2.0**64
_REQUESTS = ("tres_per_job", "tres_per_node", "tres_per_socket", "tres_per_task")


def jobs(chunks: Chunks) -> Reading[tuple[Job, ...]]:
    """Read `jobs`: slurmctld also tells those that ended a while ago, which are no part of the queue."""
    return each(chunks, "jobs", lambda record: _job(record) if _state(record) in _IN_QUEUE else None)


def nodes(chunks: Chunks) -> Reading[tuple[Node, ...]]:
    """Read `nodes`."""
    return each(chunks, "nodes", _node)


def partitions(chunks: Chunks) -> Reading[tuple[Partition, ...]]:
    """Read `partitions`."""
    return each(chunks, "partitions", _partition)


def reservations(chunks: Chunks) -> Reading[tuple[Reservation, ...]]:
    """Read `reservations`."""
    return each(chunks, "reservations", _reservation)


def licenses(chunks: Chunks) -> Reading[tuple[License, ...]]:
    """Read `licenses`."""
    return each(
        chunks,
        "licenses",
        lambda record: License(
            record["LicenseName"], record["Total"], record["Used"], record.get("Reserved", 0)
        ),
    )


def shares(chunks: Chunks) -> Reading[tuple[Share, ...]]:
    """Read `shares`, in a list within an object."""
    records = load(chunks).get("shares", {}).get("shares")
    if not isinstance(records, list):
        raise SourceError("the answer holds no shares")
    return Reading(tuple(_share(record) for record in records))


def diagnostics(chunks: Chunks) -> Reading[Diagnostics]:
    """Read `diag`."""
    record: Fields = load(chunks).get("statistics") or {}
    if "jobs_submitted" not in record:
        raise SourceError("the answer holds no statistics")
    main = _cycles("main", record, "schedule_cycle_{}", "schedule_cycle_mean_depth", "schedule_queue_length")
    backfill = _cycles("backfill", record, "bf_cycle_{}", "bf_last_depth", "bf_queue_len")
    events = ("submitted", "started", "completed", "canceled", "failed")
    return Reading(
        Diagnostics(
            cycles=(main, backfill),
            queues={"agent": record["agent_queue_size"], "dbd_agent": record["dbd_agent_queue_size"]},
            jobs={"pending": record["jobs_pending"], "running": record["jobs_running"]},
            events={event: record[f"jobs_{event}"] for event in events},
            calls=_calls(record, "rpcs_by_message_type", "message_type"),
            callers=_calls(record, "rpcs_by_user", "user"),
            threads=record["server_thread_count"],
        )
    )


def _minutes(value: Any) -> int | None:
    minutes = number(value)
    return None if minutes is None or minutes < 0 else minutes * 60  # 22.05 writes no limit as -1


def _state(record: Fields) -> str:
    states = words(record["job_state"])
    return next((flag for flag in _FLAGS if flag in states), states[0]).lower()


def _job(record: Fields) -> Job:
    tres = record["tres_alloc_str"] or record["tres_req_str"]
    memory, gpus = units.tres(tres)
    waiting = record.get("array_task_string") or ""
    task = number(record["array_task_id"])
    index = waiting if waiting.isdigit() else "" if task is None else str(task)
    in_array = bool(waiting or index)
    return Job(
        id=str(record["job_id"]),
        user=record["user_name"] or str(record["user_id"]),
        account=record["account"],
        partition=units.partitions(record["partition"]),
        qos=record["qos"] or "",
        state=_state(record),
        cpus=needed(record["cpus"]),
        nodes=needed(record["node_count"]),
        gpus=gpus,
        gpus_by_type=units.gpus_by_type(tres, ",".join(record.get(per) or "" for per in _REQUESTS))
        if gpus
        else (),
        memory=memory,
        reason=reason(record["state_reason"]),
        tasks=units.task_count(waiting) if waiting and not index else 1,
        array_job_id=str(number(record["array_job_id"])) if in_array else "",
        array_task_id=index,
        name=record["name"],
        priority=number(record["priority"]),
        time_limit=_minutes(record["time_limit"]),
        submit_time=moment(record["submit_time"]),
        eligible_time=moment(record["eligible_time"]),
        start_time=moment(record["start_time"]),
        node_list=record["nodes"] or "",
        planned_nodes=hostlist.expand(record.get("scheduled_nodes") or ""),
    )


def _node(record: Fields) -> Node:
    memory, gpus = units.tres(record["tres"])
    memory_allocated, gpus_allocated = units.tres(record["tres_used"] or "")
    gpus_by_type, allocated_by_type = units.node_gpus_by_type(
        record["gres"] or "", record["gres_used"] or "", record["tres"], record["tres_used"] or ""
    )
    states = [*words(record["state"]), *record.get("state_flags", ())]
    return Node(
        name=record["name"],
        states=frozenset(state.lower() for state in states),
        partitions=tuple(record["partitions"]),
        cpus=record.get("effective_cpus", record["cpus"]),
        cpus_allocated=record["alloc_cpus"],
        memory=memory,
        memory_allocated=memory_allocated or 0,
        gpus=gpus,
        gpus_allocated=gpus_allocated,
        gpus_by_type=gpus_by_type,
        gpus_allocated_by_type=allocated_by_type,
        reason=record["reason"] or "",
        reason_by=record["reason_set_by_user"] or "",
    )


def _partition(record: Fields) -> Partition:
    nested = "partition" in record
    return Partition(
        name=record["name"],
        state=(record["partition"]["state"][0] if nested else record["state"]).lower(),
        # 23.02 to 24.11 do not tell
        default="DEFAULT" in map(str.upper, record["flags"]) if "flags" in record else None,
        time_limit=_minutes(record["maximums"]["time"] if nested else record["max_time_limit"]),
    )


def _reservation(record: Fields) -> Reservation:
    start, end = needed(record["start_time"]), needed(record["end_time"])
    return Reservation(
        name=record["name"],
        state="active" if start <= time.time() < end else "inactive",
        start=start,
        end=end,
        nodes=hostlist.expand(record["node_list"]),
        node_list=record["node_list"],
        flags=",".join(record["flags"]).lower(),
    )


def _share(record: Fields) -> Share:
    def figure(value: Any) -> float | None:
        if isinstance(value, dict):
            # 26.05 writes an infinite level as 2 to the power of 64
            infinite = value["infinite"] or value["number"] >= _INFINITE
            return math.inf if infinite else value["number"] if value["set"] else None
        return float(value)

    user = "USER" in record["type"]
    return Share(
        account=record["parent"] if user else record["name"],
        user=record["name"] if user else "",
        shares=figure(record["shares_normalized"]),
        usage=figure(record["effective_usage"]),
        fairshare=figure(record["fairshare"]["factor"]) if user else None,
        level_fairshare=figure(record["fairshare"]["level"]),
    )


def _cycles(name: str, record: Fields, key: str, depth: str, queue: str) -> Cycles:
    last, mean = record.get(key.format("last")), record.get(key.format("mean"))
    return Cycles(
        name=name,
        last=None if last is None else last * _MICRO,
        mean=None if mean is None else mean * _MICRO,
        total=record.get("bf_cycle_counter" if name == "backfill" else key.format("total")),
        depth=record.get(depth),
        queue=record.get(queue),
        when=moment(record.get("bf_when_last_cycle")) if name == "backfill" else None,
    )


def _calls(record: Fields, name: str, key: str) -> tuple[Calls, ...]:
    return tuple(
        Calls(call[key], call["count"], call["total_time"] * _MICRO) for call in record.get(name, ())
    )
