"""What /proc says of a process."""

from __future__ import annotations

import os
from dataclasses import dataclass

from jobgauge_job.sources.files import read


@dataclass(frozen=True)
class Process:
    """One process of a job."""

    pid: int
    comm: bytes
    uids: tuple[int, ...]  # real, effective, saved, file system
    start: int  # clock ticks after boot


def parse_uids(status: bytes) -> tuple[int, ...]:
    """Return the four user ids of a /proc/PID/status; none where it has no such line."""
    for line in status.splitlines():
        if line.startswith(b"Uid:"):
            words = line.split()[1:]
            return tuple(map(int, words)) if all(word.isdigit() for word in words) else ()
    return ()


def parse_stat(stat: bytes) -> tuple[bytes, list[bytes]]:
    """Return the name and the fields from the third on of a /proc/PID/stat; a name may hold anything, `)` too."""
    head, _, tail = stat.rpartition(b")")
    return head.partition(b"(")[2], tail.split()


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
            comm, fields = parse_stat(read(f"{self._root}/{pid}/stat"))
            uids = parse_uids(read(f"{self._root}/{pid}/status"))
        except OSError:
            return None
        within = b"/" + os.fsencode(directory) + b"/"
        if not any(within in line + b"/" for line in groups.splitlines()):
            return None  # the number has been given to another process since it was listed
        if len(uids) != 4 or len(fields) < 20 or not fields[19].isdigit():
            return None
        return Process(pid, comm, uids, int(fields[19]))

    def title(self, pid: int) -> bytes:
        """Return a process's command line, its words separated by NUL; nothing where it has ended."""
        try:
            return read(f"{self._root}/{pid}/cmdline", 4096)
        except OSError:
            return b""

    def unix_time(self, ticks: int) -> float | None:
        """Turn clock ticks after boot into Unix time."""
        try:
            boot = parse_boot_time(read(f"{self._root}/stat"))
        except OSError:
            return None
        return None if boot is None else boot + ticks / self._ticks
