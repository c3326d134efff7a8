"""The collector that every exporter has: which program this is, and what the process itself costs."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterable
from typing import ClassVar

from jobgauge import __version__
from jobgauge.catalogue import own
from jobgauge.collector import Collector
from jobgauge.family import Family
from jobgauge.samples import Samples, SeriesTable

_FAMILIES = (
    own.PROCESS_CPU_SECONDS,
    own.PROCESS_RESIDENT_MEMORY,
    own.PROCESS_OPEN_FDS,
    own.PROCESS_MAX_FDS,
    own.PROCESS_START_TIME,
)
_PAGE = resource.getpagesize()


class OwnCollector(Collector):
    """Build and process figures; always on."""

    name = "own"
    about = "build information and the process's own cost"
    families: ClassVar[tuple[Family, ...]] = (own.BUILD_INFO, *_FAMILIES)
    essential = True

    def __init__(self, program: str, cluster: str) -> None:
        build: dict[tuple[str, ...], int] = {(program, __version__, sys.version.split()[0]): 1}
        self._build = Samples.of(own.BUILD_INFO, build, cluster)
        self._tables = [SeriesTable(family, [()], cluster) for family in _FAMILIES]
        self._start = b"%.2f" % (time.time() - _age())
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)  # for the life of the program

    def collect(self) -> Iterable[Samples]:
        """Read /proc/self."""
        pages = int(os.pread(self._statm, 256, 0).split()[1])
        values = (
            b"%.6f" % time.process_time(),
            b"%d" % (pages * _PAGE),
            b"%d" % _open_fds(),
            b"%d" % resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            self._start,
        )
        yield self._build
        for table, value in zip(self._tables, values, strict=True):
            yield table.samples([value])


def _open_fds() -> int:
    """Count the open descriptors: by the folder's size, which tells since Linux 6.2 and costs nothing with thousands open."""
    return os.stat("/proc/self/fd").st_size or len(os.listdir("/proc/self/fd"))


def _age() -> float:
    """Seconds since this process started."""
    with open("/proc/self/stat", "rb") as file:
        ticks = int(file.read().rpartition(b")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
