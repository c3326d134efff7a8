"""jobgauge-rules backtest: what the alerts on jobs, users and accounts would have told in a time that Prometheus still knows."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobgauge.config import duration, option, suggestion
from jobgauge.errors import ConfigError, SourceError
from jobgauge.rules import history
from jobgauge.rules.alerts import ACCOUNT, JOB, USER, Alert, Whom, concerning_somebody, whom
from jobgauge.rules.ask import Asker, TooMuch, pieces
from jobgauge.rules.history import shown
from jobgauge.rules.settings import RulesConfig, url, values

ABOUT = """Tell what the alerts on jobs, users and accounts would have told in the past: how many of these each would have hit, and
how much of what they held was left idle. Try thresholds by the flags below before you change them.

  jobgauge-rules backtest --url http://prometheus:9090 --from 7d
  jobgauge-rules backtest --url http://prometheus:9090 --from 2026-11-01 --to 2026-11-08 --alert JobCpuLow --job.cpu-low=0.1

It asks Prometheus for a piece of the time after the other, so it can be ended at any time. The records of the rules must be in
its storage for that time; what they, and the series that some alerts look at themselves, do not reach back for is told below the
table. An alert counts for a job once it would have fired. Idle core-hours, GPU-hours and GiB-hours of memory are those of the
whole jobs (of an alert on users or accounts: of all their jobs) within the time."""

_PIECE = 7200.0  # seconds that one question covers at first
_SHORTEST = 300.0
_BAR = 30  # characters
_WASTES = {  # what is left idle: its record, and how much of that is one
    "core-hours": ("job:hpc_job_cpus_wasted:sum", 1.0),
    "GPU-hours": ("job:hpc_job_gpus_wasted:sum", 1.0),
    "GiB-hours": ("job:hpc_job_memory_wasted_bytes:sum", 2.0**30),
}
_FIRST_WASTE = _WASTES["core-hours"][0]

Wastes = dict[Whom, list[float]]  # of each job, in the order of _WASTES


def moment(text: str) -> int:
    """Read a time, in whole seconds: a date, a date and time, `now`, or how long ago, such as 7d."""
    if text == "now":
        return int(time.time())
    if re.fullmatch(r"[0-9.]+(s|m|h|d)", text):
        return int(time.time() - duration(text))
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a time: write 2026-11-01, 2026-11-01T08:00, now, or 7d for 7 days ago"
        ) from None
    return int((read if read.tzinfo else read.astimezone()).timestamp())


@dataclass(frozen=True)
class BacktestConfig(RulesConfig):
    """What is looked at, and where."""

    url: str = option(
        "url",
        "",
        "Prometheus; a name and password may stand in it: http://name:password@host:9090",
        url,
        metavar="URL",
    )
    begin: int = option(
        "from",
        "7d",
        "begin of the time: 2026-11-01, 2026-11-01T08:00, or 7d for 7 days ago",
        moment,
        metavar="TIME",
    )
    end: int = option("to", "now", "end of the time", moment, metavar="TIME")
    alert: tuple[str, ...] = option(
        "alert", (), "look at this alert only; may be repeated", many=True, metavar="ALERT"
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if isinstance(self.begin, str):
            object.__setattr__(self, "begin", moment(self.begin))
        if isinstance(self.end, str):
            object.__setattr__(self, "end", moment(self.end))
        if self.begin >= self.end:
            raise ConfigError("from: the time must begin before it ends (--to)")


def run(config: BacktestConfig) -> None:
    """Ask, and print the table."""
    if not config.url:
        raise ConfigError(
            "--url URL is needed: the Prometheus that has the records, such as http://prometheus:9090"
        )
    wanted = chosen(config)
    asker = Asker(config.url)
    first = history.begins(asker, _FIRST_WASTE, config.begin, config.end)
    if first == config.end:
        raise SourceError(
            f"{asker.shown} has no {_FIRST_WASTE} from {shown(config.begin)} to {shown(config.end)}: does it evaluate "
            "the rules that jobgauge-rules writes, and does its storage reach back that far?"
        )
    alerts, notes = history.supported(asker, wanted, config.begin, config.end)
    if first > config.begin:
        notes.insert(
            0, f"The storage has no {_FIRST_WASTE} before {shown(first)}: no job before then is counted."
        )
    progress = Progress(len(alerts) + 1)
    wastes = wasted(asker, config, progress.within)
    found = {}
    for alert in alerts:
        progress.next(alert.name)
        found[alert] = hits(asker, alert, config, progress.within)
    progress.end()
    print("\n".join([*table(found, wastes, config), *notes]))  # noqa: T201 - what the command is for


def chosen(config: BacktestConfig) -> list[Alert]:
    """Return the alerts to look at."""
    found = list(concerning_somebody(config))
    known = [alert.name for alert in found]
    for name in config.alert:
        if name not in known:
            raise ConfigError(
                f"alert: there is no alert {name!r} on jobs, users or accounts{suggestion(name, known)}"
            )
    return [
        alert
        for alert in found
        if alert.name not in config.off and (not config.alert or alert.name in config.alert)
    ]


def wasted(asker: Asker, config: BacktestConfig, progress: Callable[[float], None]) -> Wastes:
    """Return what every job of the time left idle."""
    found: Wastes = {}
    hours = duration(values(config)["scrape-interval"]) / 3600
    for begin, end in pieces(config.begin, config.end, _PIECE):
        # A millisecond short, so that no version of Prometheus counts a sample in two pieces.
        window = f"[{round((end - begin) * 1000) - 1}ms]"
        for column, (metric, one) in enumerate(_WASTES.values()):
            for series in asker.instant(f"sum_over_time({metric}{window}) * {hours / one!r}", end):
                job = found.setdefault(whom(series["metric"], JOB), [0.0] * len(_WASTES))
                job[column] += float(series["value"][1])
        progress((end - config.begin) / (config.end - config.begin))
    return found


def hits(asker: Asker, alert: Alert, config: BacktestConfig, progress: Callable[[float], None]) -> set[Whom]:
    """Return whom an alert would have hit: whoever it holds for, turn by turn, as long as it must."""
    since: dict[
        tuple[tuple[str, str], ...], tuple[float, float]
    ] = {}  # where it holds: since when, and its last turn
    found = set()
    begin, length = float(config.begin), _PIECE
    while begin < config.end:
        end = min(begin + length, config.end)
        try:
            answer = asker.range(alert.formula, begin, end - alert.turn / 2, alert.turn)
        except TooMuch:
            length /= 2
            if length < max(_SHORTEST, alert.turn):
                raise
            continue
        for series in answer:
            key = tuple(sorted(series["metric"].items()))
            for at, _ in series["values"]:
                first, last = since.get(key, (at, at))
                first = first if at - last <= 1.5 * alert.turn else at
                since[key] = first, at
                if at - first >= alert.holds:
                    found.add(whom(series["metric"], alert.level))
        # The next piece begins at the turn after the last one of this.
        begin += alert.turn * -(-(end - begin) // alert.turn)
        progress(min(1.0, (begin - config.begin) / (config.end - config.begin)))
    return found


def table(found: Mapping[Alert, set[Whom]], wastes: Wastes, config: BacktestConfig) -> Iterable[str]:
    """Yield the lines of the answer."""
    everything = _sums(wastes.values())
    titles = [cell for waste in _WASTES for cell in (f"idle {waste}", "")]
    rows: list[Sequence[str]] = [("alert", "jobs", "users", "accounts", *titles)]
    for alert, hit in found.items():
        sums = _sums(waste for job, waste in wastes.items() if job[: alert.level] in hit)
        rows.append((alert.name, *_counts(hit, alert.level), *_hours(sums, everything)))
    rows.append(("(all jobs of the time)", *_counts(wastes, JOB), *_hours(everything, everything)))
    yield f"From {shown(config.begin)} to {shown(config.end)}:"
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if not i else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _sums(wastes: Iterable[Sequence[float]]) -> list[float]:
    return [sum(column, 0.0) for column in zip(*wastes, strict=True)] or [0.0] * len(_WASTES)


def _counts(hit: Iterable[Whom], level: int) -> Iterable[str]:
    """Yield how many jobs, users and accounts these are."""
    yield str(len(set(hit))) if level == JOB else "-"
    yield str(len({(one[0], one[USER - 1]) for one in hit})) if level >= USER else "-"
    yield str(len({one[:ACCOUNT] for one in hit if one[ACCOUNT - 1]}))


def _hours(sums: Sequence[float], everything: Sequence[float]) -> Iterable[str]:
    for hours, all_hours in zip(sums, everything, strict=True):
        yield f"{hours:.1f}"
        yield f"{hours / all_hours:.0%}" if all_hours else ""


class Progress:
    """Says on standard error how far the work is: a bar on a terminal, else a line for each alert."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self._done = 0
        self._name = "waste of all jobs"
        self._tell()

    def next(self, name: str) -> None:
        """Begin with the next part."""
        self._done += 1
        self._name = name
        self._tell()

    def _tell(self) -> None:
        if not sys.stderr.isatty():
            print(f"{self._done + 1} of {self._parts}: {self._name}", file=sys.stderr)  # noqa: T201 - progress

    def within(self, share: float) -> None:
        """Tell how much of the part is done."""
        if sys.stderr.isatty():
            done = (self._done + share) / self._parts
            bar = "#" * round(done * _BAR)
            sys.stderr.write(f"\r[{bar:{_BAR}}] {done:4.0%}  {self._name:24}")
            sys.stderr.flush()

    def end(self) -> None:
        """Leave the terminal clean."""
        if sys.stderr.isatty():
            sys.stderr.write("\r" + " " * (_BAR + 34) + "\r")
