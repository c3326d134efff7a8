"""Which series are published by default: read from the catalogue and from the names of the recorded rules."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jobgauge import data
from jobgauge.catalogue import FAMILIES
from jobgauge.family import Audience, Family, Kind
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.policy import Published

_RECORD = re.compile(r"^\s*-?\s*record:\s*(\S+)\s*$", re.MULTILINE)

# What stands before the first colon of a recorded name are the labels that are left. Those of totals over all accounts:
_OF_TOTALS = frozenset(["cluster", "partition", "state", "reason"])


def published(config: GatewayConfig) -> Published:
    """Return what this site publishes; a name that is listed twice goes to fewer people."""
    public, account = set(config.public), set(config.account)
    if config.default_metrics:
        audiences = [*_of_the_catalogue(), *((name, audience_of_rule(name)) for name in recorded())]
        public |= {name for name, audience in audiences if audience is Audience.PUBLIC}
        account |= {name for name, audience in audiences if audience is Audience.ACCOUNT}
    private = frozenset(config.private)
    return Published(frozenset(public - account - private), frozenset(account - private))


def recorded() -> frozenset[str]:
    """Return the names of the series that the suite's own rules record."""
    files = sorted(data.folder("recording_rules").glob("*.rules.yml"))
    return frozenset(name for file in files for name in _RECORD.findall(file.read_text(encoding="utf-8")))


def audience_of_rule(name: str) -> Audience:
    """Return who may see a recorded series; a level that is not understood leaves it to its owner."""
    labels = frozenset(name.partition(":")[0].split("_"))
    if labels <= _OF_TOTALS:
        return Audience.PUBLIC
    if "account" in labels and labels - {"account"} <= _OF_TOTALS:
        return Audience.ACCOUNT
    return Audience.OWNER


def _of_the_catalogue() -> Iterable[tuple[str, Audience]]:
    for family in FAMILIES.values():
        for name in _series(family):
            yield name, family.audience


def _series(family: Family) -> Iterable[str]:
    if family.kind is Kind.HISTOGRAM:
        return [f"{family.name}_{part}" for part in ("bucket", "sum", "count")]
    return [family.name]
