#!/usr/bin/env python3
"""What it costs to turn samples into the page, against prometheus_client and against a floor, in one run.

The page is a node's: FAMILIES families of JOBS jobs each, with the labels jobid, user, account. The floor is one bytes
template with all values put in at once, which is the least that Python can do. Every way starts from the values as bytes
(prometheus_client from floats, which is what it takes) and must give the same page. Best of several rounds, CPU time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

from jobgauge.exposition import render
from jobgauge.family import Family, Kind
from jobgauge.samples import SeriesTable

LABELS = ("jobid", "user", "account")


def best(work: Callable[[], bytes], rounds: int) -> float:
    """Milliseconds of CPU that the fastest round took."""
    times = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) * 1000


def numbers(page: bytes) -> list[tuple[str, str, float]]:
    return sorted(
        (sample.name, sample.labels["jobid"], sample.value)
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 16, 128, 512])
    parser.add_argument("--families", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    print(
        f"{'jobs':>5} {'series':>7} {'floor ms':>9} {'jobgauge ms':>12} {'client ms':>10} {'to floor':>9} {'client to us':>13}"
    )
    for jobs in arguments.jobs:
        rows = [(str(4_100_000 + n), f"user{n % 40:02}", "def-smith") for n in range(jobs)]
        families = [
            Family(f"hpc_job_figure_{n}_bytes", Kind.GAUGE, "A figure.", LABELS)
            for n in range(arguments.families)
        ]
        values = [[b"%d" % (n * 7919 + m) for n in range(jobs)] for m in range(len(families))]
        tables = [SeriesTable(family, rows) for family in families]

        def ours(tables: list[SeriesTable] = tables, values: list[list[bytes]] = values) -> bytes:
            return render(table.samples(column) for table, column in zip(tables, values, strict=True))

        templates = [
            family.header + b"".join(family.head(row) + b"%b\n" for row in rows) for family in families
        ]

        def floor(templates: list[bytes] = templates, values: list[list[bytes]] = values) -> bytes:
            return b"".join(
                [template % tuple(column) for template, column in zip(templates, values, strict=True)]
            )

        class Client:
            def __init__(
                self, families: list[Family], rows: list[tuple[str, str, str]], values: list[list[bytes]]
            ) -> None:
                self.families, self.rows = families, rows
                self.values = [[float(value) for value in column] for column in values]

            def collect(self) -> Iterable[Metric]:
                for family, column in zip(self.families, self.values, strict=True):
                    metric = GaugeMetricFamily(family.name, family.help, labels=LABELS)
                    for row, value in zip(self.rows, column, strict=True):
                        metric.add_metric(row, value)
                    yield metric

        registry = CollectorRegistry()
        registry.register(Client(families, rows, values))  # type: ignore[arg-type]  # the shape is what it asks for

        def client(registry: CollectorRegistry = registry) -> bytes:
            return generate_latest(registry)

        if not numbers(ours()) == numbers(floor()) == numbers(client()):
            raise SystemExit("the pages differ")
        costs = [best(work, arguments.rounds) for work in (floor, ours, client)]
        print(
            f"{jobs:5} {jobs * len(families):7} {costs[0]:9.3f} {costs[1]:12.3f} {costs[2]:10.2f}"
            f" {costs[1] / costs[0]:8.1f}x {costs[2] / costs[1]:12.0f}x"
        )


if __name__ == "__main__":
    main()
