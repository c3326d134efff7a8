"""jobgauge-rules backtest: what the alerts on jobs and users would have told in a time that Prometheus still knows."""

from __future__ import annotations

import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jobgauge import data, yamlfile
from jobgauge.config import duration, option, suggestion
from jobgauge.errors import ConfigError, SourceError
from jobgauge.rules import files
from jobgauge.rules.ask import Asker, TooMuch, pieces
from jobgauge.rules.settings import RulesConfig, url, values

ABOUT = """Tell what the alerts on jobs and users would have told in the past: how many jobs and users each would have hit, and
how much of what these held was left idle. Try thresholds by the flags below before you change them.

  jobgauge-rules backtest --url http://prometheus:9090 --from 7d
  jobgauge-rules backtest --url http://prometheus:9090 --from 2026-11-01 --to 2026-11-08 --alert JobCpuLow --job.cpu-low=0.1

It asks Prometheus for a piece of the time after the other, so it can be ended at any time. The records of the rules must be in
its storage for that time. An alert counts for a job once it would have fired. Idle
core-hours and GPU-hours are those of the whole jobs (of an alert on users: of all their jobs) within the time."""

_PIECE = 7200.0  # seconds that one question covers at first
_SHORTEST = 300.0
_BAR = 30  # characters
_WASTES = ("job:hpc_job_cpus_wasted:sum", "job:hpc_job_gpus_wasted:sum")

Job = tuple[str, str]  # cluster and id
Owner = tuple[str, str, str]  # cluster, user and account


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


@dataclass
class Waste:
    """Hours that jobs held and left idle, by job; and whose the jobs are."""

    cores: defaultdict[Job, float] = field(default_factory=lambda: defaultdict(float))
    gpus: defaultdict[Job, float] = field(default_factory=lambda: defaultdict(float))
    owners: dict[Job, Owner] = field(default_factory=dict)


@dataclass
class Hits:
    """Whom an alert would have hit."""

    jobs: set[Job] = field(default_factory=set)
    owners: set[Owner] = field(default_factory=set)
    on_users: bool = False  # the alert is on users as such


def run(config: BacktestConfig) -> None:
    """Ask, and print the table."""
    if not config.url:
        raise ConfigError(
            "--url URL is needed: the Prometheus that has the records, such as http://prometheus:9090"
        )
    alerts = list(chosen(config))
    asker = Asker(config.url)
    progress = Progress(len(alerts) + 1)
    waste = wasted(asker, config, progress.within)
    if not waste.owners:
        raise SourceError(
            f"{asker.shown} has no {_WASTES[0]} from {_shown(config.begin)} to {_shown(config.end)}: does it evaluate "
            "the rules that jobgauge-rules writes, and does its storage reach back that far?"
        )
    found = {}
    for rule in alerts:
        progress.next(rule["alert"])
        found[rule["alert"]] = hits(asker, rule, config, progress.within)
    progress.end()
    print("\n".join(table(found, waste, config)))  # noqa: T201 - what the command is for


def chosen(config: BacktestConfig) -> Iterable[dict[str, Any]]:
    """Yield the alerts on jobs and users, with their thresholds, `for` and the interval of their group in seconds."""
    found = {}
    known = values(config)
    root = data.folder("recording_rules")
    for path in files.rule_files(root):
        for group in files.filled(yamlfile.read(str(path)), known, path.name)["groups"]:
            for rule in group["rules"]:
                if "alert" in rule and "$labels.user" in rule["annotations"]["summary"]:
                    found[rule["alert"]] = rule | {"interval": duration(group["interval"])}
    for name in config.alert:
        if name not in found:
            raise ConfigError(
                f"alert: there is no alert {name!r} on jobs or users{suggestion(name, list(found))}"
            )
    return [
        rule
        for name, rule in found.items()
        if name not in config.off and (not config.alert or name in config.alert)
    ]


def wasted(asker: Asker, config: BacktestConfig, progress: Callable[[float], None]) -> Waste:
    """Return what every job of the time left idle."""
    found = Waste()
    hours = duration(values(config)["scrape-interval"]) / 3600
    for begin, end in pieces(config.begin, config.end, _PIECE):
        # A millisecond short, so that no version of Prometheus counts a sample in two pieces.
        window = f"[{round((end - begin) * 1000) - 1}ms]"
        for metric, sums in zip(_WASTES, (found.cores, found.gpus), strict=True):
            for series in asker.instant(f"sum_over_time({metric}{window}) * {hours!r}", end):
                labels = series["metric"]
                job = labels.get("cluster", ""), labels["jobid"]
                found.owners[job] = _owner(labels)
                sums[job] += float(series["value"][1])
        progress((end - config.begin) / (config.end - config.begin))
    return found


def hits(
    asker: Asker, rule: Mapping[str, Any], config: BacktestConfig, progress: Callable[[float], None]
) -> Hits:
    """Return whom an alert would have hit: whoever it holds for, turn by turn, as long as it must."""
    step, holds = rule["interval"], duration(rule.get("for", "0s"))
    since: dict[
        tuple[tuple[str, str], ...], tuple[float, float]
    ] = {}  # where it holds: since when, and its last turn
    found = Hits()
    begin, length = config.begin, _PIECE
    while begin < config.end:
        end = min(begin + length, config.end)
        try:
            answer = asker.range(rule["expr"], begin, end - step / 2, step)
        except TooMuch:
            length /= 2
            if length < max(_SHORTEST, step):
                raise
            continue
        for series in answer:
            labels = series["metric"]
            key = tuple(sorted(labels.items()))
            for at, _ in series["values"]:
                first, last = since.get(key, (at, at))
                first = first if at - last <= 1.5 * step else at
                since[key] = first, at
                if at - first >= holds:
                    found.owners.add(_owner(labels))
                    if "jobid" in labels:
                        found.jobs.add((labels.get("cluster", ""), labels["jobid"]))
                    else:
                        found.on_users = True
        # The next piece begins at the turn after the last one of this.
        begin += step * -(-(end - begin) // step)
        progress(min(1.0, (begin - config.begin) / (config.end - config.begin)))
    return found


def _owner(labels: Mapping[str, str]) -> Owner:
    return labels.get("cluster", ""), labels.get("user", ""), labels.get("account", "")


def table(found: Mapping[str, Hits], waste: Waste, config: BacktestConfig) -> Iterable[str]:
    """Yield the lines of the answer."""
    everything = sum(waste.cores.values()), sum(waste.gpus.values())
    rows: list[Sequence[str]] = [("alert", "jobs", "users", "idle core-hours", "", "idle GPU-hours", "")]
    for name, hit in found.items():
        jobs = (
            [job for job, owner in waste.owners.items() if owner in hit.owners] if hit.on_users else hit.jobs
        )
        sums = sum(waste.cores[job] for job in jobs), sum(waste.gpus[job] for job in jobs)
        users = str(len({owner[:2] for owner in hit.owners}))
        rows.append((name, str(len(hit.jobs)) if not hit.on_users else "-", users, *_hours(sums, everything)))
    users = str(len({owner[:2] for owner in waste.owners.values()}))
    rows.append(("(all jobs of the time)", str(len(waste.owners)), users, *_hours(everything, everything)))
    yield f"From {_shown(config.begin)} to {_shown(config.end)}:"
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.ljust(width) if not i else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _hours(sums: tuple[float, float], everything: tuple[float, float]) -> Iterable[str]:
    for hours, all_hours in zip(sums, everything, strict=True):
        yield f"{hours:.1f}"
        yield f"{hours / all_hours:.0%}" if all_hours else ""


def _shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


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
