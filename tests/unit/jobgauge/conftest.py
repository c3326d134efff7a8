"""A running web server, raw clients, and certificates made on the spot."""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jobgauge.server import Handler, Limits, Request, Response, Server

Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server on a free loopback port; every server and all of its threads are gone at the end of the test."""
    servers: list[Server] = []

    def start(
        handler: Handler = lambda _: Response(200, b"page\n"),
        *,
        address: str = "127.0.0.1:0",
        web: str = "",
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> Server:
        server = Server([address], handler, web, limits)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
    left = [thread for thread in threading.enumerate() if thread.name == "web"]
    for thread in left:
        thread.join(5)
    assert not [thread for thread in left if thread.is_alive()]


@pytest.fixture
def dial() -> Iterator[Callable[[Server], socket.socket]]:
    """Connect a plain socket to a server."""
    sockets: list[socket.socket] = []

    def connect(server: Server) -> socket.socket:
        host, _, port = server.addresses[0].rpartition(":")
        sockets.append(socket.create_connection((host.strip("[]"), int(port)), timeout=10))
        return sockets[-1]

    yield connect
    for sock in sockets:
        sock.close()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def read_answer() -> Callable[..., Answer]:
    """Read one answer with the standard library's client, the independent judge of what the server writes."""

    def read(sock: socket.socket, method: str = "GET") -> Answer:
        response = http.client.HTTPResponse(sock, method=method)
        response.begin()
        body = response.read()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)

    return read


@dataclass
class Certificate:
    cert: Path
    key: Path


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "test CA") -> None:
        self.folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._serial = 0
        self._certificate = self._sign(self._name, self._key, [], ca=True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, file: str, names: list[str], password: bytes | None = None) -> Certificate:
        """Write a certificate for DNS names and IP addresses, and its key, over what may be there."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.Name([]), key, names, ca=False)
        made = Certificate(self.folder / f"{file}.crt", self.folder / f"{file}.key")
        made.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        protection = (
            serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        )
        made.key.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
        )
        return made

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, names: list[str], *, ca: bool
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        self._serial += 1
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(self._serial)
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            general = [_general_name(name) for name in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=True)
        return builder.sign(self._key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def other_authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "another CA")


@pytest.fixture
def echo() -> Handler:
    """A handler that answers with the path and query as it saw them."""

    def handler(request: Request) -> Response:
        return Response(200, f"{request.path} {dict(request.query)}".encode())

    return handler
