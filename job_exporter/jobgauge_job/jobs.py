"""The jobs on this node: which there are now, which are shown, and the files of each that are kept open."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress

from jobgauge.errors import SourceError
from jobgauge_job.identity import Identity, Resolver
from jobgauge_job.layouts.base import Layout, Place

log = logging.getLogger(__name__)


class Job:
    """One job: its directory, who it belongs to, and its open files.

    The files are closed when nobody holds the job any more: a collector that is late may still read from it, and a
    number of a closed descriptor would by then be another file.
    """

    __slots__ = ("_files", "_layout", "identity", "labels", "place", "seen", "version")

    def __init__(self, layout: Layout, place: Place, jobid: str) -> None:
        self.place = place
        self.identity = Identity(jobid)
        self.labels: tuple[str, ...] = ()  # jobid, user, account; fixed when the job is first shown
        self.seen = time.monotonic()
        self.version = layout.version
        self._layout = layout
        self._files: dict[str, int] = {}

    @property
    def start(self) -> bytes | None:
        """When the job's first process started (Unix time), where that could be read."""
        return None if self.identity.start is None else b"%.2f" % self.identity.start

    def path(self, file: str) -> str:
        """Return the path of one of the job's files."""
        return self._layout.path(self.place, file)

    def open(self, file: str) -> int:
        """Return a descriptor of one of the job's files, the same each time; -1 where it does not have it."""
        fd = self._files.get(file)
        if fd is None:
            try:
                fd = os.open(self.path(file), os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                log.debug("job %s: %s", self.place.name, error)
                fd = -1
            self._files[file] = fd
        return fd

    def __del__(self) -> None:
        for fd in self._files.values():
            if fd >= 0:
                with suppress(OSError):
                    os.close(fd)


class JobTable:
    """All jobs of the node, kept up to date by refresh(); `shown` is replaced, never changed."""

    def __init__(self, layouts: Sequence[Layout], resolver: Resolver, identity_timeout: float) -> None:
        self.shown: tuple[Job, ...] = ()
        self._layouts = layouts
        self._resolver = resolver
        self._timeout = identity_timeout
        self._listed: dict[
            str, dict[str, int]
        ] = {}  # inode by name, by scope: as the last refresh found them
        self._jobs: dict[Place, Job] = {}
        self._waiting: list[Job] = []

    def refresh(self) -> None:
        """Look which jobs there are, and show those whose identity is known or has been waited for long enough."""
        gone = self.look()
        if gone or self._waiting:
            self._show(gone)

    def look(self) -> set[Job]:
        """Take new jobs into the table and start to identify them; return those that are gone."""
        gone: set[Job] = set()
        for scope, layout in self._scopes().items():
            now = _list(scope) if layout else {}
            before = self._listed.get(scope, {})
            if now == before:
                continue
            for name, inode in before.items() - now.items():
                if job := self._jobs.pop(Place(scope, name, inode), None):
                    gone.add(job)
            if layout:
                for name, inode in now.items():
                    if before.get(name) != inode:
                        self._add(layout, Place(scope, name, inode))
            self._listed[scope] = now
        return gone

    def _scopes(self) -> dict[str, Layout | None]:
        """Return the layout of every scope; None for one that was listed before and is no more."""
        scopes: dict[str, Layout | None] = dict.fromkeys(self._listed)
        scopes |= {scope: layout for layout in self._layouts for scope in layout.scopes()}
        return scopes

    def _add(self, layout: Layout, place: Place) -> None:
        jobid = layout.jobid(place.name)
        if jobid is None:
            return
        job = self._jobs[place] = Job(layout, place, jobid)
        self._waiting.append(job)
        self._resolver.add(job)

    def _show(self, gone: set[Job]) -> None:
        """Replace what is shown, where it changes."""
        overdue = time.monotonic() - self._timeout
        new, waiting = [], []
        for job in self._waiting:
            if job in gone:
                job.identity.wanted = False
            elif job.identity.complete or (job.identity.jobid and job.seen <= overdue):
                job.identity.wanted = False
                job.labels = job.identity.labels
                new.append(job)
            else:
                waiting.append(job)
        self._waiting = waiting
        if new or not gone.isdisjoint(self.shown):
            # A job that is requeued comes with the same id: its newest directory is the job.
            newest = {job.labels[0]: job for job in (*self.shown, *new) if job not in gone}
            self.shown = tuple(newest.values())


def _list(scope: str) -> dict[str, int]:
    """Return the inode of every entry of a directory; none where the directory is gone."""
    try:
        with os.scandir(scope) as entries:
            return {entry.name: entry.inode() for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SourceError(f"{scope} cannot be listed: {error.strerror}") from error
