"""Basic authentication against bcrypt hashes. Imported where users are configured only, since bcrypt comes with it.

bcrypt is slow on purpose, so it must not become a weapon: one check runs at a time, few wait for it, and a password that
was right once is recognised by a keyed hash from then on. Wrong ones are not remembered: there is no end of them.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
import threading
from collections import Counter
from collections.abc import Mapping

import bcrypt

from jobgauge.http1 import HttpError

_CHECKS = 32  # that may wait in all, and
_CHECKS_OF_ONE = 4  # for one address, so that a guesser does not crowd out the scraper
_BCRYPT_LENGTH = 72  # bytes; bcrypt knows no more of a password


class BasicAuth:
    """Admits users who know their passwords."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._hashes = {name.encode(): hashed.encode() for name, hashed in users.items()}
        self._key = os.urandom(32)
        self._proven: dict[bytes, bytes] = {}  # at most one entry a user
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()  # checks by the client's address
        self._checking = threading.Lock()

    def admit(self, authorization: str, peer: str) -> None:
        """Raise HttpError unless an Authorization header's value names a user and their password."""
        name, password = _credentials(authorization)
        if not name or not (self._is_proven(name, password) or self._check_in_turn(name, password, peer)):
            raise HttpError(
                401, "a user and password are needed", {"WWW-Authenticate": 'Basic realm="jobgauge"'}
            )

    def _digest(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=self._key).digest()

    def _is_proven(self, name: bytes, password: bytes) -> bool:
        return hmac.compare_digest(self._proven.get(name, b""), self._digest(password))

    def _check_in_turn(self, name: bytes, password: bytes, peer: str) -> bool:
        with self._lock:
            if self._waiting.total() >= _CHECKS or self._waiting[peer] >= _CHECKS_OF_ONE:
                raise HttpError(429, "too many passwords are being checked: try again later")
            self._waiting[peer] += 1
        try:
            with self._checking:
                # Whoever waited with it may have proven the same password.
                return self._is_proven(name, password) or self._check(name, password)
        finally:
            with self._lock:
                self._waiting[peer] -= 1
                if not self._waiting[peer]:
                    del self._waiting[peer]

    def _check(self, name: bytes, password: bytes) -> bool:
        hashed = self._hashes.get(name)
        if hashed is None:
            # An unknown name takes as long as some user's wrong password, and always the same one's.
            hashes = list(self._hashes.values())
            bcrypt.checkpw(password, hashes[self._digest(name)[0] % len(hashes)])
            return False
        if not bcrypt.checkpw(password, hashed):
            return False
        self._proven[name] = self._digest(password)
        return True


def _credentials(authorization: str) -> tuple[bytes, bytes]:
    """Return the name and password in an Authorization header; empty where it holds none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        decoded = binascii.a2b_base64(encoded.strip().encode("latin-1"), strict_mode=True)
    except binascii.Error:
        return b"", b""
    name, _, password = decoded.partition(b":")
    return name, password[:_BCRYPT_LENGTH]
