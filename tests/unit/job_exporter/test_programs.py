"""CPU time by program: no counter falls, and nothing is lost or counted twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobgauge_job.programs import OTHER, ProgramTimes

ROUNDS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e", OTHER]), st.integers(0, 5000), max_size=6),
    max_size=12,
)


@given(ROUNDS, st.integers(1, 3))
def test_counters_never_fall_and_rates_add_up(rounds: list[dict[str, int]], places: int) -> None:
    times = ProgramTimes(places)
    last: dict[str, int] = {}
    for ticks in rounds:
        times.add(ticks)
        now = dict(zip((*times.names, OTHER), times.counts(), strict=True))
        assert len(times.names) <= places
        assert OTHER not in times.names
        rise = 0
        for name, count in now.items():
            assert count >= last.get(name, 0)
            rise += count - last.get(name, 0)
        assert rise == sum(ticks.values())
        last |= now


def test_the_program_that_uses_most_has_a_place() -> None:
    times = ProgramTimes(2)
    times.add({"bash": 50, "tar": 200, "gzip": 300, "python": 0})
    assert set(times.names) == {"tar", "gzip"}
    times.add({"python": 390})
    assert set(times.names) == {"tar", "gzip"}  # not yet twice as much
    times.add({"python": 500})
    assert set(times.names) == {"python", "gzip"}
    assert dict(zip((*times.names, OTHER), times.counts(), strict=True)) == {
        "python": 500,
        "gzip": 300,
        OTHER: 50 + 390,
    }


def test_any_number_of_programs_is_bounded() -> None:
    times = ProgramTimes(5)
    for n in range(2000):
        times.add({f"program{n}": 1000})
    assert len(times.names) == 5
    assert sum(times.counts()) == 2_000_000
    assert len(times._used) <= 256
