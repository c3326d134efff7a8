"""Names of block devices."""

from __future__ import annotations

from functools import lru_cache

from jobgauge_job.sources.files import read


class BlockDevices:
    """The block devices of a /sys."""

    def __init__(self, sysfs: str) -> None:
        self._root = sysfs
        self.name = lru_cache(maxsize=4096)(self._name)

    def _name(self, number: bytes) -> str:
        """Return the name of a device `major:minor`; the number itself where the system does not say."""
        try:
            lines = read(f"{self._root}/dev/block/{number.decode()}/uevent").splitlines()
        except OSError:
            lines = []
        names = [line[8:] for line in lines if line.startswith(b"DEVNAME=")]
        return (names or [number])[0].decode(errors="replace")
