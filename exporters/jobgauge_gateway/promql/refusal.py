"""Why a query is not sent upstream. Every message is one sentence for the person who wrote the query.

Refused
├── BadQuery    not PromQL as Prometheus reads it
├── OverLimit   larger than this gateway allows
└── NotAllowed  understood, and not for this caller
"""

from jobgauge.errors import JobgaugeError


class Refused(JobgaugeError):  # noqa: N818 - it is a decision, not a fault
    """The query is not sent; the message says what to change."""


class BadQuery(Refused):
    """The text is not PromQL."""


class OverLimit(Refused):
    """The query is larger than the limits allow."""


class NotAllowed(Refused):
    """The query is understood, and the caller may not ask it."""
