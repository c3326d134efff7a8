"""CPU time by program, as counters that never fall although processes end and places are few."""

from __future__ import annotations

from collections.abc import Mapping

OTHER = "other"
_LEAST = 100  # ticks that a program must have used to get a place
_KNOWN = 256  # programs of one job that are told apart; a user can name any number


class ProgramTimes:
    """CPU ticks of one job's programs: those that used most by name, the rest as OTHER.

    A program's own counter counts what it uses while it has a place; what it uses before and after goes to OTHER. So
    neither falls when places change hands, and each rate is right. A place changes hands only when another program has used
    twice as much, so that the number of series of a job stays small over its life too.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._used: dict[str, int] = {}  # by each program known, ever
        self._shown: dict[str, int] = {}  # while it had a place
        self.names: tuple[str, ...] = ()  # those that have a place now
        self._others = 0

    def add(self, ticks: Mapping[str, int]) -> None:
        """Count what each program has used since the last time."""
        if not ticks:
            return  # none has run
        for name, more in ticks.items():
            if name in self._used or len(self._used) < _KNOWN:
                self._used[name] = self._used.get(name, 0) + more
        if len(self._used) > len(self.names):
            self._give_places()
        for name, more in ticks.items():
            if name in self.names:
                self._shown[name] = self._shown.get(name, 0) + more
            else:
                self._others += more

    def counts(self) -> list[int]:
        """Return the ticks of each of `names`, and last those of all others."""
        return [*(self._shown.get(name, 0) for name in self.names), self._others]

    def _give_places(self) -> None:
        names = list(self.names)
        for name in sorted(self._used.keys() - {*names, OTHER}, key=lambda name: (-self._used[name], name)):
            if self._used[name] < _LEAST:
                break
            if len(names) < self._places:
                names.append(name)
                continue
            least = min(names, key=lambda name: self._used[name])
            if self._used[name] <= 2 * self._used[least]:
                break
            names[names.index(least)] = name
        if names != list(self.names):
            self.names = tuple(names)
