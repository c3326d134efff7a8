"""The cluster's past as OpenMetrics files, as if the exporters had been scraped all the time.

Each file covers the time of one block of Prometheus, so that `promtool tsdb create-blocks-from openmetrics` reads each
sample once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from jobgauge.family import Family, Kind
from jobgauge.samples import number
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.histograms import family_of
from jobgauge_demo.node_series import node_truth
from jobgauge_demo.placing import Node
from jobgauge_demo.series import Moment, Series, Value, reads
from jobgauge_demo.site_series import scheduler_truth

BLOCK = 7200  # seconds
JOB_EXPORTERS = "jobgauge-job"  # the scrape job of all nodes' job exporters
SCHEDULER_EXPORTER = "jobgauge-scheduler"
HEAD = "head"  # the instance that the scheduler exporter is scraped as

_UP = Family("up", Kind.GAUGE, "1 where the scrape succeeded.")
_SCRAPED = ("cluster", "instance", "job")
Target = tuple[str, str]  # instance and job
# The samples of each series: how its line ends (the time), and its value.
_Columns = dict[Series, list[tuple[bytes, Value]]]


def write_history(cluster: Cluster, directory: str, start: int, end: int, step: int) -> Iterator[str]:
    """Write what was shown from start to end, a sample each step seconds; yield each file's path once it is written."""
    for block in range(start // BLOCK * BLOCK, end, BLOCK):
        first, last = max(start, block), min(end, block + BLOCK)
        times = range(-(-first // step) * step, last, step)
        if times:
            path = os.path.join(directory, f"{block}.om")
            _write(path, _targets(cluster, times))
            yield path


def _targets(cluster: Cluster, times: range) -> dict[Target, _Columns]:
    """Return the samples of every series of every target."""
    found = {(node.name, JOB_EXPORTERS): _of_node(cluster, node, times) for node in cluster.machines}
    return found | {(HEAD, SCHEDULER_EXPORTER): _of_scheduler(cluster, times)}


def _of_node(cluster: Cluster, node: Node, times: range) -> _Columns:
    """Return what truth() says at each of the times, job by job, which is faster."""
    columns: _Columns = {(_UP.name, ()): [(_end(t), 1) for t in times]}
    for t in times:
        for series, count in node_truth(cluster, node, t).items():
            columns.setdefault(series, []).append((_end(t), count))
    jobs = list(cluster.between(times[0], times[-1], node.name))
    present = {t: sum(job.start <= t < job.end for job in jobs) for t in times}
    for job in jobs:
        moments = [
            (_end(t), Moment(cluster, node, job, t, alone=present[t] == 1))
            for t in times
            if job.start <= t < job.end
        ]
        for series, read in reads(cluster, node, job):
            samples = [(end, value) for end, moment in moments if (value := read(moment)) is not None]
            columns.setdefault(series, []).extend(samples)  # a requeued job has a part there already
    return columns


def _of_scheduler(cluster: Cluster, times: range) -> _Columns:
    columns: _Columns = {(_UP.name, ()): [(_end(t), 1) for t in times]}
    for t in times:
        end = _end(t)
        for series, value in scheduler_truth(cluster, t).items():
            columns.setdefault(series, []).append((end, value))
    return columns


@lru_cache(BLOCK)
def _end(t: int) -> bytes:
    """Return how the line of a sample ends."""
    return b" %d\n" % t


def _write(path: str, targets: Mapping[Target, _Columns]) -> None:
    """Write an OpenMetrics file; the samples of a family stand together, and those of a series in their order."""
    families: dict[str, list[tuple[Target, tuple[str, ...]]]] = {}
    for target, columns in targets.items():
        for (name, labels), samples in columns.items():
            if samples:
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
    family = family_of(name) or _UP
    return replace(family, labels=family.labels + _SCRAPED)
