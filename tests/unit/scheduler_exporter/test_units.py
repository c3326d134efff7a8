"""Slurm's notations, against values worked out by hand or by counting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge_scheduler.slurm import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:00", 0),
        ("5:00", 300),
        ("30:00", 1800),
        ("01:02:03", 3723),
        ("1-00:00:00", 86400),
        ("14-00:00:00", 1209600),
        ("UNLIMITED", None),
        ("NOT_SET", None),
        ("N/A", None),
        ("INVALID", None),
        ("", None),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert units.duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "time"),
    [("1795260115", 1795260115), ("N/A", None), ("Unknown", None), ("None", None), ("", None), ("²", None)],
)
def test_times(text: str, time: int | None) -> None:
    assert units.epoch(text) == time


@pytest.mark.parametrize(
    ("text", "memory", "gpus"),
    [
        ("cpu=3,mem=300M,node=3,billing=3", 300 * 2**20, 0),
        ("cpu=1,mem=1.50T,node=1", 3 * 2**39, 0),
        ("cpu=1,mem=2048,node=1", 2**31, 0),  # a bare number counts MiB
        ("cpu=4,mem=1000M,node=2,billing=4,gres/gpu=2", 1000 * 2**20, 2),
        ("cpu=4,node=2,gres/gpu=3,gres/gpu:a100=2,gres/gpu:h100=1", None, 3),  # the total beside its types
        ("cpu=4,gres/gpu:a100=2,gres/gpu:h100=1,gres/gpumem=80G", None, 3),
        ("", None, 0),
    ],
)
def test_tres(text: str, memory: int | None, gpus: int) -> None:
    assert units.tres(text) == (memory, gpus)


@pytest.mark.parametrize(
    ("tres", "asked", "types"),
    [
        ("cpu=4,node=2,gres/gpu=3,gres/gpu:a100=2,gres/gpu:h100=1", "N/A", {"a100": 2, "h100": 1}),
        ("gres/gpu=3,gres/gpu:a100=2", "", {"a100": 2, "": 1}),
        ("cpu=4,gres/gpu=2", "N/A,N/A,N/A,N/A", {"": 2}),
        ("cpu=4,gres/gpu=2", "N/A,gres/gpu:2", {"": 2}),
        ("cpu=4,gres/gpu=2", "gres:gpu:a100", {"a100": 2}),
        ("cpu=4,gres/gpu=2K", "gres:gpu:1080:1", {"1080": 2048}),
        (
            "cpu=4,gres/gpu=6",
            "gres/gpu:a100:1,gres/gpu:h100:2,gres/shard:9",
            {"a100": 2, "h100": 4},
        ),  # 2 nodes
        (
            "cpu=4,gres/gpu=6",
            "gres/gpu:6,gres/gpu:a100=3",
            {"a100": 6},
        ),  # of all in one way, of each node in another
        ("cpu=4,gres/gpu=5", "gres/gpu:a100:1,gres/gpu:h100:2", {"": 5}),  # which makes no sense
        ("cpu=4,gres/gpumem=80G,gres/gpuutil=3", "gres/gpu:a100:1", {}),
    ],
)
def test_gpus_by_type(tres: str, asked: str, types: dict[str, int]) -> None:
    assert dict(units.gpus_by_type(tres, asked)) == types


@pytest.mark.parametrize(
    ("texts", "types", "held"),  # Gres, GresUsed, CfgTRES, AllocTRES
    [
        (("(null)", "gpu:0", "cpu=4", "cpu=1"), {}, {}),
        (("gpu:a100:2(S:0-1)", "", "cpu=4,gres/gpu=2", "cpu=1,gres/gpu=1"), {"a100": 2}, {"a100": 1}),
        (("gpu:a100:2", "", "cpu=4,gres/gpu=2", ""), {"a100": 2}, {"a100": 0}),
        (("gpu:a100:2", "", "cpu=4", "cpu=1"), {"a100": 2}, None),  # nothing counts GPUs
        (("gpu:a100:2", "gpu:a100:1(IDX:0)", "cpu=4", "cpu=1"), {"a100": 2}, {"a100": 1}),
        (("gpu:2", "gpu:0(IDX:N/A)", "cpu=4,gres/gpu=2", ""), {"": 2}, {"": 0}),
        (
            ("gpu:a100:2(S:0),gpu:h100:4,shard:8", "gpu:a100:2(IDX:0,1),gpu:h100:1(IDX:5)", "gres/gpu=6", "gres/gpu=3"),
            {"a100": 2, "h100": 4},
            {"a100": 2, "h100": 1},
        ),
        (("gpu:a100:2,gpu:h100:4", "", "gres/gpu=6", "gres/gpu=3"), {"a100": 2, "h100": 4}, None),
        (
            ("gpu:a100:2,gpu:h100:4", "", "gres/gpu=6,gres/gpu:a100=2,gres/gpu:h100=4", "gres/gpu=3,gres/gpu:h100=3"),
            {"a100": 2, "h100": 4},
            {"a100": 0, "h100": 3},
        ),
    ],
)  # fmt: skip
def test_gpus_of_a_node_by_type(
    texts: tuple[str, str, str, str], types: dict[str, int], held: dict[str, int] | None
) -> None:
    found, told = units.node_gpus_by_type(*texts)
    assert (dict(found), None if told is None else dict(told)) == (types, held)


@pytest.mark.parametrize("text", ["", "M", "3X", "-1", "1e3", "∞"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        units.amount(text)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50), st.integers(1, 9)), min_size=1, max_size=6)
)
def test_task_sets_count_what_they_list(spans: list[tuple[int, int, int]]) -> None:
    texts, total = [], 0
    for first, length, step in spans:
        members = list(range(first, first + length + 1, step))
        total += len(members)
        texts.append(
            str(first) if len(members) == 1 else f"{first}-{members[-1]}" + (f":{step}" if step > 1 else "")
        )
    assert units.task_count(",".join(texts)) == total
    assert units.task_count(",".join(texts) + "%5") == total


@pytest.mark.parametrize("text", ["1,3,5-9,20...", "", "1-", "x", "1,,2", "1-5:0"])
def test_a_set_that_was_cut_or_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no set of array tasks"):
        units.task_count(text)
