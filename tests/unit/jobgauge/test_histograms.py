"""Histograms on the page, checked by prometheus_client's parsers and against counting one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from jobgauge.exposition import OPENMETRICS, TEXT, render
from jobgauge.family import Family, Kind
from jobgauge.samples import Histogram, Samples

WAIT = Family("hpc_wait_seconds", Kind.HISTOGRAM, "Wait.", ("queue",), "seconds")
BARE = Family("hpc_run_seconds", Kind.HISTOGRAM, "Run.", (), "seconds")
BOUNDS = (0.5, 60, 3600)


def observed(values: list[float]) -> Histogram:
    histogram = Histogram(BOUNDS)
    for value in values:
        histogram.observe(value)
    return histogram


@pytest.mark.parametrize(("content_type", "parse"), [(TEXT, parse_text), (OPENMETRICS, parse_openmetrics)])
@pytest.mark.parametrize(("family", "row"), [(WAIT, ('a"b',)), (BARE, ())])
@given(values=st.lists(st.integers(0, 10_000).map(lambda n: n / 2)))
def test_a_page_shows_what_was_observed(
    content_type: str, parse, family: Family, row, values: list[float]
) -> None:
    page = render([Samples.of_histograms(family, {row: observed(values)})], content_type).decode()
    (found,) = parse(page)
    by_name: dict[tuple[str, str], float] = {
        (sample.name.removeprefix(family.name), sample.labels.get("le", "")): sample.value
        for sample in found.samples
    }
    expected = {("_bucket", str(float(bound))): sum(v <= bound for v in values) for bound in BOUNDS}
    expected |= {("_bucket", "+Inf"): len(values), ("_count", ""): len(values), ("_sum", ""): sum(values)}
    assert found.type == "histogram"
    assert by_name == expected
    assert {sample.labels.get("queue") for sample in found.samples} == ({'a"b'} if row else {None})


def test_each_line_counts_as_a_series() -> None:
    values = {("a",): observed([1]), ("b",): observed([])}
    samples = Samples.of_histograms(WAIT, values, cluster="c")
    assert samples.count == len(samples.body.splitlines()) == 2 * (len(BOUNDS) + 3)
    assert all(b'cluster="c"' in line for line in samples.body.splitlines())


def test_counting_goes_on_from_what_was_kept() -> None:
    before = observed([1, 100])
    again = Histogram(BOUNDS, before.counts, before.sum)
    again.observe(0.5)
    assert (list(again.cumulative()), again.sum) == (list(observed([1, 100, 0.5]).cumulative()), 101.5)
