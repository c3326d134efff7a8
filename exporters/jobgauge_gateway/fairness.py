"""Places at the store: so many in all, so many for one caller, and callers take turns for those that become free."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.problem import Problem

_Waiter = asyncio.Future[None]


class Turnstile:
    """Lets queries through; used by one event loop only."""

    def __init__(self, config: GatewayConfig) -> None:
        self._places = config.limit_concurrent
        self._per_user = config.limit_per_user
        self._patience = config.limit_wait
        self._most_waiting = config.limit_waiting
        self._inside: Counter[str] = Counter()
        self._free = self._places
        self._queues: OrderedDict[str, deque[_Waiter]] = OrderedDict()  # whose turn it is next comes first

    @property
    def inside(self) -> int:
        """Queries at the store now."""
        return self._places - self._free

    @property
    def waiting(self) -> int:
        """Queries that wait for a place."""
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def place(self, login: str) -> AsyncIterator[None]:
        """Hold a place; raise Problem where too many of this caller's queries wait, or for too long."""
        if login in self._queues or not self._has_place(login):
            await self._wait(login)
        else:
            self._enter(login)
        try:
            yield
        finally:
            self._leave(login)

    async def _wait(self, login: str) -> None:
        queue = self._queues.setdefault(login, deque())
        if len(queue) >= self._most_waiting:
            raise Problem(
                429,
                f"{len(queue)} of your queries wait already; show fewer panels at a time, or wait",
                "limited",
            )
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        try:
            async with asyncio.timeout(self._patience):
                await waiter
        except BaseException as error:
            self._give_up(login, waiter)
            if isinstance(error, TimeoutError):
                sentence = f"no place at the store became free within {self._patience:g} s; try again, or ask for less"
                raise Problem(503, sentence, "limited") from error
            raise

    def _give_up(self, login: str, waiter: _Waiter) -> None:
        if waiter.done() and not waiter.cancelled():  # the place came together with the end of the wait
            self._leave(login)
            return
        queue = self._queues.get(login, deque())
        if waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[login]

    def _has_place(self, login: str) -> bool:
        return self._free > 0 and self._inside[login] < self._per_user

    def _enter(self, login: str) -> None:
        self._free -= 1
        self._inside[login] += 1

    def _leave(self, login: str) -> None:
        self._free += 1
        self._inside[login] -= 1
        if not self._inside[login]:
            del self._inside[login]
        self._admit()

    def _admit(self) -> None:
        """Give free places to those who wait, one caller after another."""
        for login in list(self._queues):
            if not self._free:
                return
            if self._inside[login] < self._per_user:
                self._let_in(login)

    def _let_in(self, login: str) -> None:
        queue = self._queues.pop(login)
        while queue and queue[0].cancelled():  # its task has not run since, and will find itself gone
            queue.popleft()
        if queue:
            self._enter(login)
            queue.popleft().set_result(None)
        if queue:
            self._queues[login] = queue  # at the end: the others come first
