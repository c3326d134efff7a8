"""The settings of the viewer. Without any it starts on loopback, and shows nobody a board."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from jobgauge import listen
from jobgauge import log as logs
from jobgauge.config import one_of, option
from jobgauge.errors import ConfigError

_HEADER = re.compile(r"[A-Za-z0-9-]+")


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no URL such as http://127.0.0.1:9796")
    return text.rstrip("/")


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a header, such as X-Remote-User")
    return text


@dataclass(frozen=True)
class ViewConfig:
    """The settings of `jobgauge-view`."""

    listen_address: tuple[str, ...] = option(
        "web.listen-address",
        ("127.0.0.1:9799",),
        "address to listen on, or unix:PATH; may be repeated",
        many=True,
        metavar="ADDRESS",
    )
    web_config_file: str = option(
        "web.config.file", "", "YAML file with TLS, in exporter-toolkit's form", metavar="FILE"
    )
    gateway: str = option(
        "gateway",
        "http://127.0.0.1:9796",
        "the gateway, which every query goes through; one whose identity.method is grafana-user",
        _url,
        metavar="URL",
    )
    channel_secret_file: str = option(
        "channel.secret-file",
        "",
        "file with the secret that the gateway has in its channel.secret-file",
        metavar="FILE",
    )
    boards: str = option(
        "boards",
        "",
        "folder that jobgauge-dashboards wrote; the suite's own where none is named",
        metavar="DIR",
    )
    proxy_secret_file: str = option(
        "proxy.secret-file",
        "",
        "file with the secret that the reverse proxy sends in X-Jobgauge-Proxy: then its word about the user is taken",
        metavar="FILE",
    )
    proxy_user_header: str = option(
        "proxy.user-header",
        "X-Remote-User",
        "header in which the reverse proxy says who signed in",
        _header,
        metavar="HEADER",
    )
    demo_users: tuple[str, ...] = option(
        "demo-users",
        (),
        "for demonstrations, on loopback only: let everybody choose to be this user; may be repeated",
        many=True,
        metavar="LOGIN",
    )
    log_level: str = option(
        "log.level", "info", "debug, info, warn or error", one_of(*logs.LEVELS), metavar="LEVEL"
    )
    log_format: str = option(
        "log.format", "logfmt", "logfmt or json", one_of(*logs.FORMATS), metavar="FORMAT"
    )

    def __post_init__(self) -> None:
        """Refuse what would let strangers choose who they are, or what says two things at once."""
        if self.demo_users and self.proxy_secret_file:
            raise ConfigError(
                "demo-users and proxy.secret-file exclude each other: a site with real users has no demo-users"
            )
        if self.demo_users and (
            open_to := [one for one in self.listen_address if not listen.is_loopback(one)]
        ):
            raise ConfigError(
                f"demo-users let everybody be anybody, and {open_to[0]} is open to the network: listen on"
                " 127.0.0.1, or put a reverse proxy in front and name its proxy.secret-file"
            )
