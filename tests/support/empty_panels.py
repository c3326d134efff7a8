"""Panels that are rightly empty on the demo, and why; all others must show something."""

from __future__ import annotations

from collections.abc import Mapping

_NO_ESTIMATE = "the scheduler estimates the start of a few only, seldom of alice's"

# By board, then by the title of a panel, for one of its queries with a metric behind it, or by the name of an annotation.
RIGHTLY_EMPTY: Mapping[str, Mapping[str, str]] = {
    "jobgauge-job": {
        "annotation Alerts": "alice's two jobs that are opened are good ones",
        "annotation Nodes": "no node of theirs is drained or down",
        "annotation Kills": "they stay within their memory",
        "NFS, bytes": "simulated nodes mount no NFS",
        "NFS, operations": "simulated nodes mount no NFS",
        "What GPUs moved": "simulated GPUs do not tell, as some models do not",
        "GPU errors": "simulated GPUs make none",
    },
    "jobgauge-account": {
        "Running jobs: hpc_job_gpus_used": "none of the account's jobs may hold a GPU just then"
    },
    "jobgauge-my-jobs": {"Waiting jobs: hpc_job_estimated_start_time_seconds": _NO_ESTIMATE},
    "jobgauge-pending": {"Waiting jobs: hpc_job_estimated_start_time_seconds": _NO_ESTIMATE},
    "jobgauge-suite": {
        "Exporters that are down": "all answer",
        "Collectors that fail": "all work",
        "Left out in the last hour": "nothing is",
        "Requests by outcome": "nobody may have asked the gateway before",
        "Time of an answer": "nobody may have asked the gateway before",
    },
    "jobgauge-gpus": {
        "Memory errors in the time range": "simulated GPUs make none",
        "Errors that the driver reported in the time range": "simulated GPUs make none",
        "GPUs slowed down, by reason": "simulated GPUs do not tell, as some models do not",
        "annotation Alerts": "no GPU fails",
    },
    "jobgauge-filesystems": {
        "NFS, bytes": "simulated nodes mount no NFS",
        "NFS, operations by user": "simulated nodes mount no NFS",
    },
    "jobgauge-queue": {
        "Gaps for GPU jobs": "all GPUs may be held",
    },
}


def rightly_empty(board: str, panel: str, expr: str) -> bool:
    """Say whether this query of this panel need not show anything."""
    listed = RIGHTLY_EMPTY.get(board, {})
    return panel in listed or any(
        name.startswith(f"{panel}: ") and name.removeprefix(f"{panel}: ") in expr for name in listed
    )
