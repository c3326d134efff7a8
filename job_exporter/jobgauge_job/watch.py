"""A thread that looks at the jobs between scrapes, so that one that ends before the next scrape has its last figures read."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import product

from jobgauge.errors import JobgaugeError
from jobgauge_job.ending import SIGNS, Sign
from jobgauge_job.jobs import Job, JobTable

log = logging.getLogger(__name__)


class Watch:
    """Calls the table's watch() again and again until close(), and some others when a job has come or gone.

    Between those calls it waits for signs that a job ends, to read its last figures.
    """

    def __init__(self, table: JobTable, interval: float, changed: Sequence[Callable[[], object]]) -> None:
        self._table = table
        self._interval = interval
        self._changed = changed
        self._close = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._close, select.POLLIN)
        self._signs: dict[int, tuple[Job, Sign]] = {}  # by descriptor
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        os.eventfd_write(self._close, 1)
        self._thread.join()
        os.close(self._close)

    def _work(self) -> None:
        presence = None
        while not self._wait():
            self._try(self._table.watch)
            if presence is not self._table.presence:
                presence = self._table.presence
                for tell in self._changed:
                    self._try(tell)
            self._try(self._follow)

    def _wait(self) -> bool:
        """Wait for the interval, and read jobs that end meanwhile; tell whether the end has come."""
        deadline = time.monotonic() + self._interval
        while (left := deadline - time.monotonic()) > 0:
            for fd, _ in self._poll.poll(left * 1000):
                if fd == self._close:
                    return True
                job, sign = self._signs[fd]
                try:
                    ends = sign.ends()
                except OSError:
                    self._poll.unregister(fd)
                else:
                    if ends:
                        self._table.read(job)
        return False

    def _follow(self) -> None:
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
