"""Signals that the main thread waits for, none of which is lost.

Python runs a handler once its interpreter gets to it. One that would do something to end a wait is too late for a signal that
comes in the moment before that wait, and the program would not end. So the numbers are written by Python's own C code.
"""

from __future__ import annotations

import os
import signal


def expect(*signals: signal.Signals) -> int:
    """Return a descriptor from which caught() reads these signals, from now on."""
    descriptor, written = os.pipe()  # not for programs that are started
    os.set_blocking(written, False)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    for number in signals:
        signal.signal(number, lambda *_: None)  # without a handler of Python's, nothing is written
    return descriptor


def caught(descriptor: int) -> signal.Signals:
    """Wait for the next signal, and return it."""
    return signal.Signals(os.read(descriptor, 1)[0])
