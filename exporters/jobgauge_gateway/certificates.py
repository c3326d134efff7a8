"""Callers who prove who they are by a client certificate (mTLS), listed by exact name in a file of the site's."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from jobgauge import yamlfile
from jobgauge.errors import ConfigError
from jobgauge.webaccess import Access, certificate_names
from jobgauge_gateway.clients import Client
from jobgauge_gateway.problem import unidentified, unwelcome

_KINDS = ("DNS", "URI", "email", "CN")


class Certificates:
    """Knows the login of each certificate; its chain and its times have been checked by the handshake."""

    def __init__(self, path: str, web_config_file: str) -> None:
        """Read the files; raise ConfigError where one is wrong, or where no certificate is asked for."""
        self._logins = _read(path) if path else {}
        tls = Access(web_config_file).now().config.tls
        self._allowed = tls.client_allowed_sans if tls else frozenset()
        if path and (tls is None or tls.client_auth == "CERT_NONE"):
            raise ConfigError(
                "identity.certificates-file is set, and web.config.file asks clients for no certificate:"
                " set client_ca_file and client_auth_type there"
            )

    def admit(self, client: Client) -> None:
        """Raise Problem where the certificate has none of the names that the web configuration allows."""
        tls = client.transport_info("ssl_object") if self._allowed else None
        names = certificate_names(tls) if isinstance(tls, ssl.SSLObject) else None
        if names is not None and not names & self._allowed:
            raise unwelcome("the client certificate has none of the names in client_allowed_sans")

    def login(self, client: Client) -> str | None:
        """Return the login of the client's certificate; None where it has shown none, or there are none here."""
        certificate = client.transport_info("peercert") if self._logins else None
        if not certificate:
            return None
        found = {self._logins[name] for name in _names(certificate) if name in self._logins}
        if len(found) != 1:
            problem = "several logins" if found else "no login"
            raise unidentified(
                f"the names in your certificate belong to {problem} here; ask your administrators to list it"
            )
        return found.pop()


def _names(certificate: Mapping[str, Any]) -> list[str]:
    others = [f"{kind}:{name}" for kind, name in certificate.get("subjectAltName", ())]
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    return others + [f"CN:{name}" for key, name in subject if key == "commonName"]


def _read(path: str) -> dict[str, str]:
    """Return logins by a name in the certificate, written with its kind."""
    logins = yamlfile.read(path)
    for name, login in logins.items():
        kind, _, rest = name.partition(":") if isinstance(name, str) else ("", "", "")
        if kind not in _KINDS or not rest or not isinstance(login, str):
            raise ConfigError(
                f"{path}: {name!r}: a line such as `DNS:reports.example.org: reports` is expected, with one of"
                f" {', '.join(_KINDS)} before the name"
            )
    return logins
