"""How tests write down which series they expect."""

from __future__ import annotations

Key = tuple[str, frozenset[tuple[str, str]]]


def key(name: str, **labels: str) -> Key:
    """Return how a series is known in expectations: its name and all its labels."""
    return name, frozenset(labels.items())
