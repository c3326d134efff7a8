"""The file of --web.config.file, in the form that exporter-toolkit gave it: TLS, client certificates, headers, users.

What this server cannot do as exporter-toolkit does it is refused, never passed over. HTTP is 1.1 whatever `http2` says, and
the order of cipher suites is always the server's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from jobgauge import yamlfile
from jobgauge.config import suggestion
from jobgauge.errors import ConfigError

T = TypeVar("T")

_SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users")
_TLS_KEYS = (
    "cert_file",
    "key_file",
    "client_ca_file",
    "client_auth_type",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
)
_INLINE = "is not supported: write it to a file and name that in {}"
_UNSUPPORTED = {
    "rate_limit": "is not supported: --web.max-requests limits what scrapes can cost",
    "curve_preferences": "is not supported: OpenSSL's own order is used",
    "cert": _INLINE.format("cert_file"),
    "key": _INLINE.format("key_file"),
    "client_ca": _INLINE.format("client_ca_file"),
}

_VERSIONS = {"TLS12": "TLSv1_2", "TLS13": "TLSv1_3"}  # to the names of ssl.TLSVersion
_CLIENT_AUTH = {  # to the names of ssl.VerifyMode
    "": "CERT_NONE",
    "NoClientCert": "CERT_NONE",
    "VerifyClientCertIfGiven": "CERT_OPTIONAL",
    "RequireAndVerifyClientCert": "CERT_REQUIRED",
}
_UNCHECKED = ("RequestClientCert", "RequireClientCert", "RequireAnyClientCert")
_TLS12_CIPHERS = {
    f"TLS_ECDHE_{key}_WITH_{go}": f"ECDHE-{key}-{openssl}"
    for key in ("ECDSA", "RSA")
    for go, openssl in {
        "AES_128_CBC_SHA": "AES128-SHA",
        "AES_256_CBC_SHA": "AES256-SHA",
        "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
        "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
        "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    }.items()
}
# TLS 1.3's suites may be named, and are always on: both as in Go.
_TLS13_CIPHERS = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_CIPHERS = {**_TLS12_CIPHERS, **dict.fromkeys(_TLS13_CIPHERS, "")}

_HEADERS: Mapping[str, tuple[str, ...]] = {  # with the values that they may have, where these are few
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_BCRYPT = re.compile(r"\$2[abxy]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """How connections are secured; versions, modes and ciphers by the names that ssl and OpenSSL have for them."""

    cert_file: str
    key_file: str
    client_ca_file: str = ""
    client_auth: str = "CERT_NONE"
    client_allowed_sans: frozenset[str] = frozenset()
    min_version: str = "TLSv1_2"
    max_version: str = "TLSv1_3"
    ciphers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A validated web configuration; the default is plain HTTP for everybody."""

    tls: TlsConfig | None = None
    headers: tuple[tuple[str, str], ...] = ()
    users: tuple[tuple[str, str], ...] = ()  # names and bcrypt hashes

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the configuration names."""
        if self.tls is None:
            return ()
        return tuple(f for f in (self.tls.cert_file, self.tls.key_file, self.tls.client_ca_file) if f)


def load(path: str) -> WebConfig:
    """Read and validate a file; raise ConfigError with the key, where it stands and what to write."""
    root = _Section(yamlfile.read(path), path, "", _SECTIONS)
    tls = root.section("tls_server_config", _TLS_KEYS)
    http = root.section("http_server_config", ("http2", "headers"))
    http.switch("http2")
    return WebConfig(
        tls=_tls(tls, os.path.dirname(path)) if tls.data else None,
        headers=_headers(http.section("headers", tuple(_HEADERS))),
        users=_users(root.section("basic_auth_users", None)),
    )


class _Section:
    """One mapping of the file, and where it stands."""

    def __init__(self, data: Any, file: str, name: str, known: Sequence[str] | None) -> None:
        self._file = file
        self._name = name
        if not isinstance(data, dict | None):
            raise self.error("", "a section with keys is expected")
        self.data: dict[str, Any] = data or {}
        for key in self.data:
            if not isinstance(key, str):
                raise self.error(str(key), "a text is expected as key: put it in quotes")
            if known is not None and key not in known:
                problem = _UNSUPPORTED.get(key, f"is not known{suggestion(key, known)}")
                raise self.error(key, problem)

    def error(self, key: str, problem: str) -> ConfigError:
        where = ".".join(part for part in (self._name, key) if part)
        return ConfigError(f"{self._file}: {where}: {problem}" if where else f"{self._file}: {problem}")

    def section(self, key: str, known: Sequence[str] | None) -> _Section:
        name = ".".join(part for part in (self._name, key) if part)
        return _Section(self.data.get(key), self._file, name, known)

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str | None):
            raise self.error(key, "a text is expected: put it in quotes")
        return value or ""

    def switch(self, key: str) -> None:
        """Check a key that has no effect here."""
        if not isinstance(self.data.get(key), bool | None):
            raise self.error(key, "true or false is expected")

    def texts(self, key: str) -> list[str]:
        values = self.data.get(key) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.error(key, "a list of texts is expected")
        return values

    def choice(self, key: str, choices: Mapping[str, T], default: str) -> T:
        return self.chosen(key, self.text(key) or default, choices)

    def chosen(self, key: str, name: str, choices: Mapping[str, T]) -> T:
        if name not in choices:
            names = [choice for choice in choices if choice]
            hint = f"; one of {', '.join(names)} is expected" if len(names) < 5 else suggestion(name, names)
            raise self.error(key, f"{name!r} is not supported{hint}")
        return choices[name]


def _tls(section: _Section, folder: str) -> TlsConfig:
    paths = {}
    for key in ("cert_file", "key_file", "client_ca_file"):
        path = section.text(key)
        if not path and key != "client_ca_file":
            raise section.error(key, "is missing: TLS needs a certificate and its key")
        paths[key] = os.path.join(folder, path) if path else ""
    sans = section.texts("client_allowed_sans")
    client_auth = _client_auth(section, ca=paths["client_ca_file"], sans=sans)
    lowest = section.choice("min_version", _VERSIONS, "TLS12")
    highest = section.choice("max_version", _VERSIONS, "TLS13")
    if lowest > highest:
        raise section.error("min_version", "is above max_version")
    ciphers = [section.chosen("cipher_suites", name, _CIPHERS) for name in section.texts("cipher_suites")]
    section.switch("prefer_server_cipher_suites")
    return TlsConfig(
        **paths,
        client_auth=client_auth,
        client_allowed_sans=frozenset(sans),
        min_version=lowest,
        max_version=highest,
        ciphers=tuple(cipher for cipher in ciphers if cipher),
    )


def _client_auth(section: _Section, *, ca: str, sans: Sequence[str]) -> str:
    """Return how client certificates are checked; refuse what would check less than it seems to."""
    key, best = "client_auth_type", "RequireAndVerifyClientCert"
    if section.text(key) in _UNCHECKED:
        raise section.error(
            key, f"{section.text(key)!r} takes certificates that nobody has signed: write {best}"
        )
    mode = section.choice(key, _CLIENT_AUTH, "")
    if mode == "CERT_NONE":
        for other, value in (("client_ca_file", ca), ("client_allowed_sans", sans)):
            if value:
                raise section.error(other, f"has no effect without {key}: {best}")
    elif not ca:
        raise section.error(key, "needs client_ca_file: whose certificates shall be accepted?")
    return mode


def _headers(section: _Section) -> tuple[tuple[str, str], ...]:
    headers = []
    for name in section.data:
        value = section.text(name)
        if allowed := _HEADERS[name]:
            section.chosen(name, value, dict.fromkeys(("", *allowed)))
        if not _HEADER_VALUE.fullmatch(value):
            raise section.error(name, "only printable ASCII can stand in a header")
        if value:
            headers.append((name, value))
    return tuple(headers)


def _users(section: _Section) -> tuple[tuple[str, str], ...]:
    for name in section.data:
        if ":" in name or not name:
            raise section.error(name, "a user's name has at least one character, and no colon")
        if not _BCRYPT.fullmatch(section.text(name)):
            raise section.error(name, "a bcrypt hash is expected, such as `htpasswd -nBC 10 NAME` prints")
    return tuple(section.data.items())
