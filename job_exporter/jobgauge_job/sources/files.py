"""Reading the kernel's small files, whole."""

from __future__ import annotations

import os

_SIZE = 16384  # bytes; room costs nothing, and hardly any file needs a second read


def read_open(fd: int) -> bytes:
    """Return all that an open file holds; raise OSError where it is gone."""
    text = os.pread(fd, _SIZE, 0)
    return text if len(text) < _SIZE else _read_on(fd, text)


def read(path: str, limit: int = 1 << 20) -> bytes:
    """Return all that a file holds, `limit` bytes at most; raise OSError where it can't be read."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read_on(fd, b"", limit)
    finally:
        os.close(fd)


def _read_on(fd: int, text: bytes, limit: int = 1 << 20) -> bytes:
    """Read from where `text` ends until nothing comes: lists such as cgroup.procs come in pages."""
    parts, length = [text], len(text)
    while length < limit and (part := os.pread(fd, min(_SIZE, limit - length), length)):
        parts.append(part)
        length += len(part)
    return b"".join(parts)
