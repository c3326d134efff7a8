"""Who may ask, and how connections are secured: the web configuration in force, read again when its files change."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, cast

from jobgauge.errors import ConfigError
from jobgauge.fileversion import version
from jobgauge.http1 import HttpError
from jobgauge.webconfig import TlsConfig, WebConfig, load

# ssl and bcrypt are imported where a web configuration asks for them: an exporter without one starts without them.
if TYPE_CHECKING:
    import ssl

    from jobgauge.basicauth import BasicAuth

log = logging.getLogger(__name__)

_LOOK = 1.0  # seconds between two looks at the files


@dataclass(frozen=True, slots=True)
class InForce:
    """A web configuration, ready for use."""

    config: WebConfig
    context: ssl.SSLContext | None = None
    auth: BasicAuth | None = None

    def admit(self, authorization: str, peer: str, names: frozenset[str] | None) -> None:
        """Raise HttpError unless this client may ask; `names` are its certificate's, None where it has shown none."""
        tls = self.config.tls
        if tls and tls.client_allowed_sans and names is not None and not names & tls.client_allowed_sans:
            raise HttpError(403, "the client certificate has none of the names in client_allowed_sans")
        if self.auth:
            self.auth.admit(authorization, peer)


class Access:
    """Holds what is in force for the web configuration at a path; without a path, plain HTTP for everybody."""

    def __init__(self, path: str) -> None:
        """Read the files; raise ConfigError where one is wrong."""
        self._path = path
        self._in_force = InForce(WebConfig())
        self._seen: dict[str, tuple[int, ...]] = {}  # the files as they were when last read
        self._looking = threading.Lock()
        self._next_look = time.monotonic() + _LOOK
        if path:
            self._read()

    def now(self) -> InForce:
        """Return what is in force; where a file has changed and is broken now, it is what was before."""
        if self._path and time.monotonic() >= self._next_look and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._next_look = time.monotonic() + _LOOK
                self._looking.release()
        return self._in_force

    def _look(self) -> None:
        if {path: version(path) for path in self._seen} == self._seen:
            return
        try:
            self._read()
        except ConfigError as error:
            log.error("the web configuration from before stays in force: %s", error)  # noqa: TRY400 - for the operator
        else:
            log.info("%s and the files that it names are read again", self._path)

    def _read(self) -> None:
        # Versions are taken before the files are read: what changes meanwhile is seen at the next look.
        seen = {self._path: version(self._path)}
        try:
            config = load(self._path)
            seen |= {path: version(path) for path in config.files}
            context = _context(config.tls) if config.tls else None
            self._in_force = InForce(config, context, self._auth(config))
        finally:
            self._seen = seen

    def _auth(self, config: WebConfig) -> BasicAuth | None:
        if not config.users:
            return None
        if config.users == self._in_force.config.users:
            return self._in_force.auth  # it remembers whose password is proven
        from jobgauge.basicauth import BasicAuth  # noqa: PLC0415

        return BasicAuth(dict(config.users))


def _context(tls: TlsConfig) -> ssl.SSLContext:
    import ssl  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion[tls.min_version]
    context.maximum_version = ssl.TLSVersion[tls.max_version]
    context.verify_mode = ssl.VerifyMode[tls.client_auth]
    context.set_alpn_protocols(["http/1.1"])

    def no_password() -> NoReturn:
        raise ConfigError(f"{tls.key_file}: the key is encrypted: a key without a password is needed")

    files = f"{tls.cert_file}, {tls.key_file}"
    try:
        for path in (tls.cert_file, tls.key_file):
            with open(path, "rb"):  # OpenSSL does not say which of them is missing
                pass
        context.load_cert_chain(tls.cert_file, tls.key_file, no_password)
        if tls.client_ca_file:
            files = tls.client_ca_file
            context.load_verify_locations(tls.client_ca_file)
        if tls.ciphers:
            files = "cipher_suites"
            context.set_ciphers(":".join(tls.ciphers))
    except ssl.SSLError as error:
        raise ConfigError(f"{files}: {error.reason or error}") from error
    except OSError as error:
        raise ConfigError(f"{error.filename or files}: {error.strerror}") from error
    return context


def certificate_names(sock: ssl.SSLSocket | ssl.SSLObject) -> frozenset[str] | None:
    """Return the subject alternative names in the client's certificate; None where it has shown none."""
    certificate = sock.getpeercert()
    if not certificate:
        return None
    names = cast(Iterable[tuple[str, str]], certificate.get("subjectAltName", ()))
    return frozenset(_plain(kind, name) for kind, name in names)


def _plain(kind: str, name: str) -> str:
    if kind != "IP Address":
        return name
    import ipaddress  # noqa: PLC0415

    return str(ipaddress.ip_address(name))


def is_plain_http(error: OSError) -> bool:
    """Tell whether a handshake failed because the client speaks HTTP without TLS."""
    return getattr(error, "reason", "") == "HTTP_REQUEST"
