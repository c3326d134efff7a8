"""Who a job belongs to: found out once a job, in the background, so that no scrape waits for it.

Two threads, because they fail differently: reading /proc and the facts files takes microseconds, asking the user
database (sssd, LDAP) may take for ever. Whatever the second one does, what the first one found can be shown in time.
"""

from __future__ import annotations

import glob
import logging
import os
import pwd
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Protocol

from jobgauge_job.layouts.base import Place
from jobgauge_job.sources.facts import FactsFolder
from jobgauge_job.sources.files import read
from jobgauge_job.sources.procfs import Process, Procfs

log = logging.getLogger(__name__)

_RETRY = 0.25  # seconds between two looks at jobs that do not tell all yet
_RETRY_SOON = 0.05  # while one of them is new: it may end as soon
_NEW = 1.0  # seconds
_LOOK_AT = 64  # processes, and directories, of one job that are looked at
_STEPD = re.compile(rb"slurmstepd: \[([1-9][0-9]{0,9})\.[^\]]*\]")


@dataclass(slots=True)
class Identity:
    """What is known of a job so far. Filled by the background; read when the job is first shown."""

    jobid: str
    uid: int | None = None
    asked: bool = False  # the user database
    user: str | None = None  # its answer
    account: str = ""
    partition: str = ""
    gpus: tuple[str, ...] = ()
    start: float | None = None  # Unix time
    leader: int | None = None  # the process that the scheduler started first for the user
    facts_final: bool = False  # read, or known to be none
    wanted: bool = True  # False ends the search

    @property
    def complete(self) -> bool:
        """Tell whether nothing is missing any more."""
        return bool(self.jobid) and self.user is not None and self.facts_final

    @property
    def labels(self) -> tuple[str, str, str]:
        """Return jobid, user and account as far as they are known; the number for a user without a name."""
        user = self.user or ("" if self.uid is None else str(self.uid))
        return self.jobid, user, self.account


class Unidentified(Protocol):
    """A job as it is seen from here."""

    place: Place
    identity: Identity
    seen: float  # since when, in monotonic time

    def path(self, file: str) -> str:
        """Return the path of one of the job's files."""


class Names:
    """User names by number, asked for in a thread of its own."""

    def __init__(self, passwd: str) -> None:
        self._lookup: Callable[[int], str] = _from_file(passwd) if passwd else _from_system
        self._asked: SimpleQueue[Identity | threading.Event | None] = SimpleQueue()
        threading.Thread(target=self._work, name="names", daemon=True).start()

    def ask(self, identity: Identity | threading.Event | None) -> None:
        """Have a user's name put into an identity; set an event once all before it are answered; None ends the thread."""
        self._asked.put(identity)

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            if isinstance(asked, threading.Event):
                asked.set()
            elif asked.uid is not None:
                asked.user = self._lookup(asked.uid)


def _from_system(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError, OverflowError):
        return str(uid)


def _from_file(path: str) -> Callable[[int], str]:
    def lookup(uid: int) -> str:
        try:
            lines = read(path).splitlines()
        except OSError:
            return str(uid)
        for line in lines:
            name, _, rest = line.partition(b":")
            if rest.split(b":")[1:2] == [b"%d" % uid]:
                return os.fsdecode(name)
        return str(uid)

    return lookup


class Resolver:
    """Completes the identities of jobs, one job after the other, again and again until nothing is missing."""

    def __init__(self, procfs: Procfs, facts: FactsFolder, names: Names) -> None:
        self._procfs = procfs
        self._facts = facts
        self._names = names
        self._new: SimpleQueue[Unidentified | threading.Event | None] = SimpleQueue()
        threading.Thread(target=self._work, name="identity", daemon=True).start()

    def add(self, job: Unidentified) -> None:
        """Start to work on a job."""
        self._new.put(job)

    def has_facts(self, jobid: str) -> bool:
        """Tell whether the prolog's file on a job is there, which the epilog removes."""
        return self._facts.read(jobid) is not None

    def settle(self, timeout: float) -> None:
        """Wait until every job added so far has been looked at once."""
        done = threading.Event()
        self._new.put(done)
        done.wait(timeout)

    def close(self) -> None:
        """End the threads."""
        self._new.put(None)

    def _work(self) -> None:
        unknown: list[Unidentified] = []
        retry_at = 0.0
        while True:
            try:
                new = self._new.get(timeout=max(0.0, retry_at - time.monotonic()) if unknown else None)
            except Empty:
                unknown = [job for job in unknown if not self._try(job)]
                retry_at = _next_look(unknown)
                continue
            if new is None:
                break
            if isinstance(new, threading.Event):
                self._names.ask(new)
            elif not self._try(new):
                unknown.append(new)
                retry_at = min(retry_at, _next_look(unknown)) if unknown[1:] else _next_look(unknown)
        self._names.ask(None)

    def _try(self, job: Unidentified) -> bool:
        """Look at a job, and go on with the others whatever it does."""
        try:
            return self._look(job)
        except Exception:
            log.exception("job %s cannot be identified; no further attempt is made", job.place.name)
            return True

    def _look(self, job: Unidentified) -> bool:
        """Look at a job once; tell whether nothing is left to be found."""
        identity = job.identity
        if not identity.wanted:
            return True
        if not identity.jobid:
            identity.jobid = self._jobid_by_stepd(job)
        if facts := self._facts.read(identity.jobid):
            identity.account, identity.partition, identity.gpus = facts.account, facts.partition, facts.gpus
        processes = list(islice(self._processes(job), _LOOK_AT))
        if processes:
            identity.start = self._procfs.unix_time(min(process.stat.start for process in processes))
        if leader := _leader(processes):
            identity.leader = leader.pid
            identity.uid = leader.uids[0] if identity.uid is None else identity.uid
        if identity.uid is None and facts:
            identity.uid = facts.uid
        if identity.uid is not None and not identity.asked:
            identity.asked = True
            self._names.ask(identity)
        identity.facts_final = facts is not None or not self._facts.exists()
        return identity.leader is not None and bool(identity.jobid) and identity.facts_final

    def _processes(self, job: Unidentified) -> Iterator[Process]:
        """Yield processes of a job, of each of its cgroups the oldest."""
        top = os.path.dirname(job.path("cgroup.procs"))
        for folder, folders, _ in islice(os.walk(top), _LOOK_AT):
            folders.sort()
            for pid in _pids(folder)[:8]:
                if process := self._procfs.process(pid, job.place.name):
                    yield process

    def _jobid_by_stepd(self, job: Unidentified) -> str:
        """Return the job id in the title of a step's slurmstepd; "" where there is none to believe.

        A user can give a process any name and title, but neither make it root's nor move it beside the slurmstepd.
        """
        top = os.path.dirname(job.path("cgroup.procs"))
        for folder in sorted(glob.glob(f"{glob.escape(top)}/step_*/slurm")):
            for pid in _pids(folder):
                process = self._procfs.process(pid, folder.removeprefix(job.place.scope + "/"))
                if process and process.stat.comm == b"slurmstepd" and process.uids == (0, 0, 0, 0):
                    title = _STEPD.match(self._procfs.title(pid))
                    if title:
                        return title[1].decode()
        return ""


def _next_look(jobs: Sequence[Unidentified]) -> float:
    """Return when jobs that do not tell all yet are to be looked at again."""
    now = time.monotonic()
    return now + (_RETRY_SOON if any(now < job.seen + _NEW for job in jobs) else _RETRY)


def _pids(folder: str) -> list[int]:
    try:
        return [int(word) for word in read(f"{folder}/cgroup.procs").split() if word.isdigit()]
    except OSError:
        return []


def _leader(processes: Sequence[Process]) -> Process | None:
    """Return the oldest process that is not root's: what the scheduler started for the job's owner.

    Younger ones may show other numbers, since a user may start a container with user ids of its own.
    """
    owned = [process for process in processes if process.uids[0] != 0]
    return min(owned, key=lambda process: process.stat.start, default=None)
