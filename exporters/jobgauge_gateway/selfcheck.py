"""`jobgauge-gateway selfcheck`: tries the doors beside the gateway, from the machine that it runs on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jobgauge import listen
from jobgauge.config import option
from jobgauge_gateway.config import CHANNEL_HEADER, GatewayConfig
from jobgauge_gateway.fetch import fetch
from jobgauge_gateway.secret_lines import read_authorization

_TIMEOUT = 5.0
_BYTES = 16 << 20
_EXPORTERS = (9794, 9795)
_INSIDE = "Grafana's data sources and settings"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class SelfcheckConfig(GatewayConfig):
    """The gateway's settings, and where else to try doors."""

    hosts: tuple[str, ...] = option(
        "selfcheck.host",
        (),
        "host whose exporters are tried as well; may be repeated",
        many=True,
        metavar="HOST",
    )
    grafana_authorization_file: str = option(
        "selfcheck.grafana-authorization-file",
        "",
        "file with the Authorization header of a Grafana administrator, to look at its data sources and settings",
        metavar="FILE",
    )


@dataclass(frozen=True)
class Finding:
    """What came of trying one door; `advice` says how to close it, or why it could not be tried."""

    door: str
    advice: str = ""
    tried: bool = True

    @property
    def is_open(self) -> bool:
        """Whether somebody can go round the gateway here."""
        return self.tried and bool(self.advice)

    def __str__(self) -> str:
        """Return the line for the operator."""
        if not self.tried:
            return f"skipped {self.door}: {self.advice}"
        return f"open    {self.door}: {self.advice}" if self.advice else f"closed  {self.door}"


class _Doors:
    """Tries doors."""

    def __init__(self, config: SelfcheckConfig) -> None:
        self._config = config

    def store(self) -> list[Finding]:
        """Ask the store without credentials, as anybody could who reaches it."""
        parts = urlsplit(self._config.upstream_url)
        path = f"{parts.path}/api/v1/query?query=up"
        port = parts.port or (443 if parts.scheme == "https" else 80)
        hosts = _own_addresses() if parts.hostname in _LOOPBACK else [parts.hostname or ""]
        advice = "it answers whoever reaches it: bind it to loopback, or ask for client certificates"
        return [
            self._must_not_answer(f"the store at {host}:{port}", _url(parts.scheme, host, port, path), advice)
            for host in hosts
        ]

    def exporters(self) -> list[Finding]:
        """Read the exporters' pages as anybody."""
        advice = "everybody can read all users' figures there: a firewall, or TLS and a password by --web.config.file"
        return [
            self._must_not_answer(
                f"the exporter at {host}:{port}", _url("http", host, port, "/metrics"), advice
            )
            for host in (*_own_addresses(), *self._config.hosts)
            for port in _EXPORTERS
        ]

    def gateway(self) -> list[Finding]:
        """Ask the gateway with a bare name."""
        found = []
        scheme = "https" if self._config.web_config_file else "http"
        for text in self._config.listen_address:
            address = listen.parse(text)
            if address.path:
                continue
            url = _url(scheme, address.host or "127.0.0.1", address.port, "/api/v1/query?query=up")
            headers = {"X-Grafana-User": "root", CHANNEL_HEADER: "no secret", "X-WEBAUTH-USER": "root"}
            advice = "what listens there believes a bare name: is it the gateway?"
            found.append(
                self._must_not_answer(f"a bare name at {text}", url, advice, headers, must_be_there=True)
            )
        return found

    def grafana(self) -> list[Finding]:
        """Ask Grafana as nobody, and look at its settings as its administrator."""
        root = self._config.grafana_url
        advice = "Grafana shows itself without a login: [auth.anonymous] enabled = false"
        found = [
            self._must_not_answer("Grafana without a login", f"{root}/api/org", advice, must_be_there=True)
        ]
        if not self._config.grafana_authorization_file:
            missing = "--selfcheck.grafana-authorization-file is not set"
            return [*found, Finding(_INSIDE, missing, tried=False)]
        headers = {"Authorization": read_authorization(self._config.grafana_authorization_file)}
        sources = self._json(f"{root}/api/datasources", headers)
        settings = self._json(f"{root}/api/admin/settings", headers)
        if not isinstance(sources, list) or not isinstance(settings, dict):
            return [*found, Finding(_INSIDE, "this login may not see them", tried=False)]
        return [*found, *self._sources(sources), *_settings(settings)]

    def _sources(self, sources: list[Any]) -> Iterator[Finding]:
        ports = {listen.parse(text).port for text in self._config.listen_address}
        for source in sources:
            if source.get("type") not in ("prometheus", "victoriametrics-metrics-datasource", "loki"):
                continue
            door = f"the data source {source.get('name')!r}"
            data = source.get("jsonData") or {}
            if urlsplit(source.get("url") or "").port not in ports:
                yield Finding(door, "it goes round the gateway, and every viewer can use it: remove it")
            elif source.get("access") != "proxy":
                yield Finding(door, "browsers ask by themselves: access has to be proxy")
            elif not data.get("disableGrafanaCache"):
                yield Finding(
                    door, "its answers may be cached for others: jsonData.disableGrafanaCache = true"
                )
            else:
                yield Finding(door)

    def _must_not_answer(
        self,
        door: str,
        url: str,
        advice: str,
        headers: dict[str, str] | None = None,
        *,
        must_be_there: bool = False,
    ) -> Finding:
        try:
            status, _ = fetch(url, headers or {}, _TIMEOUT, _BYTES)
        except OSError:
            return Finding(door, "nothing answers there", tried=False) if must_be_there else Finding(door)
        return Finding(door, advice) if status == 200 else Finding(door)

    def _json(self, url: str, headers: dict[str, str]) -> Any:
        try:
            status, body = fetch(url, headers, _TIMEOUT, _BYTES)
            return json.loads(body) if status == 200 else None
        except (OSError, ValueError):
            return None


_WANTED = (
    ("users", "allow_sign_up", "false", "anybody can make themselves a login"),
    ("auth.anonymous", "enabled", "false", "Grafana shows itself without a login"),
    ("public_dashboards", "enabled", "false", "boards can be shown to the world"),
    ("snapshots", "external_enabled", "false", "figures can be published outside"),
)


def _settings(settings: dict[str, Any]) -> Iterator[Finding]:
    for section, key, wanted, meaning in _WANTED:
        found = (settings.get(section) or {}).get(key)
        door = f"Grafana's [{section}] {key}"
        yield Finding(door) if found in (wanted, None) else Finding(door, f"{meaning}: set it to {wanted}")


def _own_addresses() -> list[str]:
    """Return this machine's addresses that others can reach."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    except OSError:
        return []
    return sorted(address for address in found if not address.startswith("127.") and address != "::1")


def _url(scheme: str, host: str, port: int, path: str) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"


def findings(config: SelfcheckConfig) -> list[Finding]:
    """Try all doors."""
    doors = _Doors(config)
    return [*doors.store(), *doors.exporters(), *doors.gateway(), *doors.grafana()]
