"""What a caller is told when there is no answer: one sentence, in the form of Prometheus' own errors."""

from __future__ import annotations

import json

from jobgauge.errors import JobgaugeError

_TYPES = {400: "bad_data", 401: "unauthorized", 403: "forbidden", 404: "not_found", 503: "unavailable"}
_TYPES |= {429: "too_many_requests", 500: "internal", 502: "unavailable", 504: "timeout"}


class Problem(JobgaugeError):  # noqa: N818 - it is an answer, and often no fault
    """A request is answered with this status and sentence; `outcome` is how it is counted."""

    def __init__(self, status: int, sentence: str, outcome: str = "refused") -> None:
        super().__init__(sentence)
        self.status = status
        self.outcome = outcome

    @property
    def body(self) -> bytes:
        """The answer's JSON."""
        kind = _TYPES.get(self.status, "bad_data")
        return json.dumps({"status": "error", "errorType": kind, "error": str(self)}).encode()


def unidentified(sentence: str) -> Problem:
    """Return the answer to a caller who did not prove who they are."""
    return Problem(401, sentence, "unidentified")


def unwelcome(sentence: str) -> Problem:
    """Return the answer to a caller who proved to be somebody who may not come in."""
    return Problem(403, sentence, "unidentified")
