"""What jobgauge-mail knows of its past: whom it told what, and how many; the collector that shows it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar

from jobgauge.catalogue import mail
from jobgauge.collector import Collector
from jobgauge.family import Family
from jobgauge.samples import Samples
from jobgauge_mail.notification import Notification


class Outcome(StrEnum):
    """What became of a notification."""

    SENT = "sent"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    REPEATED = "repeated"
    BUSY = "busy"
    FAILED = "failed"


class Ledger:
    """Whom was told what, for as long as it would be a mistake to tell them again; and a count of all."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.one_by_one = threading.Lock()  # held by who delivers
        self._counting = threading.Lock()
        self._told: dict[str, tuple[float, frozenset[str]]] = {}

    def is_told(self, notification: Notification, memory: float) -> bool:
        """Say whether all of a notification was told in the last seconds, and forget what is older."""
        oldest = time.monotonic() - memory
        self._told = {key: told for key, told in self._told.items() if told[0] > oldest}
        _, marks = self._told.get(notification.key, (oldest, frozenset()))
        return notification.marks <= marks

    def count(self, outcome: Outcome) -> None:
        """Count a notification."""
        with self._counting:
            self.outcomes[outcome] += 1

    def note(self, notification: Notification) -> None:
        """Remember a notification as told."""
        self._told[notification.key] = time.monotonic(), notification.marks


class MailCollector(Collector):
    """Notifications by outcome."""

    name = "mail"
    about = "notifications for owners by what became of them"
    families: ClassVar[tuple[Family, ...]] = (mail.NOTIFICATIONS,)

    def __init__(self, ledger: Ledger, cluster: str) -> None:
        self._ledger = ledger
        self._cluster = cluster

    def collect(self) -> Iterable[Samples]:
        """Show what was counted."""
        counts = {(outcome.value,): self._ledger.outcomes[outcome] for outcome in Outcome}
        yield Samples.of(mail.NOTIFICATIONS, counts, self._cluster)
