"""`python -m jobgauge.catalogue` prints docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterable

from jobgauge.catalogue import SUBJECTS
from jobgauge.family import Audience, Family

_AUDIENCES = {
    Audience.OWNER: "the user in its `user` label, the leaders of the account, staff",
    Audience.ACCOUNT: "the members of the account in its `account` label, staff",
    Audience.PUBLIC: "everybody",
    Audience.STAFF: "staff",
}


def _lines() -> Iterable[str]:
    yield "<!-- Written by `make generate` from exporters/jobgauge/catalogue; do not edit. -->"
    yield "# Metrics"
    yield ""
    yield "Every family that the exporters can expose. Units are base units; counters end in `_total`; a series that could"
    yield "not be read is left out, never zero. *Seen by* is what the gateway enforces:"
    yield ""
    yield from (f"- `{audience}`: {meaning}" for audience, meaning in _AUDIENCES.items())
    for module, families in SUBJECTS.items():
        yield ""
        yield f"## {(module.__doc__ or '').strip().rstrip('.')}"
        yield ""
        yield "| metric | type | labels | seen by | meaning |"
        yield "|---|---|---|---|---|"
        yield from map(_row, families)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    text = family.help.replace("|", r"\|")
    return f"| `{family.name}` | {family.kind} | {labels} | {family.audience} | {text} |"


if __name__ == "__main__":
    print("\n".join(_lines()))  # noqa: T201 - what this module is for
