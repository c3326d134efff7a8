"""jobgauge-rules: write the Prometheus rule files with the site's thresholds.

The rule files are plain Prometheus YAML with placeholders: `@{job.cpu-low}` stands for a setting of settings.yml. A
duration can also be had as `@{job.min-age.seconds}`, a ratio as `@{job.cpu-low.percent}`. `@{window}`, `@{exempt}`,
`@{unless-exempt}`, `@{job-board}` and `@{user-board}` are derived from settings. Every file of the folder is taken; nothing lists them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, make_dataclass
from pathlib import Path
from typing import Any

import yaml

from jobgauge import __version__, data, yamlfile
from jobgauge.config import Loader, duration, option, options, suggestion
from jobgauge.errors import ConfigError, JobgaugeError

PROGRAM = "jobgauge-rules"
_MARK = f"# Written by {PROGRAM}"
_ABOUT = """Write the Prometheus rule files of Jobgauge with this site's thresholds.

  jobgauge-rules --out /etc/prometheus/rules/jobgauge --config.file /etc/jobgauge/rules.yml
  promtool check rules /etc/prometheus/rules/jobgauge/*.yml

The settings below stand in the file by the names of their flags. Files in the folder that an earlier run wrote and
that exist no more are removed; other files there are left alone."""

_PLACEHOLDER = re.compile(r"@\{([^}]*)\}")
_LONGEST_INTERVAL = 120  # Prometheus forgets a sample after 5 minutes: two must fit, and one may be missed
_BOARDS = {  # links to boards, with the labels of an alert as their variables
    "job-board": "/d/jobgauge-job?var-cluster={{ $labels.cluster | urlquery }}&var-jobid={{ $labels.jobid | urlquery }}",
    "user-board": "/d/jobgauge-my-jobs?var-cluster={{ $labels.cluster | urlquery }}&var-user={{ $labels.user | urlquery }}",
}
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


def _url(text: str) -> str:
    if not re.fullmatch(r"[a-z]+://[^\s\"'{}\\]+", text):
        raise ValueError(f"{text!r} is not an address such as https://grafana.example.org")
    return text.rstrip("/")


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error
    return text.replace("\\", r"\\").replace('"', r"\"")


KINDS: dict[str, Callable[[str], str]] = {
    "duration": _duration,
    "number": _number,
    "ratio": _ratio,
    "regex": _regex,
    "url": _url,
}


@dataclass(frozen=True)
class RulesConfig:
    """What every site can set beside the thresholds of settings.yml."""

    out: str = option("out", "", "folder to write the rule files to", metavar="DIR")
    compat: tuple[str, ...] = option(
        "compat", (), "also write this file of compat/; may be repeated", many=True, metavar="NAME"
    )
    off: tuple[str, ...] = option(
        "alerts.off", (), "leave this alert out; may be repeated", many=True, metavar="ALERT"
    )


def schema(settings: Path) -> type[RulesConfig]:
    """Return the configuration's schema with one more field for each entry of settings.yml."""
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
    return make_dataclass("Settings", declared, bases=(RulesConfig,), frozen=True)


def values(config: RulesConfig) -> dict[str, str]:
    """Return what each placeholder stands for."""
    found: dict[str, str] = {}
    for field_name, setting in options(type(config)).items():
        value = getattr(config, field_name)
        if setting.many or setting.name == "out":
            continue
        found[setting.name] = value
        if setting.parse is _duration:
            found[f"{setting.name}.seconds"] = f"{duration(value):g}"
        if setting.parse is _ratio:
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


def filled(node: Any, known: Mapping[str, str], where: str) -> Any:
    """Return a part of a rule file with every placeholder filled; refuse one that is not known."""

    def fill(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise ConfigError(f"{where}: unknown placeholder {match[0]}{suggestion(match[1], list(known))}")
        return known[match[1]]

    if isinstance(node, str):
        return _PLACEHOLDER.sub(fill, node)
    if isinstance(node, list):
        return [filled(item, known, where) for item in node]
    if isinstance(node, dict):
        return {key: filled(value, known, where) for key, value in node.items()}
    return node


def rule_files(root: Path, compat: Sequence[str] = ()) -> Iterator[Path]:
    """Find the rule files: all of the folder's, and of compat/ those that are asked for."""
    yield from sorted([*root.glob("*.rules.yml"), *root.glob("*.alerts.yml")])
    known = {path.name.removesuffix(".rules.yml"): path for path in sorted(root.glob("compat/*.rules.yml"))}
    for name in compat:
        if name not in known:
            raise ConfigError(
                f"compat: there is no {name!r}{suggestion(name, list(known))} (there are: {', '.join(known)})"
            )
        yield known[name]


def written(root: Path, config: RulesConfig) -> dict[str, str]:
    """Return the text of every rule file by its name."""
    known = values(config)
    pages = {}
    alerts: set[str] = set()
    for path in rule_files(root, config.compat):
        page = filled(yamlfile.read(str(path)), known, path.name)
        for group in page["groups"]:
            alerts.update(rule["alert"] for rule in group["rules"] if "alert" in rule)
            group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in config.off]
        page["groups"] = [group for group in page["groups"] if group["rules"]]
        pages[path.name] = _header(config) + yaml.dump(page, Dumper=_Dumper, sort_keys=False, width=1000)
    for name in config.off:
        if name not in alerts:
            raise ConfigError(f"alerts.off: there is no alert {name!r}{suggestion(name, sorted(alerts))}")
    return pages


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as it stands in the source."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def _header(config: RulesConfig) -> str:
    changed = [
        f"#   {setting.name}: {getattr(config, f.name)}"
        for f in fields(config)
        if (setting := f.metadata["option"]).name != "out" and getattr(config, f.name) != f.default
    ]
    settings = "\n".join(["# Settings that differ from the defaults:", *(changed or ["#   none"])])
    return f"{_MARK} {__version__}. Do not edit: change the settings and write it again.\n{settings}\n"


def write(pages: Mapping[str, str], folder: str) -> None:
    """Write the files, each whole or not at all, and remove those that an earlier version wrote and this one has not."""
    if not folder:
        raise ConfigError("--out DIR is needed: the folder that Prometheus reads rule files from")
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        draft = out / f".{name}.new"
        draft.write_text(text, encoding="utf-8")
        draft.replace(out / name)
    for old in out.glob("*.yml"):
        if old.name not in pages and old.read_bytes().startswith(_MARK.encode()):
            old.unlink()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 fine, 1 failed at work, 2 wrong use."""
    try:
        root = data.folder("recording_rules")
        loader = Loader(
            schema(root / "settings.yml"),
            program=PROGRAM,
            about=_ABOUT,
            argv=sys.argv[1:] if argv is None else argv,
            environment=os.environ,
        )
        config = loader.load()
        pages = written(root, config)
        if loader.action.check_config:
            print(f"{PROGRAM}: configuration is good")  # noqa: T201 - what --check-config is for
            return 0
        write(pages, config.out)
    except ConfigError as error:
        return _complain(error, 2)
    except (JobgaugeError, OSError) as error:
        return _complain(error, 1)
    return 0


def _complain(error: Exception, code: int) -> int:
    print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - a command's own message
    return code
