"""A metric family: its name, type, unit, help, labels and audience, declared once in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

LABEL_LENGTH = 1024  # characters of a label's value; what users can type is not bounded otherwise
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\0": r"\\x00"})


class Kind(StrEnum):
    """The types of the exposition format that we use."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Audience(StrEnum):
    """Who may see a family's series; the gateway enforces it."""

    OWNER = "owner"  # the user in its `user` label
    ACCOUNT = "account"  # the members of the account in its `account` label
    PUBLIC = "public"
    STAFF = "staff"


@dataclass(frozen=True, eq=False)
class Family:
    """One metric family; equality is identity, since each is declared once."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    audience: Audience = Audience.STAFF
    header: bytes = field(init=False, repr=False)  # the HELP and TYPE lines of the text format
    openmetrics_header: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a declaration that would make a bad page or an unenforceable scope."""
        for name in (self.name, *self.labels):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} in family {self.name!r} is not a plain name")
        if (self.kind is Kind.COUNTER) != self.name.endswith("_total"):
            raise ValueError(f"family {self.name!r}: counters, and only they, end in _total")
        if self.unit and not self._base_name.endswith("_" + self.unit):
            raise ValueError(f"family {self.name!r} does not end in its unit {self.unit!r}")
        needed = {Audience.OWNER: "user", Audience.ACCOUNT: "account"}.get(self.audience)
        if needed and needed not in self.labels:
            raise ValueError(f"family {self.name!r} is for its {self.audience} but has no {needed!r} label")
        object.__setattr__(self, "header", self._header(self.name, unit=False))
        object.__setattr__(self, "openmetrics_header", self._header(self._base_name, unit=True))

    @property
    def _base_name(self) -> str:
        return self.name.removesuffix("_total")

    def _header(self, name: str, *, unit: bool) -> bytes:
        help_text = self.help.replace("\\", r"\\").replace("\n", r"\n")
        lines = [f"# HELP {name} {help_text}", f"# TYPE {name} {self.kind}"]
        if unit and self.unit:
            lines.append(f"# UNIT {name} {self.unit}")
        return ("\n".join(lines) + "\n").encode()

    def head(self, values: Sequence[str], cluster: str = "") -> bytes:
        """Return a series' text up to its value, labels escaped: `name{a="x",b="y"} `."""
        pairs = [f'{label}="{escape(value)}"' for label, value in zip(self.labels, values, strict=True)]
        if cluster:
            pairs.append(f'cluster="{escape(cluster)}"')
        return (f"{self.name}{{{','.join(pairs)}}} " if pairs else f"{self.name} ").encode()


def escape(value: str) -> str:
    r"""Escape a label's value for the text formats, whatever a user put in it.

    Bytes that are not UTF-8 come as lone surrogates (os.fsdecode) and are shown as `\udcXX`, so that two names which
    differ only there stay two. NUL ends the page for Prometheus' parser and is shown as `\x00`.
    """
    if value.isalnum() and value.isascii() and len(value) <= LABEL_LENGTH:
        return value  # as most are, at a third of the cost
    if not value.isascii():
        value = value.encode("utf-8", "backslashreplace").decode()
    if len(value) > LABEL_LENGTH:
        value = value[: LABEL_LENGTH - 1] + "…"
    return value.translate(_ESCAPES)
