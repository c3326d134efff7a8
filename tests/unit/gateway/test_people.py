"""Who leads what, from each source; how long it is believed; and turns at the store."""

from __future__ import annotations

import asyncio
import grp
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobgauge.errors import ConfigError, SourceError
from jobgauge_gateway import people
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.fairness import Turnstile
from jobgauge_gateway.people import Directory, People
from jobgauge_gateway.problem import Problem
from jobgauge_gateway.sources import Groups, PeopleFile, Settings, Slurm, sources


class Told:
    """A source that says what it is told to."""

    name = "told"
    fixed = False

    def __init__(self, answer: Callable[[], People]) -> None:
        self.answer = answer
        self.looks = 0
        self.looked = threading.Condition()

    def read(self) -> People:
        with self.looked:
            self.looks += 1
            self.looked.notify_all()
        return self.answer()

    async def say(self, answer: Callable[[], People]) -> None:
        """Answer otherwise, and wait until that was taken in."""

        def wait() -> bool:
            with self.looked:
                end = self.looks + 2  # one look may be under way, the next has this answer
                return self.looked.wait_for(lambda: self.looks >= end, 30)

        self.answer = answer
        assert await asyncio.to_thread(wait)


LEADS = People(
    staff=frozenset(["sam"]), leaders=frozenset([("pia", "physics")]), members=frozenset([("bob", "bio")])
)


def fail() -> People:
    raise SourceError("the directory is down")


def test_the_settings_and_a_file_add_up(tmp_path: Path) -> None:
    file = tmp_path / "people.yml"
    file.write_text("staff: [ann]\nleaders: {physics: [pia], bio: [pia]}\nmembers: {physics: [alice, bob]}\n")
    config = GatewayConfig(
        staff=("sam",), leaders=("pia=chem",), members=("alice=a=b",), people_file=str(file)
    )

    async def look() -> None:
        directory = Directory(sources(config), 100, 100)
        await directory.start()
        assert directory.scope("pia").leads == {"physics", "bio", "chem"}
        assert directory.scope("alice").member_of == {"physics", "a=b"}
        assert [directory.scope(login).staff for login in ("sam", "ann", "Sam", "pia")] == [
            True,
            True,
            False,
            False,
        ]
        assert [directory.knows(login) for login in ("bob", "ann", "eve")] == [True, True, False]
        with pytest.raises(Problem):
            directory.scope("")
        await directory.close()

    asyncio.run(look())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("stuff: [a]", "did you mean 'staff'"),
        ("staff: sam", "list of logins"),
        ("staff: [1000]", "list of logins"),
        ("staff: ['']", "list of logins"),
        ("leaders: [pia]", "physics: \\[pia\\]"),
        ("leaders: {physics: pia}", "list of logins"),
        ("leaders: {12: [pia]}", "quotes"),
        ("members: {'': [pia]}", "account"),
        ("leaders: {physics: [pia], physics: [eve]}", "twice"),
        ("- a", "settings"),
    ],
)
def test_a_mistake_in_the_file_shows_at_the_start(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "people.yml").write_text(text)
    with pytest.raises(ConfigError, match=named):
        PeopleFile(str(tmp_path / "people.yml"))


def slurm(folder: Path, coordinators: str, associations: str) -> Slurm:
    """Return a source that asks a sacctmgr which prints this."""
    program = folder / "sacctmgr"
    (folder / "account").write_text(coordinators)
    (folder / "associations").write_text(associations)
    program.write_text(
        f'#!/bin/sh\n[ "$1 $2 $3" = "--noheader --parsable2 --readonly" ] && cat "{folder}/$5"\n'
    )
    program.chmod(0o755)
    return Slurm(str(program))


def test_slurm_tells_members_and_coordinators(tmp_path: Path) -> None:
    # As Slurm 22.05 prints it: accounts without coordinators, and each account's own line without a user.
    coordinators = "bio|\nchemistry|\nphysics|alice,carol,root\nphysics-lab|alice\nroot|\n"
    associations = "|root\nroot|root\n|bio\ncarol|bio\n|physics\nalice|physics\nalice|physics-lab\n"
    told = slurm(tmp_path, coordinators, associations).read()
    assert told.leaders == {
        ("alice", "physics"),
        ("carol", "physics"),
        ("root", "physics"),
        ("alice", "physics-lab"),
    }
    assert told.members == {
        ("root", "root"),
        ("carol", "bio"),
        ("alice", "physics"),
        ("alice", "physics-lab"),
    }
    assert told.staff == frozenset()


@pytest.mark.parametrize(
    ("coordinators", "associations"),
    [("physics|alice\n", ""), ("physics|alice\n", "|physics\n"), ("physics\n", "a|b\n"), ("physics|a|b\n", "a|b\n"),
     ("slurmdbd: error\n", "a|b\n")],
)  # fmt: skip
def test_half_an_answer_of_slurm_is_none(tmp_path: Path, coordinators: str, associations: str) -> None:
    with pytest.raises(SourceError):
        slurm(tmp_path, coordinators, associations).read()


def test_groups_are_asked_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"pis": ["pia", "paul"], "ops": ["sam"], "all": ["pia", "bob"]}
    monkeypatch.setattr(grp, "getgrnam", lambda name: grp.struct_group((name, "x", 1, known[name])))
    config = GatewayConfig(
        staff_groups=("ops",), leader_groups=("pis=physics",), member_groups=("all=physics",)
    )
    assert Groups(config).read() == People(
        frozenset(["sam"]),
        frozenset([("pia", "physics"), ("paul", "physics")]),
        frozenset([("pia", "physics"), ("bob", "physics")]),
    )
    with pytest.raises(SourceError, match="nobody-has-this"):
        Groups(GatewayConfig(staff_groups=("nobody-has-this",))).read()


def test_a_source_that_fails_is_believed_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [time.monotonic()]
    source = Told(lambda: LEADS)

    async def fade() -> None:
        monkeypatch.setattr(people, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        directory = Directory([Settings(GatewayConfig(staff=("ann",))), source], 0.001, 60)
        await directory.start()
        await source.say(fail)
        clock[0] += 59
        assert (directory.scope("pia").leads, directory.scope("sam").staff) == ({"physics"}, True)
        assert directory.ages() == {"told": 59}
        clock[0] += 2
        assert (directory.scope("pia").leads, directory.scope("sam").staff) == (frozenset(), False)
        assert (directory.knows("bob"), directory.scope("ann").staff) == (False, True)
        await source.say(lambda: LEADS)
        assert directory.scope("pia").leads == {"physics"}
        await directory.close()

    asyncio.run(fade())


@pytest.mark.parametrize("turns", range(6))
def test_an_end_that_meets_an_answer_is_an_end(turns: int) -> None:
    """The answer is on its way from the thread to the reader, by so many turns of asyncio."""
    asked, released = threading.Event(), threading.Event()

    def wait() -> People:
        asked.set()
        released.wait(30)
        return LEADS

    def release() -> None:
        released.set()
        time.sleep(0.05)  # asyncio is held until the answer is there

    async def end() -> None:
        source = Told(lambda: LEADS)
        directory = Directory([source], 0.001, 60)
        await directory.start()
        source.answer = wait
        assert await asyncio.to_thread(asked.wait, 30)
        release()
        for _ in range(turns):
            await asyncio.sleep(0)
        closing = asyncio.create_task(directory.close())
        assert await asyncio.wait([closing], timeout=30) == ({closing}, set())

    asyncio.run(end())


def test_a_source_that_is_down_at_the_start_grants_nothing_and_stops_nothing() -> None:
    async def start() -> None:
        directory = Directory([Told(fail)], 100, 100)
        await directory.start()
        assert (directory.scope("pia").leads, directory.ages()) == (frozenset(), {})
        await directory.close()

    asyncio.run(start())


def test_what_is_taken_away_is_gone_at_the_next_look() -> None:
    source = Told(lambda: LEADS)

    async def look() -> None:
        directory = Directory([source], 0.001, 60)
        await directory.start()
        assert directory.scope("pia").leads == {"physics"}
        await source.say(People)
        assert directory.scope("pia").leads == frozenset()
        await directory.close()

    asyncio.run(look())


def test_a_source_that_hangs_keeps_the_others_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_READ_TIMEOUT", 0.02)
    released = threading.Event()

    def hang() -> People:
        released.wait(30)
        return LEADS

    async def look() -> None:
        directory = Directory([Told(hang), Told(lambda: People(staff=frozenset(["ann"])))], 100, 100)
        await directory.start()
        assert (directory.scope("sam").staff, directory.scope("ann").staff) == (False, True)
        await directory.close()
        released.set()

    asyncio.run(look())


# Turns at the store


def turns(*arrivals: str, places: int = 1, per_user: int = 1) -> list[str]:
    """Return in which order queries get in, that arrive at once while all places are taken."""
    order: list[str] = []

    async def come() -> None:
        turnstile = Turnstile(GatewayConfig(limit_concurrent=places, limit_per_user=per_user))

        async def enter(login: str) -> None:
            async with turnstile.place(login):
                order.append(login)
                assert turnstile.inside <= places
                await asyncio.sleep(0)

        async with turnstile.place("first"):
            tasks = [asyncio.create_task(enter(login)) for login in arrivals]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        assert (turnstile.inside, turnstile.waiting) == (0, 0)

    asyncio.run(come())
    return order


def test_callers_take_turns() -> None:
    assert turns("a", "a", "a", "b", "c") == ["a", "b", "c", "a", "a"]


def test_one_callers_board_leaves_places_for_others() -> None:
    # "first" holds one of three places, so two are free: the board may take one of them after the other until it has
    # its share of two, and the third caller does not wait for the rest of the board.
    assert turns(*"aaaaab", places=3, per_user=2).index("b") <= 2


@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_who_goes_while_waiting_leaves_no_trace(cancelled: int) -> None:
    async def come() -> list[int]:
        turnstile = Turnstile(GatewayConfig(limit_concurrent=1, limit_per_user=1))
        entered: list[int] = []

        async def enter(number: int) -> None:
            async with turnstile.place("a" if number < 2 else "b"):
                entered.append(number)

        async with turnstile.place("first"):
            tasks = [asyncio.create_task(enter(number)) for number in range(3)]
            await asyncio.sleep(0)
            tasks[cancelled].cancel()  # and the place becomes free before its task has run
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (turnstile.inside, turnstile.waiting) == (0, 0)
        return entered

    assert sorted([*asyncio.run(come()), cancelled]) == [0, 1, 2]


def test_a_place_that_comes_together_with_a_cancellation_is_given_back() -> None:
    async def come() -> None:
        turnstile = Turnstile(GatewayConfig(limit_concurrent=1, limit_per_user=1))

        async def enter() -> None:
            async with turnstile.place("a"):
                pass

        async with turnstile.place("first"):
            task = asyncio.create_task(enter())
            await asyncio.sleep(0)
        task.cancel()  # after the place was given, before the task has run
        await asyncio.gather(task, return_exceptions=True)
        assert (turnstile.inside, turnstile.waiting) == (0, 0)

    asyncio.run(come())
