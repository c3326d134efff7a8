"""The settings of a site: the thresholds of settings.yml, and what every command takes beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import TypeVar

from jobgauge import data, yamlfile
from jobgauge.config import boolean, duration, option, options, suggestion
from jobgauge.errors import ConfigError

C = TypeVar("C", bound="RulesConfig")

_LONGEST_INTERVAL = 120  # Prometheus forgets a sample after 5 minutes: two must fit, and one may be missed
_BOARDS = {  # links to boards, with the labels of an alert as their variables
    "job-board": "/d/jobgauge-job?var-cluster={{ $labels.cluster | urlquery }}&var-jobid={{ $labels.jobid | urlquery }}",
    "account-board": "/d/jobgauge-account?var-cluster={{ $labels.cluster | urlquery }}&var-account={{ $labels.account | urlquery }}",
    "user-board": "/d/jobgauge-my-jobs?var-cluster={{ $labels.cluster | urlquery }}&var-user={{ $labels.user | urlquery }}",
}
_NOT_IN_PROMETHEUS = re.compile(r"\(\?(<?[=!]|P=|\()|(?<!\\)(\\\\)*\\[1-9]")  # looking around, and back
_WINDOW = 4  # scrapes that a rate looks back at least: two may be missed
_SHORTEST_WINDOW = 300  # seconds: a rate also bridges the restart of an exporter or of Prometheus


def _duration(text: str) -> str:
    duration(text)
    if not re.fullmatch(r"[1-9][0-9]*(s|m|h|d)", text):
        raise ValueError(f"{text!r} is not a duration that Prometheus takes: write 30s, 5m, 1h or 2d")
    return text


def _number(text: str) -> str:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?(e[0-9]+)?", text):
        raise ValueError(f"{text!r} is not a number of zero or more")
    return text


def _ratio(text: str) -> str:
    if not 0 <= float(_number(text)) <= 1:
        raise ValueError(f"{text!r} is not a ratio: write a number from 0 to 1")
    return text


def _share(text: str) -> str:
    if not 0 < float(_number(text)) < 1:
        raise ValueError(f"{text!r} is not a share: write a number between 0 and 1, neither of them")
    return text


def url(text: str) -> str:
    """Read an address, without a slash at its end."""
    if not re.fullmatch(r"[a-z]+://[^\s\"'{}\\]+", text):
        raise ValueError(f"{text!r} is not an address such as https://grafana.example.org")
    return text.rstrip("/")


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error
    if found := _NOT_IN_PROMETHEUS.search(text):
        raise ValueError(f"{text!r} is not a regular expression that Prometheus takes: it has no {found[0]}")
    return text.replace("\\", r"\\").replace('"', r"\"")


def _alert(text: str) -> str:
    pages = (yamlfile.read(str(path)) for path in data.folder("recording_rules").glob("*.alerts.yml"))
    known = [rule["alert"] for page in pages for group in page["groups"] for rule in group["rules"]]
    if text not in known:
        raise ValueError(f"there is no alert {text!r}{suggestion(text, sorted(known))}")
    return text


def _text(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(f"{text!r} is empty or more than a line")
    return text


def _webhook(text: str) -> str:
    return text and url(text)


def _switch(text: str) -> str:
    return str(boolean(text)).lower()


KINDS: dict[str, Callable[[str], str]] = {
    "duration": _duration,
    "number": _number,
    "ratio": _ratio,
    "share": _share,
    "regex": _regex,
    "url": url,
    "webhook": _webhook,
    "text": _text,
    "switch": _switch,
}


@dataclass(frozen=True)
class RulesConfig:
    """What every site can set beside the thresholds of settings.yml."""

    out: str = option("out", "", "folder to write the rule files to", metavar="DIR")
    compat: tuple[str, ...] = option(
        "compat", (), "also write this file of compat/; may be repeated", many=True, metavar="NAME"
    )
    off: tuple[str, ...] = option(
        "alerts.off", (), "leave this alert out; may be repeated", _alert, many=True, metavar="ALERT"
    )


def schema(settings: Path, base: type[C]) -> type[C]:
    """Return a command's schema with one more field for each entry of settings.yml."""
    declared = [
        (
            re.sub(r"[.-]", "_", name),
            str,
            option(
                name,
                KINDS[entry["kind"]](str(entry["default"])),
                entry["about"].strip(),
                KINDS[entry["kind"]],
            ),
        )
        for name, entry in yamlfile.read(str(settings)).items()
    ]
    return make_dataclass("Settings", declared, bases=(base,), frozen=True)


def values(config: RulesConfig) -> dict[str, str]:
    """Return what each placeholder stands for."""
    found: dict[str, str] = {}
    for field_name, setting in options(type(config)).items():
        value = getattr(config, field_name)
        if setting.many or not isinstance(value, str):
            continue
        found[setting.name] = value
        if setting.parse is _duration:
            found[f"{setting.name}.seconds"] = f"{duration(value):g}"
        if setting.parse in (_ratio, _share):
            found[f"{setting.name}.percent"] = f"{float(value) * 100:g} %"
    interval = float(found["scrape-interval.seconds"])
    if interval > _LONGEST_INTERVAL:
        raise ConfigError(f"scrape-interval: more than {_LONGEST_INTERVAL}s leaves gaps in every graph")
    window = max(_WINDOW * interval, _SHORTEST_WINDOW)
    found |= {"window": f"{window:g}s", "window.seconds": f"{window:g}"}
    found |= {board: found["grafana-url"] + path for board, path in _BOARDS.items()}
    found |= _exemptions({name: found[name] for name in found if name.startswith("exempt.")})
    return found


def _exemptions(patterns: Mapping[str, str]) -> dict[str, str]:
    """Return what keeps exempt jobs out: matchers for series of users, and a last clause for alerts on jobs."""
    users, jobs = [], []
    for name, pattern in patterns.items():
        label = name.removeprefix("exempt.")
        if pattern and label in ("user", "account"):
            users.append(f'{label}!~"{pattern}"')
        elif pattern:
            jobs.append(f'unless on (cluster, jobid) hpc_job_info{{{label}=~"{pattern}"}}')
    return {"exempt": ",".join(users), "unless-exempt": " ".join(jobs)}
