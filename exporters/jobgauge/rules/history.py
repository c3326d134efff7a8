"""What a stored history cannot tell of an alert: it lacks the series, or begins later than what the alert looks back at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from jobgauge.rules.alerts import Alert
from jobgauge.rules.ask import Asker, pieces

_HOUR = 3600.0
_DAY = 86400.0  # that one question covers


def shown(at: float) -> str:
    """Return a time as people read it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def begins(asker: Asker, metric: str, begin: float, end: float) -> float:
    """Return the begin of the first hour of a time in which the storage has a metric; the end, if it has it in none."""
    question = f"group(last_over_time({metric}[{_HOUR:.0f}s]))"
    for since, until in pieces(begin, end, _DAY):
        if answer := asker.range(question, since + _HOUR, max(until, since + _HOUR), _HOUR):
            return float(answer[0]["values"][0][0]) - _HOUR
    return end


def supported(
    asker: Asker, alerts: Sequence[Alert], begin: float, end: float
) -> tuple[list[Alert], list[str]]:
    """Return the alerts of which the storage can tell; and a line for those of which it cannot, or in part only."""
    stored = asker.names(begin, end)
    able = [alert for alert in alerts if alert.metric in stored]
    unable = defaultdict(list)
    for alert in alerts:
        if alert.metric not in stored:
            unable[alert.metric].append(alert)
    notes = [
        f"{_names(group)}: not looked at, as the storage has no {metric} in this time."
        for metric, group in unable.items()
    ]
    return able, [*notes, *_in_part(asker, able, begin, end)]


def _in_part(asker: Asker, alerts: Iterable[Alert], begin: float, end: float) -> Iterator[str]:
    """Yield a line for those whose window begins before the storage has what they look at."""
    alike = defaultdict(list)
    for alert in alerts:
        if alert.window > _HOUR:
            alike[alert.metric, alert.window].append(alert)
    for (metric, window), group in alike.items():
        if (first := begins(asker, metric, begin - window, end)) > begin - window:
            yield (
                f"{_names(group)}: the storage has no {metric} before {shown(first)}, and these alerts look back "
                f"{window / _DAY:.0f}d: until {shown(min(first + window, end))} they may tell too little."
            )


def _names(alerts: Iterable[Alert]) -> str:
    return ", ".join(alert.name for alert in alerts)
