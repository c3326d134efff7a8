"""Parsers take the kernel's text apart, and nothing that is not a number gets through, whatever they are given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge_job.sources import cgroup, facts, procfs
from jobgauge_job.sources.cgroup import CpuList, Keyed, Number, Parser, Pressure, Quota, digits, seconds

PARSERS: list[Parser] = [Keyed("one"), Keyed("anon", "file", "x"), Number(), Quota(), Pressure(), CpuList()]
LIKELY = st.binary() | st.text("0123456789 \n\0maxsofulltoe=,-_.:()RSDZ", max_size=200).map(str.encode)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: type(parser).__name__)
@given(texts=st.lists(LIKELY, min_size=1, max_size=4))
def test_any_bytes_give_rows_of_numbers_or_nothing(parser: Parser, texts: list[bytes]) -> None:
    rows = [parser(text) for text in texts]
    for column in map(digits, zip(*rows, strict=True)):
        assert all(value is None or (value.isdigit() and value.isascii()) for value in column)
        for value, second in zip(column, seconds(column), strict=True):
            assert (
                second is None
                if value is None
                else abs(float(second) - int(value) / 1e6) <= abs(float(second)) * 1e-12
            )
    assert all(len(row) == parser.width for row in rows)


@given(LIKELY)
def test_any_bytes_are_survived(text: bytes) -> None:
    cgroup.io_devices(text)
    procfs.parse_uids(text)
    procfs.parse_stat(text)
    procfs.parse_usage(text)
    procfs.parse_boot_time(text)
    facts.parse(text)
    assert len(procfs.parse_state(text)) <= 1


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2**64), min_size=0, max_size=8),
        max_size=6,
    )
)
def test_keys_are_found_wherever_they_stand(files: list[dict[str, int]]) -> None:
    """Files of several kernels, one after another through the same parser: what was learnt of one misleads at no other."""
    parser = Keyed("a", "d", "h")
    for values in files:
        text = "".join(f"{name} {value}\n" for name, value in values.items()).encode()
        expected = [None if values.get(name) is None else b"%d" % values[name] for name in "adh"]
        assert list(parser(text)) == expected


def test_a_key_that_is_another_ones_value() -> None:
    parser = Keyed("a", "b")
    assert list(parser(b"a 1\nb 2\n")) == [b"1", b"2"]
    assert list(parser(b"b a\na 7\n")) == [b"7", b"a"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b"0-3\n", b"4"),
        (b"0\n", b"1"),
        (b"0-1,8,10-11\n", b"5"),
        (b"\n", None),
        (b"", None),
        (b"3-x\n", None),
        (b"9-2", None),
    ],
)
def test_cpu_lists(text: bytes, count: bytes | None) -> None:
    assert list(CpuList()(text)) == [count]


@pytest.mark.parametrize(
    ("value", "expected"), [(b"0", 0.0), (b"7", 7e-6), (b"1000000", 1.0), (b"12345678", 12.345678)]
)
def test_microseconds(value: bytes, expected: float) -> None:
    (written,) = seconds([value])
    assert written is not None
    assert float(written) == expected


def test_a_process_may_call_itself_anything() -> None:
    fields = b" ".join([b"S", *(b"%d" % n for n in range(4, 53))])
    stat = procfs.parse_stat(b"12 (a) R 1 (b) " + fields + b"\n")
    assert stat == (b"a) R 1 (b", b"S", 22)
    usage = procfs.parse_usage(b"12 (a) R 1 (b) " + fields + b"\n")
    assert usage == (b"12 (a) R 1 (b", b"S", 14 + 15, 20)
    assert procfs.parse_state(b"12 (x) Z (y) D 1 2 3") == b"D"


def test_facts() -> None:
    found = facts.parse(b"account=a=b\npartition = gpu \nuid=12\ngpus=0,1,\nunknown=1\nno line\n")
    assert found == facts.Facts("a=b", "gpu", 12, ("0", "1"))
    assert facts.parse(b"uid=-1\n").uid is None
