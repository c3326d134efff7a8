"""Signals that a program waits for: none may be lost, in whatever moment it comes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

ROUNDS = 20_000
ANSWERS = """
import os, signal
from jobgauge import signals
expected = signals.expect(signal.SIGHUP, signal.SIGTERM)
os.write(1, b"?")
while (caught := signals.caught(expected)) is signal.SIGHUP:
    os.write(1, b".")
os.write(1, caught.name.encode())
"""


def test_each_of_many_signals_wakes_it() -> None:
    """A handler that put them into a queue lost one in some ten thousand, and with it the wish to end."""
    with subprocess.Popen([sys.executable, "-c", ANSWERS], stdout=subprocess.PIPE) as process:
        assert process.stdout

        def answer() -> bytes:
            assert select.select([process.stdout], [], [], 20)[0]
            return os.read(process.stdout.fileno(), 100)

        try:
            assert answer() == b"?"
            for _ in range(ROUNDS):
                process.send_signal(signal.SIGHUP)
                assert answer() == b"."
            process.send_signal(signal.SIGTERM)
            assert answer() == b"SIGTERM"
            assert process.wait(20) == 0
        finally:
            process.kill()
