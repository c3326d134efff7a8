"""Energy counters of the CPUs (RAPL), by the kernel's powercap interface."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobgauge.errors import SourceError
from jobgauge_job.sources.files import names, read

# Zones of the CPU's own interface; intel-rapl-mmio has the same packages once more.
_ZONE = re.compile(r"intel-rapl:[0-9]+(?::[0-9]+)?")


@dataclass(frozen=True)
class Zone:
    """One counter: it begins again at 0 after `span` microjoules."""

    domain: str  # cpu or dram
    energy: int  # microjoules
    span: int


def zones(sysfs: str) -> Mapping[str, Zone]:
    """Return the counters of packages and memory by zone; nothing where the CPU has none."""
    top = f"{sysfs}/class/powercap"
    found = {}
    for name in filter(_ZONE.fullmatch, names(top)):
        domain = _domain(_text(f"{top}/{name}/name"))
        if domain:
            energy, span = (_text(f"{top}/{name}/{file}") for file in ("energy_uj", "max_energy_range_uj"))
            if energy.isdigit() and span.isdigit():
                found[name] = Zone(domain, int(energy), int(span))
    return found


def _domain(name: bytes) -> str:
    """Return whose energy a zone counts; nothing for those that are part of another, or of the whole machine."""
    return "cpu" if name.startswith(b"package-") else "dram" if name == b"dram" else ""


def _text(path: str) -> bytes:
    try:
        return read(path).strip()
    except PermissionError as error:
        raise SourceError(f"{path} cannot be read: CAP_DAC_READ_SEARCH is needed") from error
    except OSError:
        return b""


def parse_busy_ticks(stat: bytes) -> int | None:
    """Return the CPU ticks that were not idle, of all CPUs together, from a /proc/stat; None where it is no such thing.

    Guests' time is part of user and nice time already.
    """
    words = stat.partition(b"\n")[0].split()
    if len(words) < 9 or words[0] != b"cpu" or not all(word.isdigit() for word in words[1:9]):
        return None
    user, nice, system, _, _, interrupt, soft, _ = map(int, words[1:9])
    return user + nice + system + interrupt + soft
