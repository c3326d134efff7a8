"""jobgauge-rules alertmanager: Alertmanager's configuration and the templates of its mail."""

from __future__ import annotations

from pathlib import Path

import yaml

from jobgauge import data, yamlfile
from jobgauge.config import duration
from jobgauge.errors import ConfigError
from jobgauge.rules import files
from jobgauge.rules.letter import Letter
from jobgauge.rules.settings import RulesConfig, values

ABOUT = """Write alertmanager.yml and jobgauge.tmpl: mail to owners and staff about what the rules noticed.

  jobgauge-rules alertmanager --out /etc/alertmanager --mail.smarthost mail.example.org:25 --mail.from jobgauge@example.org \\
      --mail.owner '{{ .GroupLabels.user }}@example.org' --mail.admins hpc@example.org
  amtool check-config /etc/alertmanager/alertmanager.yml

A user gets one mail with everything, a day at the soonest after the last one, and none again for a week about the same. The staff gets
the alerts on the cluster and the suite at once, and a report each day. Where Alertmanager has a configuration already, write this one
elsewhere, and take its routes, receivers and template over. Where addresses do not follow from logins, --mail.lookup takes the place
of --mail.owner: jobgauge-mail looks them up."""


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
    owner = next(receiver for receiver in page["receivers"] if receiver["name"] == "owner")
    del owner["email_configs" if known["mail.lookup"] else "webhook_configs"]
    template = root / "alertmanager" / "jobgauge.tmpl"
    return {
        source.name: files.header(config)
        + files.filled("\n".join(about), known, source.name)
        + "\n"
        + yaml.safe_dump(page, sort_keys=False, width=1000, allow_unicode=True),
        template.name: Letter.of(known).template()
        + files.filled(template.read_text(encoding="utf-8"), known, template.name),
    }
