"""One notification in, one mail out. Who posts hears 200 once the mail server has it, and 503 where to come again."""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses, localtime, make_msgid

from jobgauge.config import duration
from jobgauge.errors import ConfigError, SourceError
from jobgauge.http1 import Request, Response
from jobgauge.rules.letter import Letter
from jobgauge_mail.addresses import Addresses, checked
from jobgauge_mail.ledger import Ledger, Outcome
from jobgauge_mail.notification import Notification

log = logging.getLogger(__name__)

PATH = "/owner"
_PLACES = 16  # for notifications that wait for those before them; others hear at once to come again, and scrapes come through
_SMTP_SECONDS = 20.0
_TLS_PORT = 465  # on which a mail server expects TLS from the first byte (RFC 8314)
_PERMANENT = 500  # a mail server's refusals from here on are for good (RFC 5321)
_WHY = {Outcome.UNKNOWN: "has no address", Outcome.REFUSED: "has an address that the mail server refuses"}


class MailServer:
    """Gives mail to the site's mail server."""

    def __init__(self, known: Mapping[str, str]) -> None:
        """Take the settings mail.*; raise ConfigError where one is wrong."""
        host, _, port = known["mail.smarthost"].rpartition(":")
        if not host or not port.isdigit():
            raise ConfigError(f"mail.smarthost: {known['mail.smarthost']!r}: HOST:PORT is expected")
        self._host, self._port = host.strip("[]"), int(port)
        self._tls = known["mail.require-tls"] == "true"
        self._sender = known["mail.from"]
        self._domain = _addresses("mail.from", self._sender)[0].rpartition("@")[2]

    def send(self, to: Sequence[str], subject: str, text: str) -> bool:
        """Send a mail; return False where the server refuses the address for good. Raise OSError where all else fails."""
        message = EmailMessage(SMTP)
        message["From"], message["To"], message["Subject"] = self._sender, ", ".join(to), subject
        message["Date"], message["Message-ID"] = localtime(), make_msgid(domain=self._domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note is wanted
        message.set_content(text)
        with closing(self._connected()) as server:
            if self._tls and self._port != _TLS_PORT:
                server.starttls(context=ssl.create_default_context())
            try:
                server.send_message(message, to_addrs=to)
            except smtplib.SMTPRecipientsRefused as error:
                if any(code < _PERMANENT for code, _ in error.recipients.values()):
                    raise
                return False
            with suppress(OSError):  # it has the mail, however it takes its leave
                server.quit()
        return True

    def _connected(self) -> smtplib.SMTP:
        if self._port != _TLS_PORT:
            return smtplib.SMTP(self._host, self._port, timeout=_SMTP_SECONDS)
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(self._host, self._port, timeout=_SMTP_SECONDS, context=context)


class Post:
    """Answers notifications, one after the other."""

    def __init__(
        self, known: Mapping[str, str], addresses: Addresses, ledger: Ledger, *, to_admins: bool
    ) -> None:
        """Take the settings of jobgauge-rules; raise ConfigError where one is wrong."""
        self._letter = Letter.of(known)
        self._server = MailServer(known)
        self._admins = _addresses("mail.admins", known["mail.admins"])
        self._addresses = addresses
        self._ledger = ledger
        self._to_admins = to_admins
        self._places = threading.Semaphore(_PLACES)
        # Alertmanager tells a group again once there is something new, or after mail.quiet. Anything else comes of an
        # answer of ours that was lost, or from another Alertmanager.
        self._memory = duration(known["mail.quiet"]) / 2

    def __call__(self, request: Request) -> Response:
        """Answer one notification."""
        if request.path != PATH:
            return Response(404, f"not found: notifications are taken at {PATH}\n".encode())
        notification = Notification.read(request.body)
        if not self._places.acquire(blocking=False):
            return self._answer(Outcome.BUSY)
        try:
            with self._ledger.one_by_one:
                return self._answer(self._deliver(notification))
        except (OSError, SourceError) as error:  # smtplib's errors are OSErrors
            log.error("mail for %s: %s", notification.user, error)  # noqa: TRY400 - the message is for the operator
            return self._answer(Outcome.FAILED)
        finally:
            self._places.release()

    def _answer(self, outcome: Outcome) -> Response:
        self._ledger.count(outcome)
        again = outcome in (Outcome.BUSY, Outcome.FAILED)
        return Response(503 if again else 200, f"{outcome}\n".encode())

    def _deliver(self, notification: Notification) -> Outcome:
        if self._ledger.is_told(notification, self._memory):
            return Outcome.REPEATED
        subject, text = self._letter.written(notification.group, notification.alerts)
        outcome = self._send(notification.user, subject, text)
        if why := _WHY.get(outcome):
            whither = "goes to mail.admins" if self._to_admins else "is dropped"
            log.warning("%s %s: the mail %s", notification.user, why, whither)
            note = f"To {notification.user}, who {why}:\n\n"
            if self._to_admins and not self._server.send(self._admins, subject, note + text):
                raise SourceError("the mail server takes no mail to mail.admins")
        self._ledger.note(notification)
        return outcome

    def _send(self, user: str, subject: str, text: str) -> Outcome:
        address = self._addresses.find(user)
        if address is None:
            return Outcome.UNKNOWN
        return Outcome.SENT if self._server.send([address], subject, text) else Outcome.REFUSED


def _addresses(setting: str, text: str) -> list[str]:
    """Return the mail addresses in a setting; raise ConfigError where there is none, or something else."""
    try:
        return [checked(address) for _, address in getaddresses([text])]
    except ValueError as error:
        raise ConfigError(f"{setting}: {error}") from error
