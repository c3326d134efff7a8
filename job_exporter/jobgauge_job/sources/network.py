"""Counters of network interfaces."""

from __future__ import annotations

import os
from functools import lru_cache

from jobgauge.errors import SourceError
from jobgauge_job.sources.files import read

_ETHERNET = b"1"


def parse_devices(text: bytes) -> dict[str, tuple[int, int]]:
    """Return bytes received and transmitted by interface, from a /proc/net/dev."""
    found = {}
    for line in text.splitlines():
        name, colon, rest = line.rpartition(b":")  # an alias has a colon in its name
        words = rest.split()
        if colon and len(words) >= 9 and words[0].isdigit() and words[8].isdigit():
            found[name.strip().decode(errors="replace")] = int(words[0]), int(words[8])
    return found


def devices(procfs: str, sysfs: str) -> dict[str, tuple[int, int]]:
    """Return bytes received and transmitted by each Ethernet device; those made of others would count twice."""
    try:
        found = parse_devices(read(f"{procfs}/net/dev"))
    except OSError as error:
        raise SourceError(f"{procfs}/net/dev cannot be read: {error.strerror}") from error
    return {name: ways for name, ways in found.items() if _is_device(f"{sysfs}/class/net/{name}")}


@lru_cache(maxsize=1024)
def _is_device(folder: str) -> bool:
    try:
        kind = read(f"{folder}/type").strip()
    except OSError:
        return False
    return kind == _ETHERNET and "/devices/virtual/" not in os.path.realpath(folder)
