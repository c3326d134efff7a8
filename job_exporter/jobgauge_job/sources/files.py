"""Reading the kernel's small files, whole."""

from __future__ import annotations

import os

ROOM = 16384  # bytes of one read; room costs nothing, and hardly any file needs a second read


def read(path: str, limit: int = 1 << 20) -> bytes:
    """Return all that a file holds, `limit` bytes at most; raise OSError where it can't be read."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_on(fd, b"", limit)
    finally:
        os.close(fd)


def read_on(fd: int, text: bytes, limit: int = 1 << 20) -> bytes:
    """Return `text` and all that follows it, until nothing comes: lists such as cgroup.procs come in pages."""
    parts, length = [text], len(text)
    while length < limit and (part := os.pread(fd, min(ROOM, limit - length), length)):
        parts.append(part)
        length += len(part)
    return b"".join(parts)
