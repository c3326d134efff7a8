"""Families, samples and the page, checked by prometheus_client's parsers, which are not ours."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from jobgauge.exposition import OPENMETRICS, TEXT, negotiate, render
from jobgauge.family import LABEL_LENGTH, Audience, Family, Kind
from jobgauge.samples import Samples, SeriesTable, number

GAUGE = Family("hpc_job_name", Kind.GAUGE, 'A "help" with \\ and\nnewline.', ("name", "other"))
COUNTER = Family("hpc_spent_seconds_total", Kind.COUNTER, "Time.", (), "seconds")
PAGE_TYPES = [(TEXT, parse_text), (OPENMETRICS, parse_openmetrics)]

# What users can put into a job's name: any bytes, as Python shows them.
hostile = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.text('a"\\\n{},= \t\r\0é', max_size=30),
)


@pytest.mark.parametrize(("content_type", "parse"), PAGE_TYPES)
@given(st.lists(st.tuples(hostile, hostile), max_size=8, unique=True))
def test_any_label_value_survives(content_type: str, parse, rows: list[tuple[str, str]]) -> None:
    values = {row: position for position, row in enumerate(rows)}
    page = render([Samples.of(GAUGE, values)], content_type).decode()
    samples = [sample for found in parse(page) for sample in found.samples]
    assert len(samples) == len({(readable(a), readable(b)) for a, b in rows})
    for sample in samples:
        name, other = rows[int(sample.value)]
        assert sample.labels == {"name": readable(name), "other": readable(other)}


def readable(value: str) -> str:
    """What a value is shown as: lone surrogates and NUL spelled out, the rest as it is."""
    spelled = "".join(f"\\u{ord(c):04x}" if 0xD800 <= ord(c) < 0xE000 else c for c in value)
    return spelled.replace("\0", "\\x00")


@pytest.mark.parametrize(
    "name", ['a"b\nc{}', "x" * 10_000, b"\xff\xfe".decode("utf-8", "surrogateescape"), ""]
)
@pytest.mark.parametrize(("content_type", "parse"), PAGE_TYPES)
def test_a_hostile_job_name_is_one_bounded_label(content_type: str, parse, name: str) -> None:
    page = render([Samples.of(GAUGE, {(name, "x"): 1})], content_type).decode()
    (sample,) = [sample for found in parse(page) for sample in found.samples]
    assert len(sample.labels["name"]) <= LABEL_LENGTH
    assert sample.labels["other"] == "x"


@given(st.one_of(st.floats(), st.integers(-(2**63), 2**64)))
def test_a_number_is_read_back_exactly(value: float) -> None:
    read = float(number(value))
    assert read == float(value) or (math.isnan(read) and math.isnan(value))


@given(st.lists(st.one_of(st.none(), st.integers(0, 9).map(lambda n: b"%d" % n)), max_size=12))
def test_a_table_leaves_out_what_is_absent(values: list[bytes | None]) -> None:
    table = SeriesTable(GAUGE, [(str(position), "") for position in range(len(values))])
    for _ in range(2):  # a table is used for many scrapes
        samples = table.samples(values)
        read = {
            s.labels["name"]: s.value
            for found in parse_text(render([samples]).decode())
            for s in found.samples
        }
        assert read == {str(n): float(v) for n, v in enumerate(values) if v is not None}
        assert samples.count == len(read)


def test_a_table_refuses_a_wrong_number_of_values() -> None:
    table = SeriesTable(GAUGE, [("a", ""), ("b", "")])
    for values in ([b"1"], [b"1", b"2", b"3"], [None]):
        with pytest.raises(ValueError):
            table.samples(values)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_head_of_samples(count: int) -> None:
    samples = Samples.of(GAUGE, {(letter, ""): 1 for letter in "abc"})
    read = [
        s.labels["name"]
        for found in parse_text(render([samples.head(count)]).decode())
        for s in found.samples
    ]
    assert read == list("abc")[:count]


def test_types_units_and_help_are_written() -> None:
    page = [Samples.of(COUNTER, {(): 1.5}), Samples.of(GAUGE, {("a", "b"): 2})]
    spent, gauge = parse_openmetrics(render(page, OPENMETRICS).decode())
    assert (spent.name, spent.type, spent.unit) == ("hpc_spent_seconds", "counter", "seconds")
    assert (gauge.type, gauge.documentation) == ("gauge", GAUGE.help)
    spent, gauge = parse_text(render(page).decode())
    assert (spent.type, spent.samples[0].value) == ("counter", 1.5)
    assert gauge.documentation == GAUGE.help


def test_a_family_without_series_leaves_no_trace() -> None:
    assert render([Samples.of(GAUGE, {})]) == b""


def test_the_cluster_label_is_on_every_series() -> None:
    body = (
        Samples.of(COUNTER, {(): 1}, cluster='c"1').body
        + Samples.of(GAUGE, {("a", "b"): 1}, cluster="c").body
    )
    assert (
        body
        == b'hpc_spent_seconds_total{cluster="c\\"1"} 1\nhpc_job_name{name="a",other="b",cluster="c"} 1\n'
    )


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("application/openmetrics-text; version=1.0.0", OPENMETRICS),
        # what Prometheus 2.42 and 3.x send
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OPENMETRICS,
        ),
        ("text/plain;version=0.0.4,application/openmetrics-text;q=0.5", TEXT),
        ("application/openmetrics-text;version=2.0.0,text/plain;q=0.2", TEXT),
        ("application/openmetrics-text;q=rubbish", TEXT),
    ],
)
def test_the_client_chooses_the_form(accept: str, content_type: str) -> None:
    assert negotiate(accept) == content_type


@pytest.mark.parametrize(
    "declaration",
    [
        {"name": "Bad-Name", "kind": Kind.GAUGE},
        {"name": "without_suffix", "kind": Kind.COUNTER},
        {"name": "gauge_total", "kind": Kind.GAUGE},
        {"name": "wrong_unit_bytes", "kind": Kind.GAUGE, "unit": "seconds"},
        {"name": "nobodys", "kind": Kind.GAUGE, "audience": Audience.OWNER},
        {"name": "nobodys", "kind": Kind.GAUGE, "audience": Audience.ACCOUNT, "labels": ("user",)},
    ],
)
def test_a_bad_declaration_is_refused(declaration: dict) -> None:
    with pytest.raises(ValueError):
        Family(help="", **declaration)
