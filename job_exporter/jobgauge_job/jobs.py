"""The jobs on this node: which there are now, which are shown, and the files of each that are kept open."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from jobgauge.errors import SourceError
from jobgauge_job.identity import Identity, Resolver
from jobgauge_job.layouts.base import Layout, Place
from jobgauge_job.sources.files import ABSENT, KeptFile, MissingFile

log = logging.getLogger(__name__)

_SETTLE = 10.0  # seconds
_LEFT = 30.0  # seconds without a process of the scheduler's after which a directory is what a job left behind
_RECHECK = 0.05  # seconds
YOUNG = 120.0  # seconds during which a job is looked at between scrapes, since it may end before the next


class Job:
    """One job: its directory, who it belongs to, and its open files."""

    __slots__ = ("_files", "ended", "held", "identity", "labels", "layout", "place", "seen", "version")

    def __init__(self, layout: Layout, place: Place, jobid: str) -> None:
        self.place = place
        self.identity = Identity(jobid, layout.uid(place))
        self.labels: tuple[str, ...] = ()  # jobid, user, account; fixed when the job is first shown
        self.seen = self.held = time.monotonic()
        self.ended: float | None = None  # Unix time
        self.version = layout.version
        self.layout = layout
        self._files: dict[str, KeptFile] = {}

    @property
    def start(self) -> bytes | None:
        """When the job's first process started (Unix time), where that could be read."""
        return None if self.identity.start is None else b"%.2f" % self.identity.start

    @property
    def end(self) -> bytes | None:
        """When the job was found to have ended (Unix time); None while it lives."""
        return None if self.ended is None else b"%.2f" % self.ended

    @property
    def cgroup(self) -> str:
        """The job's cgroup as /proc/PID/cgroup names it."""
        return self.layout.cgroup(self.place)

    def path(self, file: str) -> str:
        """Return the path of one of the job's files."""
        return self.layout.path(self.place, file)

    def file(self, name: str) -> KeptFile:
        """Return one of the job's files, the same each time; one that is always empty where the job does not have it."""
        kept = self._files.get(name)
        if kept is None:
            try:
                kept = KeptFile(self.path(name))
            except OSError as error:
                if error.errno == errno.EMFILE:
                    log.warning("job %s is shown in part: %s", self.place.name, error)
                refused = error.errno not in ABSENT
                if refused or not self.settled:
                    return MissingFile(refused=refused)
                kept = MissingFile()
            self._files[name] = kept
        return kept

    @property
    def settled(self) -> bool:
        """Tell whether all files of the job are there that will be: cgroup v1 makes one directory after the other."""
        return time.monotonic() - self.seen > _SETTLE

    def remember(self, names: Iterable[str]) -> None:
        """Read some files, so that their text is there when the job is not any more."""
        for name in names:
            self.file(name).read_again()


class Presence(NamedTuple):
    """Which jobs are on the node, as far as it matters to what the kernel counts for the node as a whole."""

    number: int  # of changes so far
    jobs: int
    sole: Job | None  # the one that has the node to itself


class JobTable:
    """All jobs of the node, kept up to date by refresh(); `shown` is replaced, never changed."""

    def __init__(
        self, layouts: Sequence[Layout], resolver: Resolver, *, identity_timeout: float, keep_ended: float
    ) -> None:
        self.shown: tuple[Job, ...] = ()
        self.presence = Presence(0, 0, None)  # replaced with each change
        self.lock = threading.Lock()  # guards the table, and reading: texts must not go back in time
        self._layouts = layouts
        self._resolver = resolver
        self._identity_timeout = identity_timeout
        self._keep_ended = keep_ended
        self._files: set[tuple[int, str]] = set()  # that collectors read, by version of cgroups
        self._listed: dict[
            str, dict[str, int]
        ] = {}  # by scope, the inode of each name when it was listed last
        self._jobs: dict[Place, Job] = {}
        self._empty: dict[Place, Layout] = {}  # directories of jobs that have not begun or have ended
        self._check_at = 0.0
        self._waiting: list[Job] = []  # to be shown
        self._ended: list[Job] = []

    def expect(self, version: int, file: str) -> None:
        """Have a file remembered of each job that may end soon."""
        self._files.add((version, file))

    def refresh(self) -> None:
        """Look which jobs there are, and show those whose identity is known or has been waited for long enough."""
        with self.lock:
            self._find()
            self._show()

    def look(self) -> None:
        """Look which jobs there are."""
        with self.lock:
            self._find()
            self._check()

    def watch(self, age: float = YOUNG) -> None:
        """Look which jobs there are, and read the files of those of at most this age, in case they end before the next scrape."""
        begun = time.monotonic()
        self.look()
        for job in self.running:
            if job.seen >= begun - age:
                self.read(job)

    def read(self, job: Job) -> None:
        """Read what collectors show of a job, in case this was the last time that it can be read."""
        with self.lock:
            job.remember(file for version, file in self._files if version == job.version)

    def wait_for_identities(self) -> None:
        """Wait until every job that was found can be shown, at the longest for the time that identities may take."""
        deadline = time.monotonic() + self._identity_timeout
        while time.monotonic() < deadline and not all(map(self._is_ready, tuple(self._waiting))):
            time.sleep(_RECHECK)

    @property
    def scopes(self) -> list[tuple[Layout, str]]:
        """Return where jobs are now, and by which layout."""
        return [(layout, scope) for layout in self._layouts for scope in layout.scopes()]

    @property
    def directories(self) -> list[str]:
        """Return those in which something is made or removed when a job comes or goes."""
        return [directory for layout in self._layouts for directory in layout.directories()]

    @property
    def running(self) -> tuple[Job, ...]:
        """All jobs that have not ended, also those that are not shown yet."""
        with self.lock:
            return tuple(self._jobs.values())

    def is_over(self, job: Job) -> bool:
        """Tell whether a job has ended so long ago that it is not shown any more."""
        return job.ended is not None and job.ended <= time.time() - self._keep_ended

    def _find(self) -> None:
        """Find new jobs, and start to identify them; find those that have ended."""
        for scope, layout in self._scopes().items():
            now = _list(scope) if layout else {}
            before = self._listed.get(scope, {})
            if now == before:
                continue
            for name, inode in before.items() - now.items():
                place = Place(scope, name, inode)
                self._empty.pop(place, None)
                if place in self._jobs:
                    self._end(place)
            if layout:
                for name, inode in now.items():
                    if before.get(name) != inode:
                        self._add(layout, Place(scope, name, inode))
            self._listed[scope] = now
            self._note_presence()

    def _check(self) -> None:
        """Begin with jobs whose directory the scheduler has filled, end those whose directory it has left."""
        now = time.monotonic()
        before = list(self._jobs)
        for place, layout in list(self._empty.items()):
            self._add(layout, place)
        if now >= self._check_at:
            self._check_at = now + _LEFT / 3
            for place, job in list(self._jobs.items()):
                if self._is_held(job.layout, place, job.identity.jobid):
                    job.held = now
                elif now > job.held + _LEFT:
                    log.info("%s/%s has been left by its job, which counts as ended", place.scope, place.name)
                    self._empty[place] = job.layout
                    self._end(place)
        if list(self._jobs) != before:
            self._note_presence()

    def _is_held(self, layout: Layout, place: Place, jobid: str) -> bool:
        return layout.held(place) or self._resolver.has_facts(jobid)

    def _end(self, place: Place) -> None:
        job = self._jobs.pop(place)
        job.ended = time.time()
        self._ended.append(job)

    def _note_presence(self) -> None:
        sole = next(iter(self._jobs.values())) if len(self._jobs) == 1 else None
        self.presence = Presence(self.presence.number + 1, len(self._jobs), sole)

    def _scopes(self) -> dict[str, Layout | None]:
        """Return the layout of every scope; None for one that was listed before and is no more."""
        scopes: dict[str, Layout | None] = dict.fromkeys(self._listed)
        scopes |= {scope: layout for layout in self._layouts for scope in layout.scopes()}
        return scopes

    def _add(self, layout: Layout, place: Place) -> None:
        jobid = layout.jobid(place.name)
        if jobid is None:
            return
        if not self._is_held(layout, place, jobid):
            self._empty[place] = layout
            return
        self._empty.pop(place, None)
        job = self._jobs[place] = Job(layout, place, jobid)
        self._waiting.append(job)
        self._resolver.add(job)

    def _show(self) -> None:
        """Replace what is shown, where it changes."""
        new = [job for job in self._waiting if self._is_ready(job)]
        gone = {job for job in self._ended if self.is_over(job)}
        if new or gone:
            for job in (*new, *gone):
                job.identity.wanted = False
            for job in new:
                job.labels = job.identity.labels
            self._waiting = [job for job in self._waiting if job not in new and job not in gone]
            self._ended = [job for job in self._ended if job not in gone]
            # A job that is requeued comes with the same id: its newest directory is the job.
            newest = {job.labels[0]: job for job in (*self.shown, *new) if job not in gone}
            self.shown = tuple(newest.values())

    def _is_ready(self, job: Job) -> bool:
        identity = job.identity
        waited = time.monotonic() - job.seen >= self._identity_timeout or job.ended is not None
        return identity.complete or bool(identity.jobid and waited)


def _list(scope: str) -> dict[str, int]:
    """Return the inode of every entry of a directory; none where the directory is gone."""
    try:
        with os.scandir(scope) as entries:
            return {entry.name: entry.inode() for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SourceError(f"{scope} cannot be listed: {error.strerror}") from error
