"""A thread that looks at the jobs between scrapes, so that one that ends before the next scrape has its last figures read."""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable, Sequence

from jobgauge.errors import JobgaugeError
from jobgauge_job.jobs import Job, JobTable
from jobgauge_job.sources.files import KeptFile

log = logging.getLogger(__name__)


class Watch:
    """Calls the table's watch() again and again until close(), and some others when a job has come or gone.

    Between those calls it waits for the kernel to say (cgroup v2) that the last process of a job has ended: that is some
    milliseconds before the scheduler removes the cgroup, and the figures with it.
    """

    def __init__(self, table: JobTable, interval: float, changed: Sequence[Callable[[], object]]) -> None:
        self._table = table
        self._interval = interval
        self._changed = changed
        self._close = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._close, select.POLLIN)
        self._events: dict[int, tuple[Job, KeptFile]] = {}  # by descriptor, the cgroup.events of each job
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
                for tell in (self._follow, *self._changed):
                    self._try(tell)

    def _wait(self) -> bool:
        """Wait for the interval, and read jobs that end meanwhile; tell whether the end has come."""
        deadline = time.monotonic() + self._interval
        while (left := deadline - time.monotonic()) > 0:
            for fd, _ in self._poll.poll(left * 1000):
                if fd == self._close:
                    return True
                job, events = self._events[fd]
                try:
                    empty = b"populated 0" in events.read()  # reading also arms the next event
                except OSError:  # removed
                    self._forget(fd)
                else:
                    if empty:
                        self._table.read(job)
        return False

    def _follow(self) -> None:
        """Wait for the events of those jobs that there are now."""
        files = {job.file("cgroup.events"): job for job in self._table.running if job.version == 2}
        followed = {file.fd: (job, file) for file, job in files.items() if file.fd >= 0}
        for fd in self._events.keys() - followed.keys():
            self._forget(fd)
        for fd in followed.keys() - self._events.keys():
            self._poll.register(fd, select.POLLPRI)
        self._events = followed

    def _forget(self, fd: int) -> None:
        self._poll.unregister(fd)
        del self._events[fd]

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except JobgaugeError as error:
            log.debug("between scrapes: %s", error)  # the next scrape says it aloud
        except Exception:  # the watch goes on whatever a collector does
            log.exception("between scrapes")
