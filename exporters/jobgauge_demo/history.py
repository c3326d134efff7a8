"""The cluster's past as OpenMetrics files, as if the exporters had been scraped all the time.

Each file covers the time of one block of Prometheus, so that `promtool tsdb create-blocks-from openmetrics` reads each
sample once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from jobgauge.catalogue import FAMILIES
from jobgauge.family import Family, Kind
from jobgauge.samples import number
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.placing import Node
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
_Columns = dict[
    Series, list[tuple[bytes, Value]]
]  # of each sample, how its line ends (the time), and its value


def write_history(cluster: Cluster, directory: str, start: int, end: int, step: int) -> Iterator[str]:
    """Write what was shown from start to end, a sample each step seconds; yield each file's path once it is written."""
    for block in range(start // BLOCK * BLOCK, end, BLOCK):
        first, last = max(start, block), min(end, block + BLOCK)
        times = range(-(-first // step) * step, last, step)
        if times:
            path = os.path.join(directory, f"{block}.om")
            _write(path, _columns(cluster, times))
            yield path


def _columns(cluster: Cluster, times: Iterable[int]) -> dict[Target, _Columns]:
    """Return the samples of every series of every target."""
    nodes: list[tuple[Node, _Columns]] = [(node, {}) for node in cluster.nodes]
    head: _Columns = {}
    for t in times:
        end = b" %d\n" % t
        for node, columns in nodes:
            _add(columns, truth(cluster, node, t), end)
        _add(head, queue_truth(cluster, t), end)
    return {(node.name, JOB_EXPORTERS): columns for node, columns in nodes} | {
        (HEAD, SCHEDULER_EXPORTER): head
    }


def _add(columns: _Columns, series: Mapping[Series, Value], end: bytes) -> None:
    """Add a scrape of a target."""
    columns.setdefault((_UP.name, ()), []).append((end, 1))
    for name, value in series.items():
        columns.setdefault(name, []).append((end, value))


def _write(path: str, targets: Mapping[Target, _Columns]) -> None:
    """Write an OpenMetrics file; the samples of a family stand together, and those of a series in their order."""
    families: dict[str, list[tuple[Target, tuple[str, ...]]]] = {}
    for target, columns in targets.items():
        for name, labels in columns:
            families.setdefault(name, []).append((target, labels))
    with open(path, "wb") as file:
        for name, members in families.items():
            family = _scraped(name)
            file.write(family.openmetrics_header)
            for target, labels in members:
                head = family.head((*labels, Cluster.name, *target))
                file.writelines([head + number(value) + end for end, value in targets[target][name, labels]])
        file.write(b"# EOF\n")


@lru_cache
def _scraped(name: str) -> Family:
    """Return a family with the labels that a scrape adds."""
    family = FAMILIES.get(name, _UP)
    return replace(family, labels=family.labels + _SCRAPED)
