"""Counters of InfiniBand and Omni-Path ports."""

from __future__ import annotations

from collections.abc import Iterator

from jobgauge_job.sources.files import names, read

_WORD = 4  # bytes: the unit of the data counters
# What a port counts, by name: file, what one count of it is, and its 64-bit form on old adapters.
_COUNTERS = {
    ("bytes", "receive"): ("port_rcv_data", _WORD),
    ("bytes", "transmit"): ("port_xmit_data", _WORD),
    ("packets", "receive"): ("port_rcv_packets", 1),
    ("packets", "transmit"): ("port_xmit_packets", 1),
}


def ports(sysfs: str) -> Iterator[tuple[str, str, dict[tuple[str, str], int]]]:
    """Yield device, port and its counters: `("bytes", "receive")` and so on, as far as the port has them."""
    top = f"{sysfs}/class/infiniband"
    for device in names(top):
        for port in names(f"{top}/{device}/ports"):
            folder = f"{top}/{device}/ports/{port}"
            found = {}
            for key, (file, unit) in _COUNTERS.items():
                # On adapters whose own counters have 32 bits (and stop there) the extended ones are beside them.
                for path in (f"{folder}/counters_ext/{file}_64", f"{folder}/counters/{file}"):
                    if (count := _number(path)) is not None:
                        found[key] = count * unit
                        break
            yield device, port, found


def _number(path: str) -> int | None:
    try:
        text = read(path).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
