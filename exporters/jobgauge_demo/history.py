"""The cluster's past as OpenMetrics files, as if the exporters had been scraped all the time.

Each file covers the time of one block of Prometheus, so that `promtool tsdb create-blocks-from openmetrics` reads each
sample once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from jobgauge.catalogue import FAMILIES
from jobgauge.family import Family, Kind
from jobgauge.samples import number
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.queue_series import queue_truth
from jobgauge_demo.series import Series, Value, truth

BLOCK = 7200  # seconds
JOB_EXPORTERS, SCHEDULER_EXPORTER = (
    "jobgauge-job",
    "jobgauge-scheduler",
)  # as Prometheus' scrape jobs are called
HEAD = "head"  # the instance that the scheduler exporter is scraped as

_UP = Family("up", Kind.GAUGE, "1 where the scrape succeeded.")
_SCRAPED = ("cluster", "instance", "job")
Target = tuple[str, str]  # instance and job
_Columns = dict[tuple[Series, Target], list[tuple[int, Value]]]


def write_history(cluster: Cluster, directory: str, start: int, end: int, step: int) -> Iterator[str]:
    """Write what was shown from start to end, a sample each step seconds; yield each file's path once it is written."""
    for block in range(start // BLOCK * BLOCK, end, BLOCK):
        first, last = max(start, block), min(end, block + BLOCK)
        times = range(-(-first // step) * step, last, step)
        if times:
            path = os.path.join(directory, f"{block}.om")
            _write(path, _columns(cluster, times))
            yield path


def _columns(cluster: Cluster, times: Iterable[int]) -> _Columns:
    """Return the samples of every series of every target."""
    columns: _Columns = {}
    head = HEAD, SCHEDULER_EXPORTER
    for t in times:
        for node in cluster.nodes:
            target = node.name, JOB_EXPORTERS
            columns.setdefault(((_UP.name, ()), target), []).append((t, 1))
            for series, value in truth(cluster, node, t).items():
                columns.setdefault((series, target), []).append((t, value))
        columns.setdefault(((_UP.name, ()), head), []).append((t, 1))
        for series, value in queue_truth(cluster, t).items():
            columns.setdefault((series, head), []).append((t, value))
    return columns


def _write(path: str, columns: _Columns) -> None:
    """Write an OpenMetrics file; the samples of a family stand together, and those of a series in their order."""
    families: dict[str, list[tuple[Series, Target]]] = {}
    for key in columns:
        families.setdefault(key[0][0], []).append(key)
    with open(path, "wb") as file:
        for name, keys in families.items():
            family = _scraped(name)
            file.write(family.openmetrics_header)
            for key in keys:
                (_, labels), (instance, job) = key
                head = family.head((*labels, Cluster.name, instance, job))
                file.writelines(b"%b%b %d\n" % (head, number(value), t) for t, value in columns[key])
        file.write(b"# EOF\n")


@lru_cache
def _scraped(name: str) -> Family:
    """Return a family with the labels that a scrape adds."""
    family = FAMILIES.get(name, _UP)
    return replace(family, labels=family.labels + _SCRAPED)
