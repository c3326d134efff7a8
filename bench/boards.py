#!/usr/bin/env python3
"""How long each board takes to open on the demo: all queries that it sends, six at a time as a browser does, through the gateway.

python bench/boards.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for tests.support

from tests.support.boards import Opened, written  # noqa: E402 - found only now
from tests.support.demo import Demo, shared, wait_until  # noqa: E402 - the same

AT_ONCE = 6  # connections of a browser to one server
TURNS = 3


class Direct:
    """The demo without its gateway."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    def gateway(self, path: str, login: str, **parameters: object) -> Any:  # noqa: ARG002 - it asks nobody's name
        """Ask Prometheus."""
        return self._demo.prometheus(path, **parameters)


def seconds(source: Demo | Direct, login: str, board: dict[str, Any]) -> tuple[float, int]:
    """Return the best time of a few in which a board opens, and how many queries that are."""
    return min(opened(source, login, board) for _ in range(TURNS))


def opened(source: Demo | Direct, login: str, board: dict[str, Any]) -> tuple[float, int]:
    """Open a board once."""
    begin = time.perf_counter()
    page = Opened(source, login, board)
    queries = list(page.queries(closed=False))
    with ThreadPoolExecutor(AT_ONCE) as connections:
        answers = list(connections.map(page.answer, queries))
    if refused := [answer.refused for answer in answers if answer.refused]:
        sys.exit(refused[0])
    return time.perf_counter() - begin, len(queries)


def main() -> None:
    """Measure every board."""
    with tempfile.TemporaryDirectory() as folder, shared(Path(folder)) as demo:
        wait_until(demo.settled, 300)
        print(f"{'board':28}{'queries':>8}{'gateway':>10}{'direct':>10}{'ratio':>7}")
        for uid, board in sorted(written(demo).items()):
            login = "alice" if "users" in board["tags"] else "sam"
            through, queries = seconds(demo, login, board)
            direct, _ = seconds(Direct(demo), login, board)
            print(f"{uid:28}{queries:8}{through:9.2f}s{direct:9.2f}s{through / direct:7.2f}")


if __name__ == "__main__":
    main()
