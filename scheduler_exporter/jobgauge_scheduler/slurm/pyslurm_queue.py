"""The process that asks pyslurm for the queue, and prints it as squeue would: see backends/slurm_pyslurm.py.

python -m jobgauge_scheduler.slurm.pyslurm_queue check     prints pyslurm's version, or fails as its import does
python -m jobgauge_scheduler.slurm.pyslurm_queue MARK      prints the queue; MARK ends each record
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import Any

from jobgauge_scheduler.slurm.squeue import SEPARATOR, WITHIN

_ENDED = frozenset(
    {
        "COMPLETED",
        "CANCELLED",
        "FAILED",
        "TIMEOUT",
        "NODE_FAIL",
        "PREEMPTED",
        "BOOT_FAIL",
        "DEADLINE",
        "OUT_OF_MEMORY",
    }
)


def line(job: Any, mark: str) -> bytes:
    """Return a job's record in the order of squeue.layout()."""

    def field(name: str) -> Any:
        try:
            return getattr(job, name)
        except (UnicodeDecodeError, OverflowError):  # a text that is not UTF-8; a time that makes no sense
            return None

    waiting, task = field("array_tasks_waiting"), field("array_task_id")
    minutes = field("time_limit")
    own = (
        field("id"), field("array_id") or field("id"), waiting or ("N/A" if task is None else task), field("priority") or 0,
        *(field(f"{when}_time") or "N/A" for when in ("submit", "eligible", "start")),
        field("allocated_nodes"), field("scheduled_nodes"),
    )  # fmt: skip
    common = (
        field("user_name"), field("user_id"), field("account"), field("partition"), field("qos"),
        field("state"), field("state_reason"), field("cpus"), field("num_nodes"), _tres(field("memory"), field("gpus")),
        *("N/A",) * 4,  # requests, for the GPUs have their types already
        f"{minutes // 60}:{minutes % 60:02}:00" if isinstance(minutes, int) else "UNLIMITED",
    )  # fmt: skip
    text = _joined(SEPARATOR, (*own, _joined(WITHIN, common), field("name")))
    return f"{text}{mark}\n".encode("utf-8", "surrogateescape")


def _joined(separator: str, fields: Iterable[Any]) -> str:
    return separator.join("" if value is None else str(value) for value in fields)


def _tres(memory: int | None, gpus: Any) -> str:
    items = [] if memory is None else [f"mem={memory}M"]
    items += [f"gres/{f'gpu:{gpu.type}' if gpu.type else 'gpu'}={gpu.count}" for gpu in (gpus or {}).values()]
    return ",".join(items)


def main() -> None:
    """Answer the one question."""
    pyslurm = importlib.import_module("pyslurm")  # where it does not fit the Slurm here, this is what fails
    if sys.argv[1] == "check":
        sys.stdout.write(f"{pyslurm.__version__}\n")
        return
    for job in pyslurm.Jobs.load().values():
        if job.state not in _ENDED:
            sys.stdout.buffer.write(line(job, sys.argv[1]))


if __name__ == "__main__":
    main()
