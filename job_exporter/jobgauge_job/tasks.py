"""The processes of one job, watched through files that stay open."""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from collections.abc import Sequence

from jobgauge.errors import SourceError
from jobgauge_job.groups import JobGroups
from jobgauge_job.jobs import Job
from jobgauge_job.programs import ProgramTimes
from jobgauge_job.sources.files import ABSENT, KeptFile
from jobgauge_job.sources.procfs import Procfs, parse_state, parse_usage

_SHARE = 0.9  # of the descriptors, for processes
_SHARE_OF_THREADS = 0.6
_HEAD = 128  # bytes of a stat in which the state is
_NAME = 256  # characters of a program's path that are shown


class JobTasks:
    """Counts a job's processes, its threads by state, and what its programs use."""

    def __init__(self, job: Job, procfs: Procfs, places: int) -> None:
        self._job = job
        self._procfs = procfs
        self._groups = JobGroups(job)
        self._known: dict[bytes, _Task | None] = {}  # None for a process of root's, such as slurmstepd
        self.programs = ProgramTimes(places)
        self.processes: int | None = None  # None where it can't be told
        self.states: bytes | None = None  # the kernel's letter for each thread

    def read(self) -> bool:
        """Look at every process; tell whether they could be read, or are no more.

        Raise SourceError where it is the exporter that may not, or has no descriptors left. Both leave the counts None.
        """
        self.processes = self.states = None
        try:
            listed = self._groups.pids()
        except OSError as error:
            _unless_short(error)
            return error.errno in ABSENT  # the job has ended
        before = self._known
        self._known = {pid: before[pid] for pid in listed if pid in before}
        used: dict[str, int] = defaultdict(int)
        try:
            for pid in listed:
                self._read_task(pid, used)
        finally:
            self.programs.add(used)
        if listed and not self._known and self._is_still(listed):
            raise SourceError(
                "/proc shows no process of a job: it is mounted with hidepid, or of another pid namespace"
            )
        tasks = [task for task in self._known.values() if task]
        self.states = b"".join([task.states() for task in tasks])
        self.processes = len(tasks)
        return True

    def _is_still(self, listed: Sequence[bytes]) -> bool:
        """Tell whether the job has the same processes as before, so that these have not just ended."""
        try:
            return self._groups.pids() == listed
        except OSError:
            return False

    def _read_task(self, pid: bytes, used: dict[str, int]) -> None:
        try:
            if pid not in self._known:
                self._known[pid] = self._meet(int(pid))
            if (task := self._known[pid]) and (ticks := task.read()):
                used[task.program] += ticks
        except OSError as error:
            _unless_short(error)
            self._known.pop(
                pid, None
            )  # it has ended; where its number is in use again, that is for the next time

    def _meet(self, pid: int) -> _Task | None:
        """Open a process that is new here; None where it is not the job's user's."""
        stat = self._procfs.stat_file(pid, _SHARE)
        found = self._procfs.process(pid, self._job.place.name)
        if found is None:
            raise ProcessLookupError
        mine = found.uids[0] != 0 or self._job.identity.uid == 0
        return _Task(pid, stat, self._procfs) if mine else None


class _Task:
    """A process of the job's user."""

    def __init__(self, pid: int, stat: KeptFile, procfs: Procfs) -> None:
        self._pid = pid
        self._file = stat
        self._procfs = procfs
        self._head = b""  # of its stat: its number and short name
        self._state = b""
        self._ticks = 0
        self._others = 0  # threads but the first, as the kernel counts them
        self._threads: dict[int, KeptFile] = {}  # all but the first
        self.program = ""

    def read(self) -> int:
        """Return the CPU ticks that it has used since the last time; raise OSError where it has gone."""
        usage = parse_usage(self._file.read())
        if usage is None:
            raise ProcessLookupError
        before = self._ticks
        head, self._state, self._ticks, threads = usage
        self._others = threads - 1
        if head != self._head:  # new, or it has become another program
            self._head = head
            self.program = self._name(head.partition(b"(")[2])
        return max(0, self._ticks - before)

    def _name(self, comm: bytes) -> str:
        """Return the program's path; its short name where that cannot be seen."""
        try:
            path = self._procfs.program(self._pid)
        except OSError:  # EACCES; ENOENT of a zombie
            path = comm
        return path.decode(errors="backslashreplace")[:_NAME]

    def states(self) -> bytes:
        """Return the state of each thread, a letter each."""
        if not self._others:
            self._threads.clear()
            return self._state
        for _ in range(2):  # again where one has ended and another begun
            try:
                if len(self._threads) != self._others:
                    self._threads = self._procfs.threads(self._pid, self._threads, _SHARE_OF_THREADS)
                return self._state + b"".join(
                    [parse_state(os.pread(thread.fd, _HEAD, 0)) for thread in self._threads.values()]
                )
            except OSError as error:
                _unless_short(error)
                self._threads.clear()
        return self._state


def _unless_short(error: OSError) -> None:
    """Let pass that a file has gone, as files of processes do; not that there are too many open."""
    if error.errno == errno.EMFILE:
        raise SourceError(f"jobs have too many processes to watch: {error.strerror}") from error
