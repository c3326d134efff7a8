"""A selector as data: its matchers, all of which a series must satisfy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from jobgauge_gateway.promql.strings import quote

METRIC_NAME = "__name__"
_BARE_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")


class Matcher(NamedTuple):
    """One condition on a label; `operator` is =, !=, =~ or !~."""

    label: str
    operator: str
    value: str


Narrow = Callable[[Sequence[Matcher]], Iterable[Matcher]]  # says which matchers a selector has to gain


def render(matchers: Iterable[Matcher]) -> str:
    """Return a selector's canonical text: everything in braces, the metric's name too."""
    return "{" + ",".join([f"{_label(m.label)}{m.operator}{quote(m.value)}" for m in matchers]) + "}"


def _label(name: str) -> str:
    return name if _BARE_LABEL.fullmatch(name) else quote(name)
