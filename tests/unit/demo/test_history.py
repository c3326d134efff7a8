"""History: well-formed OpenMetrics, cut at block borders, holding what the exporters would have shown."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from jobgauge.catalogue import FAMILIES
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.history import BLOCK, HEAD, write_history
from jobgauge_demo.lanes import EPOCH
from jobgauge_demo.queue_series import queue_labels, queue_truth
from jobgauge_demo.series import ANSWERS, job_labels, truth

CLUSTER = Cluster(seed=2, nodes=8)
START = (EPOCH + 200 * 86400) // BLOCK * BLOCK

# Families that say how an exporter itself fares on its machine; a simulated past has no such thing.
_OWN = ("jobgauge_", "process_")


def test_every_family_of_the_catalogue_is_answered_or_an_exporter_s_own():
    answered = ANSWERS.keys() | queue_labels().keys()
    assert {name for name in FAMILIES.keys() - answered if not name.startswith(_OWN)} == set()


def test_answers_carry_the_labels_that_the_catalogue_declares():
    labels = {name: job_labels(name) for name in ANSWERS} | queue_labels()
    declared = {name: family.labels for name, family in FAMILIES.items() if name in labels}
    assert declared == {name: labels[name] for name in declared}


def _samples(path: str) -> dict[tuple, dict[float, float]]:
    found: dict[tuple, dict[float, float]] = {}
    for family in text_string_to_metric_families(Path(path).read_text()):
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            times = found.setdefault(key, {})
            t = float(sample.timestamp)
            assert not times or t > max(times)
            times[t] = sample.value
    return found


def test_files_hold_the_truth_at_each_step(tmp_path):
    start, end = START - 1000, START + 900
    paths = list(write_history(CLUSTER, str(tmp_path), start, end, 300))
    assert len(paths) == 2  # the border of a block lies between
    found = [_samples(path) for path in paths]
    times = [{t for series in part.values() for t in series} for part in found]
    assert times == [{START - 900, START - 600, START - 300}, {START, START + 300, START + 600}]
    series = found[0] | {key: found[0].get(key, {}) | values for key, values in found[1].items()}
    for t in sorted(times[0] | times[1]):
        shown = {key: values[t] for key, values in series.items() if t in values}
        expected = {}
        for node in CLUSTER.nodes:
            expected |= _scraped(truth(CLUSTER, node, t), node.name, "jobgauge-job")
            expected[
                "up", frozenset({"cluster": "demo", "instance": node.name, "job": "jobgauge-job"}.items())
            ] = 1
        expected |= _scraped(queue_truth(CLUSTER, t), HEAD, "jobgauge-scheduler")
        expected[
            "up", frozenset({"cluster": "demo", "instance": HEAD, "job": "jobgauge-scheduler"}.items())
        ] = 1
        assert shown == pytest.approx(expected, rel=1e-12)


def _scraped(series: dict, instance: str, job: str) -> dict:
    return {
        (
            name,
            frozenset(
                {
                    **dict(zip(FAMILIES[name].labels, values, strict=True)),
                    "cluster": "demo",
                    "instance": instance,
                    "job": job,
                }.items()
            ),
        ): value
        for (name, values), value in series.items()
    }


def test_no_file_without_a_sample(tmp_path):
    assert list(write_history(CLUSTER, str(tmp_path), START, START, 60)) == []
    assert list(write_history(CLUSTER, str(tmp_path), START + 1, START + 59, 60)) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.system
def test_promtool_imports_each_file_as_one_block(tmp_path):
    blocks = tmp_path / "blocks"
    paths = list(write_history(CLUSTER, str(tmp_path), START - 600, START + 600, 60))
    for path in paths:
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", path, str(blocks)],
            check=True,
        )
    assert len(list(blocks.iterdir())) == len(paths) == 2
