"""The settings of jobgauge-mail. Those of the mail itself, mail.*, are in the file of jobgauge-rules, for both."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from jobgauge import data, listen, webconfig
from jobgauge.config import Loader, one_of, option
from jobgauge.errors import ConfigError
from jobgauge.exporter import ExporterConfig
from jobgauge.rules.settings import RulesConfig, schema, values


def _command(text: str) -> tuple[str, ...]:
    argv = tuple(shlex.split(text))
    if argv and "{user}" not in argv[1:]:
        raise ValueError(f"{text!r} does not ask for anybody: write {{user}} where the login goes")
    return argv


@dataclass(frozen=True)
class MailConfig(ExporterConfig):
    """The settings of `jobgauge-mail`."""

    listen_address: tuple[str, ...] = option(
        "web.listen-address",
        ("127.0.0.1:9798",),
        "address to listen on, or unix:PATH; may be repeated",
        many=True,
        metavar="ADDRESS",
    )
    rules_config_file: str = option(
        "rules.config.file",
        "",
        "the file of jobgauge-rules: mail.smarthost, .from, .admins, .require-tls, .digest and .quiet are read there",
        metavar="FILE",
    )
    file: str = option(
        "addresses.file",
        "",
        "file with lines `login: address`; it is read again when it changes",
        metavar="FILE",
    )
    command: tuple[str, ...] = option(
        "addresses.command",
        (),
        "command that prints the address of {user}, or nothing: '/usr/local/bin/address-of {user}'; asked after the file",
        _command,
        metavar="COMMAND",
    )
    unknown: str = option(
        "addresses.unknown",
        "admins",
        "what to do with mail to somebody without an address: give it to mail.admins, or drop it",
        one_of("admins", "drop"),
        metavar="WHAT",
    )

    def __post_init__(self) -> None:
        """Refuse to be open: whoever can post here can write to every user."""
        super().__post_init__()
        if not (self.web_config_file and _asks_who(self.web_config_file)):
            for address in self.listen_address:
                if not listen.is_loopback(address):
                    raise ConfigError(
                        f"web.listen-address: {address} is open to the network, and whoever reaches it can write to every user:"
                        " listen on 127.0.0.1, or demand passwords or certificates of clients (web.config.file)"
                    )

    def of_the_rules(self) -> Mapping[str, str]:
        """Return the settings of jobgauge-rules by their names."""
        known = schema(data.folder("recording_rules") / "settings.yml", RulesConfig)
        flags = ["--config.file", self.rules_config_file] if self.rules_config_file else []
        return values(Loader(known, program="jobgauge-rules", about="", argv=flags, environment={}).load())


def _asks_who(path: str) -> bool:
    config = webconfig.load(path)
    return bool(config.users) or (config.tls is not None and config.tls.client_auth == "CERT_REQUIRED")
