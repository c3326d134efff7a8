"""Chance without state: numbers that look random and depend on nothing but their key."""

from __future__ import annotations

from hashlib import blake2b


def chance(*key: object) -> float:
    """Return a number in [0, 1) that is always the same for the same key."""
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def between(low: int, high: int, *key: object) -> int:
    """Return a whole number from low to high, both included."""
    return low + int(chance(*key) * (high - low + 1))
