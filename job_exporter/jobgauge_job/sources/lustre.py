"""Statistics of a Lustre client's mounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobgauge.errors import SourceError
from jobgauge_job.sources.files import names, read

# What asks a server for something, or would without a cache; the client counts more that is its own affair.
_OPERATIONS = frozenset(
    [
        "read",
        "write",
        "open",
        "close",
        "fsync",
        "seek",
        "readdir",
        "setattr",
        "getattr",
        "truncate",
        "statfs",
        "create",
        "link",
        "unlink",
        "symlink",
        "mkdir",
        "rmdir",
        "mknod",
        "rename",
        "setxattr",
        "getxattr",
        "listxattr",
        "removexattr",
        "mmap",
        "flock",
        "fallocate",
    ]
)
_WAYS = {"read_bytes": "read", "write_bytes": "write"}


@dataclass
class Mount:
    """What a client has done on a file system."""

    bytes: dict[str, int] = field(default_factory=dict)  # by direction
    operations: dict[str, int] = field(default_factory=dict)

    def add(self, other: Mount) -> None:
        """Add what was done through another mount of the same file system."""
        for mine, more in ((self.bytes, other.bytes), (self.operations, other.operations)):
            for name, count in more.items():
                mine[name] = mine.get(name, 0) + count


def parse_stats(text: bytes) -> Mount:
    """Read a llite stats file: `open 12 samples [usecs] …`, `read_bytes 3 samples [bytes] MIN MAX SUM …`."""
    found = Mount()
    transfers = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 3 or words[2] != b"samples" or not words[1].isdigit():
            continue
        name, count = words[0].decode(errors="replace"), int(words[1])
        if name in _WAYS:
            transfers[_WAYS[name]] = count
            if len(words) > 6 and words[6].isdigit():
                found.bytes[_WAYS[name]] = int(words[6])
            elif not count:
                found.bytes[_WAYS[name]] = 0
        elif name in _OPERATIONS:
            found.operations[name] = count
    found.operations = transfers | found.operations
    return found


def mounts(procfs: str, sysfs: str) -> Mapping[str, Mount]:
    """Return what was done by file system; nothing where none is mounted. In debugfs from Lustre 2.13 on, before in /proc."""
    found: dict[str, Mount] = {}
    shown = f"{sysfs}/kernel/debug/lustre/llite"
    for top in (f"{procfs}/fs/lustre/llite", shown):
        for name in names(top):
            try:
                stats = parse_stats(read(f"{top}/{name}/stats"))
            except OSError as error:
                raise SourceError(f"{top}/{name}/stats cannot be read: {error.strerror}") from error
            found.setdefault(name.rpartition("-")[0], Mount()).add(stats)
    if not found and names(f"{sysfs}/fs/lustre/llite"):
        raise SourceError(
            f"Lustre is mounted, but {shown} cannot be seen: debugfs has to be mounted, and CAP_DAC_READ_SEARCH given"
        )
    return found
