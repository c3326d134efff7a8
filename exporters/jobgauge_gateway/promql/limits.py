"""How large a query may be."""

from __future__ import annotations

from dataclasses import dataclass

from jobgauge_gateway.promql.refusal import OverLimit


@dataclass(frozen=True)
class Limits:
    """Caps that bound the work a query makes here and upstream; a large board's query is a tenth of each."""

    bytes: int = 65_536
    tokens: int = 10_000
    selectors: int = 200
    matchers: int = 50
    depth: int = 64
    string: int = 16_384

    def hold(self, name: str, size: int) -> None:
        """Refuse when `size` is over the limit of this name."""
        limit = getattr(self, name)
        if size > limit:
            raise OverLimit(
                f"the query has more than {limit} {_PHRASES.get(name, name)}; ask for less, or in parts"
            )


_PHRASES = {
    "matchers": "matchers in one selector",
    "depth": "levels of parentheses, calls and signs",
    "string": "characters in one string",
}
