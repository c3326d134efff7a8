"""The kernel's word that something was made or removed in a directory, cgroups included."""

from __future__ import annotations

import ctypes
import logging
import os
from contextlib import suppress

log = logging.getLogger(__name__)

_CREATE, _DELETE, _ONLY_A_DIRECTORY = 0x100, 0x200, 0x01000000
_ROOM = 65536  # bytes of one read


class Changes:
    """A descriptor to poll: there is something to read once anything has come or gone in a directory that is followed."""

    def __init__(self) -> None:
        """Leave the descriptor at -1, which poll passes over, where the kernel has none to give."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.fd < 0:
            why = os.strerror(ctypes.get_errno())
            log.warning("new jobs are found by looking for them only, for inotify does not work: %s", why)

    def follow(self, directory: str) -> None:
        """Be told of what comes and goes there; again and again, for only that finds one that was made anew."""
        # An error is one of a directory that has just gone, or a limit: then it is looked at now and then, as ever.
        self._libc.inotify_add_watch(self.fd, os.fsencode(directory), _CREATE | _DELETE | _ONLY_A_DIRECTORY)

    def read(self) -> None:
        """Take note of all that was told so far."""
        with suppress(BlockingIOError):
            while os.read(self.fd, _ROOM):
                pass

    def close(self) -> None:
        """Be told of nothing any more."""
        if self.fd >= 0:
            os.close(self.fd)
