"""Statistics of the node's NFS mounts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jobgauge.errors import NoData, SourceError
from jobgauge_job.sources.files import read
from jobgauge_job.sources.mounts import parse_mountinfo, unescape

_MOST = 32  # file systems that are told apart
_LIMIT = 1 << 24  # bytes of a file
# Of the kinds of requests in all versions, those that programs cause.
_OPERATIONS = frozenset(
    b"READ WRITE COMMIT OPEN CLOSE GETATTR SETATTR LOOKUP ACCESS READLINK CREATE MKDIR SYMLINK MKNOD REMOVE RMDIR"
    b" RENAME LINK READDIR READDIRPLUS FSSTAT STATFS LOCK LOCKU".split()
)
_OPERATION = re.compile(rb"\s+([A-Z0-9_]+): ([0-9]+) ")
_SERVER_READ, _SERVER_WRITE = (
    5,
    6,
)  # words of `bytes:`, of which the others count what programs asked the cache for


@dataclass
class Traffic:
    """What went between the node and a server for one mount."""

    bytes: dict[str, int] = field(default_factory=dict)  # by direction
    operations: dict[str, int] = field(default_factory=dict)

    def add(self, other: Traffic) -> None:
        """Add another mount of the same name."""
        for mine, more in ((self.bytes, other.bytes), (self.operations, other.operations)):
            for name, count in more.items():
                mine[name] = mine.get(name, 0) + count


def parse_mountstats(text: bytes) -> dict[bytes, Traffic]:
    """Return the traffic of NFS mounts by mount point; of two at the same point the later, which covers the other."""
    found: dict[bytes, Traffic] = {}
    traffic: Traffic | None = None
    for line in text.splitlines():
        words = line.split()
        if line.startswith((b"device ", b"no device ")):
            traffic = None
            if len(words) > 8 and words[2:4] == [b"mounted", b"on"] and words[7] in (b"nfs", b"nfs4"):
                traffic = found[unescape(words[4])] = Traffic()
        elif traffic:
            _add_line(traffic, line, words)
    return found


def _add_line(traffic: Traffic, line: bytes, words: list[bytes]) -> None:
    if words[:1] == [b"bytes:"] and len(words) > _SERVER_WRITE and all(word.isdigit() for word in words[1:]):
        traffic.bytes = {"read": int(words[_SERVER_READ]), "write": int(words[_SERVER_WRITE])}
    elif (match := _OPERATION.match(line)) and match[1] in _OPERATIONS:
        traffic.operations[match[1].decode().lower()] = int(match[2])


class NfsMounts:
    """The NFS file systems of a node; those that are mounted at several places, or in parts, are one."""

    def __init__(self, procfs: str) -> None:
        self._procfs = procfs
        self._names: dict[bytes, str] = {}  # by device: the source by which it was mounted first
        self.dropped = 0  # file systems beyond those that are told apart, at all readings so far

    def read(self) -> Mapping[str, Traffic]:
        """Return what went over the network by file system; nothing where none is mounted."""
        info, stats = self._files()
        devices: dict[bytes, tuple[str, Traffic]] = {}
        traffic = parse_mountstats(stats)
        for mount in parse_mountinfo(info):
            if mount.kind in (b"nfs", b"nfs4") and mount.point in traffic and mount.device not in devices:
                devices[mount.device] = mount.source.decode(errors="replace"), traffic[mount.point]
        kept = {device: name for device, name in self._names.items() if device in devices}
        for device, (name, _) in devices.items():
            if device not in kept and len(kept) < _MOST:
                kept[device] = name
        self._names = kept
        self.dropped += len(devices) - len(kept)
        found: dict[str, Traffic] = {}
        for device, name in kept.items():
            found.setdefault(name, Traffic()).add(devices[device][1])
        return found

    def _files(self) -> tuple[bytes, bytes]:
        """Read both files of one process: the first sees what the node has mounted, and others may not look at it."""
        try:
            return self._files_of("1")
        except OSError:
            pass
        try:
            return self._files_of("self")
        except FileNotFoundError as error:
            raise NoData(f"{error.filename} is not there") from error
        except OSError as error:
            raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from error

    def _files_of(self, process: str) -> tuple[bytes, bytes]:
        folder = f"{self._procfs}/{process}"
        return read(f"{folder}/mountinfo", _LIMIT), read(f"{folder}/mountstats", _LIMIT)
