"""What everybody is entitled to: who is staff, who leads which account, who is in which.

Several sources are read in the background and their grants are added up. A source that fails is believed for a while;
then what it grants is taken away, so that nobody keeps a right that nothing confirms.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from jobgauge_gateway.policy import Scope
from jobgauge_gateway.problem import unwelcome
from jobgauge_gateway.promql.refusal import NotAllowed

log = logging.getLogger(__name__)

_READ_TIMEOUT = 60.0  # seconds; a source that hangs for longer has failed
_REMEMBERED = 10_000

Grant = tuple[str, str]  # login, account


@dataclass(frozen=True)
class People:
    """What one source says."""

    staff: frozenset[str] = frozenset()
    leaders: frozenset[Grant] = frozenset()
    members: frozenset[Grant] = frozenset()


class Source(Protocol):
    """Something that knows people; read() may block, and raises JobgaugeError where it cannot tell."""

    name: str
    fixed: bool  # part of the configuration: read once, and a mistake in it is one of the configuration

    def read(self) -> People:
        """Read everything anew."""


@dataclass(slots=True)
class _State:
    """What a source said last, and when."""

    source: Source
    people: People = People()
    read_at: float = float("-inf")
    problem: str = ""
    reading: asyncio.Future[People] | None = None  # under way

    def alive(self, now: float, keep: float) -> bool:
        return self.source.fixed or now - self.read_at <= keep


class Directory:
    """Knows everybody's scope."""

    def __init__(self, sources: Sequence[Source], refresh: float, keep: float) -> None:
        self._states = [_State(source) for source in sources]
        self._refresh = refresh
        self._keep = keep
        self._scopes: dict[str, Scope] = {}
        self._staff: frozenset[str] = frozenset()
        self._leads: Mapping[str, frozenset[str]] = {}
        self._member_of: Mapping[str, frozenset[str]] = {}
        self._merge_at = float("inf")  # when the next source expires
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read every source once, then keep reading those that change; raise ConfigError for a wrong fixed one."""
        await asyncio.gather(*(self._read(state) for state in self._states))
        self._merge()
        changing = [state for state in self._states if not state.source.fixed]
        self._tasks = [asyncio.create_task(self._follow(state)) for state in changing]

    async def close(self) -> None:
        """Read no more."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def scope(self, login: str) -> Scope:
        """Return what a login may see; raise Problem where it is no login that can own jobs."""
        if time.monotonic() >= self._merge_at:
            self._merge()
        scope = self._scopes.get(login)
        if scope is None:
            try:
                scope = Scope(
                    login,
                    login in self._staff,
                    self._member_of.get(login, frozenset()),
                    self._leads.get(login, frozenset()),
                )
            except NotAllowed as refusal:
                raise unwelcome(str(refusal)) from refusal
            if len(self._scopes) >= _REMEMBERED:
                self._scopes.clear()
            self._scopes[login] = scope
        return scope

    def knows(self, login: str) -> bool:
        """Say whether any source has this login."""
        return login in self._staff or login in self._leads or login in self._member_of

    def ages(self) -> dict[str, float]:
        """Return how long ago each source was read, where it ever was."""
        now = time.monotonic()
        return {s.source.name: now - s.read_at for s in self._states if not s.source.fixed and s.read_at > 0}

    async def _follow(self, state: _State) -> None:
        while True:
            await asyncio.sleep(self._refresh)
            await self._read(state)
            self._merge()

    async def _read(self, state: _State) -> None:
        """Read a source; one that hangs is left in its thread, and the next look waits for the same one."""
        if state.source.fixed:
            state.people = state.source.read()
            return
        if state.reading is None:
            state.reading = asyncio.ensure_future(asyncio.to_thread(state.source.read))
        try:
            # Not wait_for(), which loses a cancellation that meets the answer.
            async with asyncio.timeout(_READ_TIMEOUT):
                state.people = await asyncio.shield(state.reading)
        except TimeoutError:
            self._failed(state, f"no answer within {_READ_TIMEOUT:g} seconds")
            return
        except Exception as error:  # noqa: BLE001 - whatever a source does, the others are read
            self._failed(state, str(error) or type(error).__name__)
        else:
            state.read_at = time.monotonic()
            if state.problem:
                log.info("people from %s are read again", state.source.name)
            state.problem = ""
        state.reading = None

    def _failed(self, state: _State, problem: str) -> None:
        if problem != state.problem:
            log.error(
                "people from %s: %s; what it said before holds for %g s",
                state.source.name,
                problem,
                self._keep,
            )
        state.problem = problem

    def _merge(self) -> None:
        now = time.monotonic()
        alive = [state for state in self._states if state.alive(now, self._keep)]
        self._staff = frozenset().union(*(state.people.staff for state in alive))
        self._leads = _by_login(grant for state in alive for grant in state.people.leaders)
        self._member_of = _by_login(grant for state in alive for grant in state.people.members)
        ends = [state.read_at + self._keep for state in alive if not state.source.fixed]
        self._merge_at = min(ends, default=float("inf"))
        self._scopes.clear()


def _by_login(grants: Iterable[Grant]) -> Mapping[str, frozenset[str]]:
    accounts: defaultdict[str, set[str]] = defaultdict(set)
    for login, account in grants:
        accounts[login].add(account)
    return {login: frozenset(names) for login, names in accounts.items()}
