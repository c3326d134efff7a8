"""A real OpenLDAP server in a folder, on loopback ports of its own, with TLS; gone when the test ends."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.certificates import Authority, Certificate

SUFFIX = "dc=example,dc=org"
ADMINISTRATOR, PASSWORD = f"cn=admin,{SUFFIX}", "correct horse battery staple"
_SECONDS = 60.0  # only ever waited for in full when the machine cannot start a program


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


@dataclass
class Slapd:
    """The server; `start` and `stop` may be called again and again, its data stays."""

    folder: Path
    authority: Authority
    certificate: Certificate
    readers: str = f'dn.exact="cn=reader,{SUFFIX}"'
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ldap://localhost:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://localhost:{self.tls_port}"

    def prepare(self, ldif: str) -> None:
        """Write the configuration and fill the database."""
        (self.folder / "data").mkdir()
        includes = "\n".join(
            f"include /etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson", "nis")
        )
        (self.folder / "slapd.conf").write_text(
            f"""{includes}
modulepath /usr/lib/ldap
moduleload back_mdb
sizelimit 200
TLSCACertificateFile "{self.authority.path}"
TLSCertificateFile "{self.certificate.cert}"
TLSCertificateKeyFile "{self.certificate.key}"
database mdb
maxsize 33554432
suffix "{SUFFIX}"
rootdn "{ADMINISTRATOR}"
rootpw "{PASSWORD}"
directory {self.folder / "data"}
limits dn.exact="cn=reader,{SUFFIX}" size.soft=200 size.hard=200 size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * none
access to * by {self.readers} read by * none
"""
        )
        (self.folder / "data.ldif").write_text(ldif)
        subprocess.run(
            ["/usr/sbin/slapadd", "-q", "-f", self.folder / "slapd.conf", "-l", self.folder / "data.ldif"],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )

    def start(self) -> None:
        addresses = f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/slapd", "-d", "0", "-f", self.folder / "slapd.conf", "-h", addresses],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return
            time.sleep(0.02)
        raise RuntimeError(f"slapd did not start: {(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait(timeout=_SECONDS)
            self.process = None


@contextmanager
def slapd(
    folder: Path, ldif: str, names: list[str] | None = None, readers: str = Slapd.readers
) -> Iterator[Slapd]:
    """Run a server that holds `ldif`, and whose certificate is for `names`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder)
    server = Slapd(folder, authority, authority.issue("ldap", names or ["localhost"]), readers)
    server.prepare(ldif)
    server.start()
    try:
        yield server
    finally:
        server.stop()
