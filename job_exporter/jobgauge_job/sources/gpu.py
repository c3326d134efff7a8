"""What a GPU says of itself, whoever makes it; and GPUs of a simulated node, from files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jobgauge.errors import NoData
from jobgauge_job.sources.files import names, read

# What is read of a GPU: a name, and for some what it is of (a direction, a kind of error, a reason).
Reading = tuple[str, str]


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a MIG instance of one; `values` has only what it reports, in base units."""

    number: str  # as the driver counts: `0`, an instance `0.1`
    uuid: str
    model: str
    mig: str = ""  # the instance's profile
    minor: int | None = None  # of /dev/nvidiaN
    pids: frozenset[int] = frozenset()
    values: Mapping[Reading, float] = field(default_factory=dict)
    aliases: frozenset[str] = frozenset()  # other names by which a scheduler may know it
    part: int | None = None  # the driver's number of the GPU instance that a MIG instance is in
    divided: bool = False  # into MIG instances, which jobs hold instead of it

    @property
    def names(self) -> frozenset[str]:
        """All names by which a job's facts may tell it."""
        return self.aliases | {self.device, self.uuid}

    @property
    def device(self) -> str:
        """The number by which schedulers name it: that of the device file, where the driver tells."""
        return self.number if self.minor is None else str(self.minor)


class GpuSource(Protocol):
    """Reads all GPUs of the node; may block for as long as a driver does."""

    def read(self) -> Sequence[Gpu]:
        """Return the GPUs. Raise NoData where there is no driver, SourceError where it gives no answer."""


class FirstOf:
    """The GPUs of the first source that there is on the node."""

    def __init__(self, *sources: GpuSource) -> None:
        self._sources = sources

    def read(self) -> Sequence[Gpu]:
        """Ask one after the other."""
        reasons = []
        for source in self._sources:
            try:
                return source.read()
            except NoData as reason:
                reasons.append(str(reason))
        raise NoData("; ".join(reasons))


# The files of a simulated GPU, and how much of a base unit one of theirs is.
_FILED = {
    "utilization_percent": ("utilization", 0.01),
    "memory_used_bytes": ("memory_used", 1.0),
    "memory_total_bytes": ("memory_total", 1.0),
    "power_milliwatts": ("power", 0.001),
    "energy_millijoules": ("energy", 0.001),
    "temperature_celsius": ("temperature", 1.0),
    "sm_clock_megahertz": ("sm_clock", 1e6),
}


def parse_gpu(number: str, text: bytes) -> Gpu:
    """Read `key=value` lines."""
    pairs = dict(line.split("=", 1) for line in text.decode(errors="replace").splitlines() if "=" in line)
    values = {
        (name, ""): int(pairs[key]) * unit
        for key, (name, unit) in _FILED.items()
        if pairs.get(key, "").isascii() and pairs.get(key, "").isdigit()
    }
    return Gpu(number, pairs.get("uuid", ""), pairs.get("model", ""), values=values)


class GpuFolder:
    """GPUs of a simulated node: a file each, named by its number."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def read(self) -> Sequence[Gpu]:
        """Read all files."""
        found = []
        for name in names(self._folder):
            try:
                found.append(parse_gpu(name, read(os.path.join(self._folder, name))))
            except OSError:
                continue
        if not found:
            raise NoData("no simulated GPU")
        return found
