"""Reading the kernel's small files, whole."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import suppress

ROOM = 16384  # bytes of one read; room costs nothing
# A shorter text of a control group's is the whole file: it comes as one, or as a list of short lines such as cgroup.procs,
# in pieces of a page less the line that did not fit.
WHOLE = min(ROOM, resource.getpagesize()) - 16
# Errors by which the kernel says that there is no such file: never, with this configuration, or not any more.
ABSENT = frozenset([errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ESRCH, errno.EOPNOTSUPP, errno.EBADF])
_LEFT = 256  # descriptors that are left for everything that does not keep files


def read(path: str, limit: int = 1 << 20) -> bytes:
    """Return all that a file holds, `limit` bytes at most; raise OSError where it can't be read.

    It reads until nothing comes: a list of long lines, such as the mounts', comes in pieces of any length.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_on(fd, b"", limit)
    finally:
        os.close(fd)


def names(folder: str) -> list[str]:
    """Return the names in a folder, in order; none where it is not there or can't be listed."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def read_on(fd: int, text: bytes, limit: int = 1 << 20) -> bytes:
    """Return `text` and all that follows it, until nothing comes."""
    parts, length = [text], len(text)
    while length < limit and (part := os.pread(fd, min(ROOM, limit - length), length)):
        parts.append(part)
        length += len(part)
    return b"".join(parts)


class KeptFile:
    """A file that stays open until nobody holds this object any more, and the text that was read from it last.

    So a reader that is late may go on (a number of a closed descriptor would by then be another file), and the last text
    is there when the kernel has forgotten it.
    """

    __slots__ = ("fd", "text")
    refused = False
    _count = 0

    def __init__(self, path: str, share: float = 1.0) -> None:
        """Open a file; raise OSError where it can't be opened, EMFILE where this would use too many descriptors.

        What can be done without takes only a `share` of those that there are.
        """
        self.fd = -1
        self.text = b""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if KeptFile._count >= share * (limit - _LEFT):
            raise OSError(errno.EMFILE, f"all {limit} descriptors are in use: raise LimitNOFILE", path)
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        KeptFile._count += 1

    def read(self) -> bytes:
        """Return all that the file holds now; raise OSError where what it was about has gone."""
        text = os.pread(self.fd, ROOM, 0)
        return text if len(text) < WHOLE else read_on(self.fd, text)

    def read_again(self) -> bytes:
        """Return all that the file holds now, or held when it was read last."""
        with suppress(OSError):
            self.text = self.read()
        return self.text

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            KeptFile._count -= 1


class MissingFile(KeptFile):
    """A file that is not there, or that was refused when it was to be opened: it reads as empty, as quickly as others."""

    __slots__ = ("refused",)

    def __init__(self, *, refused: bool = False) -> None:
        self.fd = -1  # pread refuses it
        self.text = b""
        self.refused = refused
