"""A mail server on a loopback port that keeps what it gets."""

from __future__ import annotations

import email
import email.policy
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage

from tests.support.certificates import Certificate

_PATIENCE = 60.0  # seconds; only ever waited for in full when a mail does not come


@dataclass(frozen=True)
class Mail:
    """A mail as it was given: for whom, and what."""

    to: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content())


class Mailbox:
    """What has arrived so far."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.refusals: dict[str, str] = {}  # what is said instead of 250 to a receiver
        self._mails: list[Mail] = []
        self._arrived = threading.Condition()

    def put(self, to: list[str], message: EmailMessage) -> None:
        with self._arrived:
            self._mails.append(Mail(tuple(one for one in to if one not in self.refusals), message))
            self._arrived.notify_all()

    def of(self, address: str) -> list[Mail]:
        with self._arrived:
            return [mail for mail in self._mails if address in mail.to]

    @property
    def receivers(self) -> set[str]:
        with self._arrived:
            return {address for mail in self._mails for address in mail.to}

    def wait(self, address: str, count: int = 1) -> list[Mail]:
        """Return the mails to an address once there are as many."""
        deadline = time.monotonic() + _PATIENCE
        with self._arrived:
            while len(found := [mail for mail in self._mails if address in mail.to]) < count:
                assert self._arrived.wait(deadline - time.monotonic()), (
                    f"{len(found)} of {count} mails to {address}"
                )
        return found


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):  # a client that goes, or does not trust the certificate
            self.converse()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def converse(self) -> None:
        box = self.server.box
        self.say("220 localhost ESMTP")
        to: list[str] = []
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    self.say("250-localhost\r\n250 STARTTLS" if self.server.certificate else "250 localhost")
                case "STARTTLS":
                    self.secure()
                case "RCPT":
                    to.append(rest[rest.index("<") + 1 : rest.index(">")])
                    self.say(box.refusals.get(to[-1], "250 OK"))
                case "DATA":
                    self.say("354 go on")
                    box.put(to, self.content())
                    to = []
                    self.say("250 OK")
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 OK")

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def secure(self) -> None:
        assert self.server.certificate is not None
        self.say("220 go on")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server.certificate.cert, self.server.certificate.key)
        self.request = context.wrap_socket(self.request, server_side=True)
        self.setup()

    def content(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, certificate: Certificate | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.certificate = certificate
        self.box = Mailbox(self.server_address[1])


@contextmanager
def mailbox(certificate: Certificate | None = None) -> Iterator[Mailbox]:
    """Run the server; with a certificate it offers TLS."""
    with _Server(certificate) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.box
        finally:
            server.shutdown()
            thread.join()
