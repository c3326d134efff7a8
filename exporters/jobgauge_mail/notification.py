"""What Alertmanager's webhook says of a group of alerts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobgauge.http1 import HttpError

_ANNOTATIONS = ("summary", "description", "dashboard_url")


@dataclass(frozen=True)
class Notification:
    """A group by cluster and user, and those of its alerts that fire. Every text is printable and on one line."""

    key: str  # by which Alertmanager knows the group
    group: Mapping[str, str]  # the cluster and user
    alerts: Sequence[Mapping[str, str]]  # the kind and annotations of each
    marks: frozenset[str]  # of its alerts

    @property
    def user(self) -> str:
        """Whom it is about."""
        return self.group["user"]

    @classmethod
    def read(cls, body: bytes) -> Notification:
        """Read a request's body; raise HttpError where it is none of ours."""
        try:
            page = json.loads(body)
            group = page["groupLabels"]
            firing = [alert for alert in page["alerts"] if alert["status"] == "firing"]
            return cls(
                str(page["groupKey"]),
                {"cluster": _plain(group.get("cluster", "")), "user": _plain(group["user"])},
                [_told(alert) for alert in firing],
                frozenset(str(sorted(alert["labels"].items())) for alert in firing),
            )
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise HttpError(
                400, "what Alertmanager says of a group by cluster and user is expected here"
            ) from error


def _told(alert: Any) -> Mapping[str, str]:
    told = {name: _plain(alert["annotations"].get(name, "")) for name in _ANNOTATIONS}
    return {"kind": _plain(alert["labels"].get("kind", "")), **told}


def _plain(text: str) -> str:
    """Return a text that can begin no line of its own, in a header or in the mail."""
    return "".join(character if character.isprintable() else " " for character in text)
