"""What /proc says of a process."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jobgauge_job.sources.files import KeptFile, read


@dataclass(frozen=True)
class Process:
    """One process of a job."""

    pid: int
    stat: Stat
    uids: tuple[int, ...]  # real, effective, saved, file system


def parse_uids(status: bytes) -> tuple[int, ...]:
    """Return the four user ids of a /proc/PID/status; none where it has no such line."""
    for line in status.splitlines():
        if line.startswith(b"Uid:"):
            words = line.split()[1:]
            return tuple(map(int, words)) if all(word.isdigit() for word in words) else ()
    return ()


class Stat(NamedTuple):
    """What a /proc/PID/stat says."""

    comm: bytes
    state: bytes
    start: int  # clock ticks after boot


def parse_stat(text: bytes) -> Stat | None:
    """Read a /proc/PID/stat; None where it is no such thing. A name may hold anything, `) R 1` too."""
    head, _, tail = text.rpartition(b")")
    fields = tail.split(None, 20)
    try:
        return Stat(
            comm=head.partition(b"(")[2],
            state=fields[0],
            start=int(fields[19]),
        )
    except (IndexError, ValueError):
        return None


def parse_usage(text: bytes) -> tuple[bytes, bytes, int, int] | None:
    """Read of a /proc/PID/stat what changes: its head (number and short name), state, CPU ticks and number of threads."""
    head, _, tail = text.rpartition(b")")
    fields = tail.split(None, 18)
    try:
        return head, fields[0], int(fields[11]) + int(fields[12]), int(fields[17])
    except (IndexError, ValueError):
        return None


def parse_state(text: bytes) -> bytes:
    """Return the state alone, a letter."""
    return text[text.rfind(b")") + 2 :][:1]


def parse_boot_time(stat: bytes) -> int | None:
    """Return when the machine started (Unix time) by /proc/stat."""
    for line in stat.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == b"btime" and words[1].isdigit():
            return int(words[1])
    return None


class Procfs:
    """A /proc below some root."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._ticks = os.sysconf("SC_CLK_TCK")

    def process(self, pid: int, directory: str) -> Process | None:
        """Return a process if it sits in a cgroup of which `directory` is a part; None where it does not, or has ended."""
        try:
            groups = read(f"{self._root}/{pid}/cgroup")
            stat = parse_stat(read(f"{self._root}/{pid}/stat"))
            uids = parse_uids(read(f"{self._root}/{pid}/status"))
        except OSError:
            return None
        within = b"/" + os.fsencode(directory) + b"/"
        if not any(within in line + b"/" for line in groups.splitlines()):
            return None  # the number has been given to another process since it was listed
        return Process(pid, stat, uids) if stat and len(uids) == 4 else None

    def hidden(self) -> str:
        """Say why others' processes can't be seen, judged by the first; "" where they can."""
        try:
            read(f"{self._root}/1/stat")
        except OSError:
            return f"{self._root} hides the processes of others (hidepid): membership in its gid is needed"
        return ""

    def nameless(self) -> str:
        """Say why others' programs can't be seen, judged by the first; "" where they can."""
        try:
            os.readlink(f"{self._root}/1/exe")
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                return "programs are shown by short names, not by paths: CAP_SYS_PTRACE is needed for paths"
        return ""

    def cgroups(self, pid: int) -> list[str]:
        """Return the cgroups of a process, one of each hierarchy; none where it has ended."""
        try:
            lines = os.fsdecode(read(f"{self._root}/{pid}/cgroup")).splitlines()
        except OSError:
            return []
        return [line.split(":", 2)[2] for line in lines if line.count(":") >= 2]

    def title(self, pid: int) -> bytes:
        """Return a process's command line, its words separated by NUL; nothing where it has ended."""
        try:
            return read(f"{self._root}/{pid}/cmdline", 4096)
        except OSError:
            return b""

    def program(self, pid: int) -> bytes:
        """Return the path of a process's program; raise OSError where this needs more privilege, or it has ended."""
        path = os.readlink(os.fsencode(f"{self._root}/{pid}/exe"))
        return path.removesuffix(b" (deleted)")

    def stat_file(self, pid: int, share: float) -> KeptFile:
        """Open a process's stat: it answers ESRCH once that process has gone, whoever gets its number."""
        return KeptFile(f"{self._root}/{pid}/stat", share)

    def threads(self, pid: int, known: Mapping[int, KeptFile], share: float) -> dict[int, KeptFile]:
        """Return the stat of each thread but the first, open; raise OSError (EMFILE) where there are too many."""
        folder = f"{self._root}/{pid}/task"
        try:
            numbers = {int(name) for name in os.listdir(folder) if name.isdigit()}
        except OSError:
            return {}  # the process has ended
        found = {}
        for number in numbers - {pid}:
            try:
                found[number] = known.get(number) or KeptFile(f"{folder}/{number}/stat", share)
            except OSError as error:
                if error.errno == errno.EMFILE:
                    raise
        return found

    def unix_time(self, ticks: int) -> float | None:
        """Turn clock ticks after boot into Unix time."""
        try:
            boot = parse_boot_time(read(f"{self._root}/stat"))
        except OSError:
            return None
        return None if boot is None else boot + ticks / self._ticks
