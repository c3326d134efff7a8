"""Every metric family of the suite. A family that is not here cannot be exposed; docs/metrics.md is written from here.

To add one, declare it in the module of its subject: nothing else lists it.
"""

from __future__ import annotations

from types import ModuleType

from jobgauge.catalogue import gateway, job, job_files, job_parts, mail, own
from jobgauge.catalogue.scheduler import accounts, health, history, nodes, queue
from jobgauge.family import Family

SUBJECTS: dict[ModuleType, list[Family]] = {
    module: [value for value in vars(module).values() if isinstance(value, Family)]
    for module in (job, job_files, job_parts, queue, nodes, accounts, history, health, gateway, mail, own)
}
FAMILIES: dict[str, Family] = {family.name: family for families in SUBJECTS.values() for family in families}
