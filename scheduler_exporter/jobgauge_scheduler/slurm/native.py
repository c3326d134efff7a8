"""slurmctld's own metrics of itself: the figures of sdiag, but for requests by type and by user."""

from __future__ import annotations

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import Cycles, Diagnostics, Reading
from jobgauge_scheduler.slurm.document import Chunks

_MICRO = 1e-6
_EVENTS = ("submitted", "started", "completed", "canceled", "failed")


def diagnostics(chunks: Chunks) -> Reading[Diagnostics]:
    """Read `/metrics/scheduler`; raise SourceError where it is something else."""
    figures = _figures(b"".join(chunks).decode(errors="replace"))
    if "sdiag_jobs_submitted" not in figures:
        raise SourceError("the answer holds no job counts: it is not slurmctld's /metrics/scheduler")
    return Reading(
        Diagnostics(
            cycles=(
                Cycles(
                    "main",
                    last=_seconds(figures, "schedule_cycle_last"),
                    mean=_seconds(figures, "sched_mean_cycle"),
                    total=figures.get("schedule_cycle_cnt"),
                    depth=figures.get("sched_mean_depth_cycle"),
                    queue=figures.get("schedule_queue_len"),
                ),
                Cycles(
                    "backfill",
                    last=_seconds(figures, "bf_cycle_last"),
                    mean=_seconds(figures, "bf_mean_cycle"),
                    total=figures.get("bf_cycle_cnt"),
                    depth=figures.get("bf_last_depth"),
                    queue=figures.get("bf_queue_len"),
                    when=figures.get("bf_when_last_cycle") or None,
                ),
            ),
            queues=_named(figures, {"agent": "agent_queue_size", "dbd_agent": "slurmdbd_queue_size"}),
            jobs=_named(figures, {state: f"sdiag_jobs_{state}" for state in ("pending", "running")}),
            events=_named(figures, {event: f"sdiag_jobs_{event}" for event in _EVENTS}),
            threads=figures.get("server_thread_cnt"),
        )
    )


def _figures(text: str) -> dict[str, int]:
    """Return the series without labels, by name without its prefix."""
    pairs = (line.removeprefix("slurm_").split(" ") for line in text.splitlines() if not line.startswith("#"))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _named(figures: dict[str, int], names: dict[str, str]) -> dict[str, int]:
    return {name: figures[key] for name, key in names.items() if key in figures}


def _seconds(figures: dict[str, int], key: str) -> float | None:
    return figures[key] * _MICRO if key in figures else None
