"""Shares and their use, as `sshare -P` prints them."""

from __future__ import annotations

from contextlib import suppress

from jobgauge_scheduler.model import Reading, Share

FIELDS = ("Account", "User", "NormShares", "EffectvUsage", "FairShare", "LevelFS")


def parse(output: bytes) -> Reading[tuple[Share, ...]]:
    """Read the output; accounts are indented by their depth, and the figures of the root are blank."""
    lines = output.decode("utf-8", "surrogateescape").splitlines()
    shares = []
    for line in lines:
        with suppress(ValueError):
            account, user, *numbers = line.strip().split("|")
            norm, usage, fair, level = (float(text) if text else None for text in numbers)
            shares.append(Share(account, user, norm, usage, fair, level))
    return Reading(tuple(shares), len(lines) - len(shares))
