"""The command jobgauge-mail."""

from __future__ import annotations

from jobgauge.exporter import Exporter, Running, run
from jobgauge.server import Limits
from jobgauge_mail.addresses import Addresses
from jobgauge_mail.config import MailConfig
from jobgauge_mail.ledger import Ledger, MailCollector
from jobgauge_mail.post import PATH, Post

_PROGRAM = "jobgauge-mail"
_ABOUT = f"""Mails owners of jobs whose addresses do not follow from their logins: looks each up when Alertmanager tells of them.

  jobgauge-mail --rules.config.file /etc/jobgauge/rules.yml --addresses.file /etc/jobgauge/addresses
  jobgauge-mail --rules.config.file /etc/jobgauge/rules.yml --addresses.command '/usr/local/bin/address-of {{user}}'
  jobgauge-rules alertmanager --mail.lookup http://127.0.0.1:9798{PATH} --out /etc/alertmanager …

The last makes Alertmanager call it. Owners get the same mail that Alertmanager would send by itself."""
_LIMITS = Limits(connections=128, body_bytes=512 * 1024)  # a notification has some kilobytes


class Service:
    """Makes what answers under each configuration; what it knows of its past stays."""

    def __init__(self) -> None:
        self._ledger = Ledger()

    def build(self, config: MailConfig) -> Running:
        """Read the files that the configuration names."""
        addresses = Addresses(config.file, config.command)
        post = Post(config.of_the_rules(), addresses, self._ledger, to_admins=config.unknown == "admins")
        return Running([MailCollector(self._ledger, config.cluster)], told=post)


def main() -> int:
    """Run the service."""
    service = Service()
    return run(Exporter(_PROGRAM, _ABOUT, MailConfig, (), service.build, check=service.build, limits=_LIMITS))
