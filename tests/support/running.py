"""A command of the suite that serves, as a process: started on a free port, scraped, ended or killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.expectation import Key
from tests.support.scrape import parse

_PATIENCE = 150.0  # only ever waited for in full where something is broken


@dataclass
class Running:
    """A running exporter."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        """What it has logged."""
        return self.log.read_text(errors="replace")

    def wait(self, pattern: str) -> re.Match[str]:
        """Wait until it has logged something."""
        deadline = time.monotonic() + _PATIENCE
        while (found := re.search(pattern, self.said)) is None:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)
        return found

    @property
    def address(self) -> str:
        """Where it listens, once it does."""
        return self.wait(r"listens on (127\.0\.0\.1:\d+)")[1]

    def page(self) -> dict[Key, float]:
        """Scrape it, once it listens."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=_PATIENCE) as answer:
            return parse(answer.read().decode())

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal that ends it; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE)


@contextmanager
def running(command: str, log: Path, *flags: str) -> Iterator[Running]:
    """Start a command that serves; whatever happens, it is gone at the end."""
    argv = [Path(sys.executable).parent / command, "--web.listen-address=127.0.0.1:0", *flags]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=output)
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()
