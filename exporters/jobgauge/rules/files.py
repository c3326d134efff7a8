"""The rule files: plain Prometheus YAML with placeholders, filled and written.

`@{job.cpu-low}` stands for a setting of settings.yml. A duration can also be had as `@{job.min-age.seconds}`, a ratio as
`@{job.cpu-low.percent}`. `@{window}`, `@{exempt}`, `@{unless-exempt}`, `@{job-board}`, `@{user-board}` and `@{account-board}` are
derived from settings. Every file of the folder is taken; nothing lists them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from jobgauge import __version__, yamlfile
from jobgauge.config import suggestion
from jobgauge.errors import ConfigError
from jobgauge.rules.settings import RulesConfig, values

PROGRAM = "jobgauge-rules"
MARK = f"# Written by {PROGRAM}"
_PLACEHOLDER = re.compile(r"@\{([^}]*)\}")


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
    for path in rule_files(root, config.compat):
        page = filled(yamlfile.read(str(path)), known, path.name)
        for group in page["groups"]:
            group["rules"] = [rule for rule in group["rules"] if rule.get("alert") not in config.off]
        page["groups"] = [group for group in page["groups"] if group["rules"]]
        pages[path.name] = header(config) + yaml.dump(page, Dumper=_Dumper, sort_keys=False, width=1000)
    return pages


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as it stands in the source."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def header(config: RulesConfig) -> str:
    """Return the comment that a written file begins with."""
    changed = [
        f"#   {setting.name}: {getattr(config, f.name)}"
        for f in fields(config)
        if (setting := f.metadata["option"]).name != "out" and getattr(config, f.name) != f.default
    ]
    settings = "\n".join(["# Settings that differ from the defaults:", *(changed or ["#   none"])])
    return f"{MARK} {__version__}. Do not edit: change the settings and write it again.\n{settings}\n"


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def write(pages: Mapping[str, str], folder: str) -> None:
    """Write the files, each whole or not at all, and remove those that an earlier version wrote and this one has not."""
    if not folder:
        raise ConfigError("--out DIR is needed: the folder that Prometheus reads rule files from")
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        replace(out / name, text)
    for old in out.glob("*.yml"):
        if old.name not in pages and old.read_bytes().startswith(MARK.encode()):
            old.unlink()
