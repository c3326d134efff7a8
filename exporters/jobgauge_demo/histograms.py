"""Histograms of the jobs that started and ended, series by series, as the scheduler exporter would show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from jobgauge.catalogue import FAMILIES
from jobgauge.catalogue.scheduler.history import (
    EXPANSION,
    EXPANSION_BOUNDS,
    LEAST_RUN,
    RUN,
    TIME_BOUNDS,
    WAIT,
)
from jobgauge.family import Family, Kind
from jobgauge_demo.jobs import Job
from jobgauge_demo.series import Series, Value

_PARTS = ("_bucket", "_sum", "_count")


def started(job: Job) -> Iterator[tuple[Series, Value]]:
    """Yield what a job adds as it starts."""
    yield from _observed(WAIT, job, job.start - job.eligible, TIME_BOUNDS)


def ended(job: Job) -> Iterator[tuple[Series, Value]]:
    """Yield what a job adds as it ends, if it ever ran."""
    if job.start < job.end:
        run = job.end - job.start
        counted = max(run, LEAST_RUN)
        yield from _observed(RUN, job, run, TIME_BOUNDS)
        expansion = (job.start - job.eligible + counted) / counted
        yield from _observed(EXPANSION, job, expansion, EXPANSION_BOUNDS)


def _observed(
    family: Family, job: Job, value: Value, bounds: Sequence[float]
) -> Iterator[tuple[Series, Value]]:
    labels = job.template.partition, job.template.account
    yield (f"{family.name}_sum", labels), value
    yield (f"{family.name}_count", labels), 1
    yield (f"{family.name}_bucket", (*labels, "+Inf")), 1
    for bound in bounds:
        yield (f"{family.name}_bucket", (*labels, str(float(bound)))), int(value <= bound)


@lru_cache
def family_of(name: str) -> Family | None:
    """Return the catalogue's family of a series' name; of a part of a histogram, one of that part alone."""
    part = next((part for part in _PARTS if name.endswith(part)), "")
    whole = FAMILIES.get(name.removesuffix(part))
    if not part or whole is None or whole.kind is not Kind.HISTOGRAM:
        return FAMILIES.get(name)
    labels = (*whole.labels, "le") if part == "_bucket" else whole.labels
    return replace(whole, name=name, kind=Kind.GAUGE, labels=labels, unit="")
