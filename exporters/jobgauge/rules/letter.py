"""The mail to a job's owner: one text, as a template for Alertmanager or written out for somebody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobgauge import data, yamlfile
from jobgauge.rules import files

_IN_TEMPLATES = {  # how Alertmanager calls what {…} stands for in the text
    "cluster": "{{ .GroupLabels.cluster }}",
    "user": "{{ .GroupLabels.user }}",
    "summary": "{{ .Annotations.summary }}",
    "description": "{{ .Annotations.description }}",
    "advice": '{{ template "jobgauge.advice" .Labels.kind }}',
    "dashboard_url": "{{ with index .Alerts.Firing 0 }}{{ .Annotations.dashboard_url }}{{ end }}",
}
_BLANK = re.compile(rf"\{{({'|'.join(_IN_TEMPLATES)})\}}")
_ADVICE = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FOR_USERS = re.compile(r"\*\*User:\*\* (.*?)(?=\n\*\*|\n\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Letter:
    """The parts of the mail; `each` is there once for each alert, with the advice for alerts of its kind."""

    subject: str
    begin: str
    each: str
    end: str
    advice: Mapping[str, str]

    @classmethod
    def of(cls, known: Mapping[str, str]) -> Letter:
        """Read the text, with a site's settings in it, and the advice from the runbook."""
        root = data.folder("recording_rules")
        source = root / "alertmanager" / "owner.yml"
        parts = files.filled(yamlfile.read(str(source)), known, source.name)
        return cls(**parts, advice=dict(_advice((root / "runbook.md").read_text(encoding="utf-8"))))

    def template(self) -> str:
        """Return the templates jobgauge.owner and jobgauge.owner.subject."""
        alerts = f"{{{{ range .Alerts.Firing }}}}{self.each}{{{{ end }}}}"
        advice = (
            f"{{{{ if eq . {json.dumps(kind)} }}}}{text}{{{{ end }}}}" for kind, text in self.advice.items()
        )
        return (
            _defined("owner.subject", _filled(self.subject, _IN_TEMPLATES))
            + _defined("owner", _filled(self.begin + alerts + self.end, _IN_TEMPLATES))
            + _defined("advice", "".join(advice))
        )

    def written(self, group: Mapping[str, str], alerts: Sequence[Mapping[str, str]]) -> tuple[str, str]:
        """Return subject and text: `group` has cluster and user, each alert its kind and annotations."""
        group = {**group, "dashboard_url": alerts[0]["dashboard_url"]}
        told = (
            _filled(self.each, {**group, **alert, "advice": self.advice.get(alert["kind"], "")})
            for alert in alerts
        )
        return _filled(self.subject, group), _filled(self.begin, group) + "".join(told) + _filled(
            self.end, group
        )


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _BLANK.sub(lambda blank: words[blank[1]], text)


def _defined(name: str, text: str) -> str:
    return f'{{{{ define "jobgauge.{name}" }}}}{text}{{{{ end }}}}\n'


def _advice(runbook: str) -> Iterator[tuple[str, str]]:
    """Find what a user should do, by the kind of alert."""
    for kind, section in _ADVICE.findall(runbook):
        if found := _FOR_USERS.search(section):
            words = " ".join(found[1].replace("`", "").split())
            yield kind, f"What to do: {words[0].upper()}{words[1:]}\n"
