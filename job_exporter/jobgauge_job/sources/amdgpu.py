"""AMD GPUs by what their kernel driver (amdgpu) shows in sysfs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence

from jobgauge.errors import NoData
from jobgauge_job.sources.files import names, read
from jobgauge_job.sources.gpu import Gpu, Reading

_CARD = re.compile(r"card[0-9]+")  # not their connectors, card0-DP-1
_RENDER = re.compile(r"renderD[0-9]+")
_VENDOR = "0x1002"
# What is read of a card: the files that may have it, the first one counts; and how much of a base unit one of theirs is.
_FILES: Mapping[Reading, tuple[tuple[str, ...], float]] = {
    ("utilization", ""): (("gpu_busy_percent",), 0.01),
    ("memory_used", ""): (("mem_info_vram_used",), 1),
    ("memory_total", ""): (("mem_info_vram_total",), 1),
    ("power", ""): (("hwmon/power1_average", "hwmon/power1_input"), 1e-6),
    ("energy", ""): (("hwmon/energy1_input",), 1e-6),
    ("temperature", ""): (("hwmon/temp1_input",), 1e-3),
    ("sm_clock", ""): (("hwmon/freq1_input",), 1),
}
_ECC = {b"ce:": "corrected", b"ue:": "uncorrected"}


class AmdGpus:
    """Reads the cards in the order of their PCI addresses, as AMD's own tools count them."""

    def __init__(self, sysfs: str) -> None:
        self._drm = f"{sysfs}/class/drm"
        self._kfd = f"{sysfs}/class/kfd/kfd"

    def read(self) -> Sequence[Gpu]:
        """Return all cards."""
        cards = sorted((os.path.basename(os.path.realpath(folder)), folder) for folder in self._cards())
        if not cards:
            raise NoData("the kernel has no AMD driver with GPUs")
        pids = self._pids()
        return [_gpu(number, *card, pids) for number, card in enumerate(cards)]

    def _cards(self) -> Iterator[str]:
        for name in filter(_CARD.fullmatch, names(self._drm)):
            folder = f"{self._drm}/{name}/device"
            # The older driver of AMD's cards has no memory figures.
            if _text(f"{folder}/vendor") == _VENDOR and os.path.exists(f"{folder}/mem_info_vram_total"):
                yield folder

    def _pids(self) -> Mapping[str, frozenset[int]]:
        """Return the processes that have memory on each card, by its render device: those that ROCm's driver (KFD) knows."""
        render = {}
        for node in names(f"{self._kfd}/topology/nodes"):
            words = _text(f"{self._kfd}/topology/nodes/{node}/properties").split()
            minor = dict(zip(words[::2], words[1::2], strict=False)).get("drm_render_minor", "")
            if gpu := _number(f"{self._kfd}/topology/nodes/{node}/gpu_id"):  # of a CPU it is 0
                render[gpu] = f"renderD{minor}"
        found: dict[str, set[int]] = {}
        for pid in filter(str.isdecimal, names(f"{self._kfd}/proc")):
            for gpu, device in render.items():
                if _number(f"{self._kfd}/proc/{pid}/vram_{gpu}"):
                    found.setdefault(device, set()).add(int(pid))
        return {device: frozenset(users) for device, users in found.items()}


def _gpu(number: int, address: str, folder: str, pids: Mapping[str, frozenset[int]]) -> Gpu:
    renders = frozenset(filter(_RENDER.fullmatch, names(f"{folder}/drm")))
    kind = ":".join(_text(f"{folder}/{file}").removeprefix("0x") for file in ("vendor", "device"))
    return Gpu(
        str(number),
        _text(f"{folder}/unique_id") or address,
        _text(f"{folder}/product_name") or kind,
        pids=frozenset().union(*(pids.get(name, frozenset()) for name in renders)),
        values=dict(_values(folder)),
        aliases=renders | {address},
    )


def _values(folder: str) -> Iterator[tuple[Reading, float]]:
    sensors = next(iter(names(f"{folder}/hwmon")), "")
    for reading, (files, unit) in _FILES.items():
        for file in files:
            path = file.replace("hwmon/", f"hwmon/{sensors}/")
            if (value := _number(f"{folder}/{path}")) is not None:
                yield reading, value * unit
                break
    for line in _text(f"{folder}/ras/umc_err_count").splitlines():
        kind, _, count = line.partition(" ")
        if (word := _ECC.get(kind.encode())) and count.isascii() and count.isdigit():
            yield ("ecc", word), int(count)


def _number(path: str) -> int | None:
    text = _text(path)
    return int(text) if text.isascii() and text.isdigit() else None


def _text(path: str) -> str:
    """Return what a file says; nothing where the card does not have it, or sleeps and does not tell."""
    try:
        return read(path, 65536).decode(errors="replace").strip()
    except OSError:
        return ""
