"""A thread that looks at the jobs between scrapes, so that one that ends before the next scrape has its last figures read."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import product

from jobgauge.errors import JobgaugeError
from jobgauge_job.ending import SIGNS, Sign
from jobgauge_job.jobs import YOUNG, Job, JobTable, Presence
from jobgauge_job.sources.inotify import Changes

log = logging.getLogger(__name__)

_LIVELY = 1.0  # seconds after a directory has come: by then the scheduler has filled it, and started the job's first process
_SOON = 0.1  # seconds


class Watch:
    """Has the table look for jobs until close(), and calls some others when a job has come or gone.

    It looks when the kernel tells that a directory came or went, often for a moment after that, and now and then in any
    case. Between those looks it waits for signs that a job ends, to read its last figures.
    """

    def __init__(self, table: JobTable, interval: float, changed: Sequence[Callable[[], object]]) -> None:
        self._table = table
        self._interval = interval
        self._changed = changed
        self._presence: Presence | None = None  # that the others were told of
        self._close = os.eventfd(0, os.EFD_CLOEXEC)
        self._changes = Changes()
        self._lively_until = time.monotonic() + _LIVELY
        self._poll = select.poll()
        self._poll.register(self._close, select.POLLIN)
        if self._changes.fd >= 0:
            self._poll.register(self._changes.fd, select.POLLIN)
        self._signs: dict[int, tuple[Job, Sign]] = {}  # by descriptor
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        os.eventfd_write(self._close, 1)
        self._thread.join()
        self._changes.close()
        os.close(self._close)

    def _work(self) -> None:
        due = time.monotonic() + self._interval
        while self._wait(due):
            now = time.monotonic()
            if now < due:
                self._look(0.0)
            else:
                self._look(YOUNG)
                due = now + self._interval

    def _wait(self, due: float) -> bool:
        """Wait until it is time to look, and read jobs that end meanwhile; False once the end has come."""
        now = time.monotonic()
        until = min(due, now + _SOON) if now < self._lively_until else due
        while (left := until - time.monotonic()) > 0:
            for fd, _ in self._poll.poll(left * 1000):
                if fd == self._close:
                    return False
                if fd == self._changes.fd:
                    self._changes.read()
                    self._lively_until = time.monotonic() + _LIVELY
                    until = 0.0
                else:
                    self._read_if_it_ends(fd)
        return True

    def _read_if_it_ends(self, fd: int) -> None:
        job, sign = self._signs[fd]
        try:
            ends = sign.ends()
        except OSError:
            self._poll.unregister(fd)
        else:
            if ends:
                self._table.read(job)

    def _look(self, age: float) -> None:
        """Find jobs, and read those of at most this age; be told of what comes from now on."""
        self._try(self._follow_directories)
        self._try(partial(self._table.watch, age))
        if self._presence is not self._table.presence:
            self._presence = self._table.presence
            for tell in self._changed:
                self._try(tell)
        self._try(self._follow_jobs)

    def _follow_directories(self) -> None:
        for directory in self._table.directories:
            self._changes.follow(directory)

    def _follow_jobs(self) -> None:
        """Wait for the signs of those jobs that there are now."""
        running = self._table.running
        known = {(job, type(sign)) for job, sign in self._signs.values()}
        for job, kind in product(running, SIGNS):
            if (job, kind) not in known and (sign := kind(job)).fd >= 0:
                self._signs[sign.fd] = job, sign
                self._poll.register(sign.fd, sign.mask)
        ended = {job for job, _ in self._signs.values()}.difference(running)
        for fd in [fd for fd, (job, _) in self._signs.items() if job in ended]:
            with suppress(KeyError):  # what gave its last sign is not waited for any more
                self._poll.unregister(fd)
            del self._signs[fd]

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except JobgaugeError as error:
            log.debug("between scrapes: %s", error)  # the next scrape says it aloud
        except Exception:  # the watch goes on whatever a collector does
            log.exception("between scrapes")
