"""Every metric family of the suite. A family that is not here cannot be exposed; docs/metrics.md is written from here.

To add one: declare it in the module of its subject. Nothing else lists it.
"""

from __future__ import annotations

from types import ModuleType

from jobgauge.catalogue import job, own, scheduler
from jobgauge.family import Family


def _families(*modules: ModuleType) -> dict[str, Family]:
    found: dict[str, Family] = {}
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Family) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"family {value.name} is declared twice")
    return found


FAMILIES: dict[str, Family] = _families(job, scheduler, own)
