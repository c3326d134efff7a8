"""What is mounted, by a mountinfo of /proc."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_ESCAPED = re.compile(rb"\\([0-7]{3})")


class Mount(NamedTuple):
    """One line; two with the same device are two views of one file system."""

    device: bytes  # major:minor
    root: bytes  # the directory of the file system that is shown
    point: bytes
    kind: bytes
    source: bytes


def parse_mountinfo(text: bytes) -> Iterator[Mount]:
    """Read `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw`; later lines cover earlier ones."""
    for line in text.splitlines():
        first, dash, second = line.partition(b" - ")
        words, more = first.split(b" "), second.split(b" ")
        if dash and len(words) >= 6 and len(more) >= 2:
            yield Mount(words[2], unescape(words[3]), unescape(words[4]), more[0], unescape(more[1]))


def unescape(word: bytes) -> bytes:
    r"""Return a word with the characters for which the kernel writes `\040` and the like."""
    return _ESCAPED.sub(lambda match: bytes([int(match[1], 8) & 255]), word)
