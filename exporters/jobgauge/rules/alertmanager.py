"""jobgauge-rules alertmanager: Alertmanager's configuration and the templates of its mail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from jobgauge import data, yamlfile
from jobgauge.config import duration
from jobgauge.errors import ConfigError
from jobgauge.rules import files
from jobgauge.rules.settings import RulesConfig, values

ABOUT = """Write alertmanager.yml and jobgauge.tmpl: mail to owners and staff about what the rules noticed.

  jobgauge-rules alertmanager --out /etc/alertmanager --mail.smarthost mail.example.org:25 --mail.from jobgauge@example.org \\
      --mail.owner '{{ .GroupLabels.user }}@example.org' --mail.admins hpc@example.org
  amtool check-config /etc/alertmanager/alertmanager.yml

A user gets one mail with everything, a day at the soonest after the last one, and none again for a week about the same. The staff gets
the alerts on the cluster and the suite at once, and a report each day. Where Alertmanager has a configuration already, write this one
elsewhere, and take its routes, receivers and template over."""

_ADVICE = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FOR_USERS = re.compile(r"\*\*User:\*\* (.*?)(?=\n\*\*|\n\n|\Z)", re.DOTALL)


def check(config: RulesConfig) -> None:
    """Refuse a configuration that cannot be written."""
    pages(config)


def run(config: RulesConfig) -> None:
    """Write the files."""
    if not config.out:
        raise ConfigError(
            "--out DIR is needed: the folder of Alertmanager's configuration, such as /etc/alertmanager"
        )
    out = Path(config.out)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages(config).items():
        files.replace(out / name, text)


def pages(config: RulesConfig) -> dict[str, str]:
    """Return the text of each file by its name."""
    root = data.folder("recording_rules")
    known = values(config)
    # Alertmanager forgets what it told after its retention, whatever the configuration says.
    known["retention"] = f"{2 * duration(known['mail.quiet']) / 3600:g}h"
    source = root / "alertmanager" / "alertmanager.yml"
    about = [line for line in source.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    page = files.filled(yamlfile.read(str(source)), known, source.name)
    page["global"]["smtp_require_tls"] = known["mail.require-tls"] == "true"
    template = root / "alertmanager" / "jobgauge.tmpl"
    return {
        source.name: files.header(config)
        + files.filled("\n".join(about), known, source.name)
        + "\n"
        + yaml.safe_dump(page, sort_keys=False, width=1000, allow_unicode=True),
        template.name: files.filled(template.read_text(encoding="utf-8"), known, template.name)
        + advice(root / "runbook.md"),
    }


def advice(runbook: Path) -> str:
    """Return the template of what a user should do, by the kind of alert, as the runbook says it."""
    parts = "".join(_parts(runbook.read_text(encoding="utf-8")))
    return f'{{{{ define "jobgauge.advice" }}}}{parts}{{{{ end }}}}\n'


def _parts(text: str) -> Iterator[str]:
    for name, section in _ADVICE.findall(text):
        if found := _FOR_USERS.search(section):
            words = " ".join(found[1].replace("`", "").split())
            yield f"{{{{ if eq . {json.dumps(name)} }}}}What to do: {words[0].upper()}{words[1:]}\n{{{{ end }}}}"
