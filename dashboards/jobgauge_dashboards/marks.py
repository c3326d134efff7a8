"""Marks on the time axis that several boards have: alerts, and times for which nodes are kept free."""

from __future__ import annotations

from jobgauge_dashboards import style
from jobgauge_dashboards.board import Annotation
from jobgauge_dashboards.variables import having


def reservations(selector: str) -> Annotation:
    """Mark when reservations begin, a maintenance among them."""
    return Annotation(
        "Reservations",
        f"hpc_sched_reservation_start_time_seconds{selector} * 1000",
        "{{reservation}} begins",
        "Nodes are kept free from here on.",
        style.MUTED,
        at_value=True,
    )


def alerts(selector: str, *matchers: str) -> Annotation:
    """Mark when alerts fire."""
    firing = having(selector, 'alertstate="firing"', *matchers)
    return Annotation("Alerts", f"ALERTS{firing}", "{{alertname}}", "{{severity}}", style.FAIR)
