"""History: well-formed OpenMetrics, cut at block borders, holding what the exporters would have shown."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from jobgauge.catalogue import FAMILIES
from jobgauge.catalogue.scheduler.history import ENDED, EXPANSION, RUN, WAIT
from jobgauge.exposition import render
from jobgauge.samples import Samples
from jobgauge_demo import node_series
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.histograms import family_of
from jobgauge_demo.history import BLOCK, HEAD, write_history
from jobgauge_demo.lanes import EPOCH
from jobgauge_demo.queue_series import counted_today
from jobgauge_demo.series import ANSWERS, job_labels, truth
from jobgauge_demo.site_series import LABELS, scheduler_truth
from jobgauge_demo.slurm.accounting import sacct
from jobgauge_demo.slurm.view import View
from jobgauge_scheduler.history import History
from jobgauge_scheduler.slurm.sacct import FIELDS, SEPARATOR, STATES, moment
from jobgauge_scheduler.slurm.sacct import parse as parse_sacct
from tests.support.scrape import parse

CLUSTER = Cluster(seed=2, nodes=8)
START = (EPOCH + 200 * 86400) // BLOCK * BLOCK

# Families of which a simulated past says nothing, and why.
UNANSWERED = {
    "hpc_job_end_time_seconds": "lingering series are the exporter's own doing",
    "hpc_job_gpu_pcie_bytes_total": "simulated GPUs do not report it, as some models do not",
    "hpc_job_gpu_ecc_errors_total": "simulated GPUs do not report it, as some models do not",
    "hpc_job_gpu_throttled_seconds_total": "simulated GPUs do not report it, as some models do not",
    "hpc_job_gpu_nvlink_bytes_total": "simulated GPUs do not report it, as some models do not",
    "hpc_job_gpu_xid_errors_total": "simulated GPUs have no errors",
    "hpc_node_gpu_ecc_errors_total": "simulated GPUs do not report it, as some models do not",
    "hpc_node_gpu_xid_errors_total": "simulated GPUs have no errors",
    "hpc_job_cpu_core_seconds_total": "off unless a site asks for it",
    "hpc_job_step_cpu_seconds_total": "off unless a site asks for it",
    "hpc_job_step_memory_usage_bytes": "off unless a site asks for it",
    "hpc_job_step_memory_peak_bytes": "off unless a site asks for it",
    "hpc_job_nfs_bytes_total": "simulated nodes mount no NFS",
    "hpc_job_nfs_operations_total": "simulated nodes mount no NFS",
    "hpc_node_nfs_bytes_total": "simulated nodes mount no NFS",
    "hpc_node_nfs_operations_total": "simulated nodes mount no NFS",
    "hpc_job_scratch_size_bytes": "simulated jobs have no scratch of their own",
    "hpc_job_scratch_used_bytes": "simulated jobs have no scratch of their own",
    "hpc_sched_backfill_window_seconds": "follows from the queue and the nodes by the exporter's own reasoning",
    "hpc_sched_backfill_gpu_window_seconds": "follows from the queue and the nodes by the exporter's own reasoning",
    "hpc_sched_backfill_memory_window_seconds": "follows from the queue and the nodes by the exporter's own reasoning",
    "hpc_sched_reason_info": "a table of the exporter's",
}
_OWN = ("jobgauge_", "process_")  # how an exporter fares on its machine


def test_every_family_of_the_catalogue_is_answered_or_listed_here():
    answered = ANSWERS.keys() | LABELS.keys() | node_series.LABELS.keys()
    assert {name for name in FAMILIES.keys() - answered if not name.startswith(_OWN)} == UNANSWERED.keys()


def test_answers_carry_the_labels_that_the_catalogue_declares():
    labels = {name: job_labels(name) for name in ANSWERS} | dict(LABELS) | dict(node_series.LABELS)
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
        for node in CLUSTER.machines:
            expected |= _scraped(truth(CLUSTER, node, t), node.name, "jobgauge-job")
            expected[
                "up", frozenset({"cluster": "demo", "instance": node.name, "job": "jobgauge-job"}.items())
            ] = 1
        expected |= _scraped(scheduler_truth(CLUSTER, t), HEAD, "jobgauge-scheduler")
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
                    **dict(zip(family_of(name).labels, values, strict=True)),
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


def test_what_started_and_ended_is_counted_as_the_exporter_counts_it():
    midnight = START // 86400 * 86400
    now = midnight + 3 * 3600
    view = View(CLUSTER, now, {"SLURM_TIME_FORMAT": "%s"})
    since = moment(midnight)
    # A second after midnight: what happened in the very second of it belongs to the day before here.
    fields = ["-P", "-n", "-X", "-D", "-a", f"--delimiter={SEPARATOR}", "-o", ",".join(FIELDS)]
    told = parse_sacct(sacct(view, [*fields, "-s", ",".join(STATES), "-S", since, "-E", "now"]).encode())
    tally = History(lambda _: told, clock=lambda: midnight + 1.0)().value
    pages = [
        Samples.of_histograms(WAIT, tally.waits),
        Samples.of_histograms(RUN, tally.runs),
        Samples.of_histograms(EXPANSION, tally.expansions),
        Samples.of(ENDED, tally.ended),
    ]
    expected = parse(render(pages).decode())
    assert len(expected) > 300
    assert {
        (name, frozenset(zip(family_of(name).labels, values, strict=True))): value
        for (name, values), value in counted_today(CLUSTER, now).items()
    } == pytest.approx(expected, rel=1e-9)
