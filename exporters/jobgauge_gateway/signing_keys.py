"""The keys with which Grafana signs its tokens, as it publishes them (JWKS)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from jobgauge.errors import SourceError
from jobgauge_gateway.fetch import fetch
from jobgauge_gateway.problem import Problem, unidentified

log = logging.getLogger(__name__)

Key = ec.EllipticCurvePublicKey

_PAUSE = 30.0  # seconds between two fetches, so that strangers' tokens do not make load on Grafana
_RETRY = 5.0  # seconds, where the last one failed
_LIFETIME = 3600.0  # seconds after which the keys are fetched again, so that a withdrawn one goes
_TIMEOUT = 5.0
_BYTES = 1 << 20


class SigningKeys:
    """Grafana's public keys by their id, fetched when one is asked for that is not known."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: Mapping[str, Key] = {}
        self._fetching = asyncio.Lock()
        self._tried = self._fetched = float("-inf")
        self.fetches = {"success": 0, "failure": 0}

    async def get(self, kid: str) -> Key:
        """Return a key; raise Problem where Grafana publishes no such key, or does not answer."""
        if kid not in self._keys or time.monotonic() - self._fetched > _LIFETIME:
            async with self._fetching:
                await self._refresh(kid)
        if key := self._keys.get(kid):
            return key
        if self._fetched < self._tried:
            raise Problem(
                503, "Grafana's signing keys cannot be read now; try again, or tell your administrators"
            )
        raise unidentified("the login token is signed by a key that Grafana does not publish; sign in again")

    async def _refresh(self, kid: str) -> None:
        now = time.monotonic()
        stale = (
            kid not in self._keys or now - self._fetched > _LIFETIME
        )  # another request may just have fetched
        if not stale or now - self._tried < (_RETRY if self._fetched < self._tried else _PAUSE):
            return
        self._tried = now
        try:
            self._keys = parse(await self._fetch())
        except SourceError as error:
            self.fetches["failure"] += 1
            log.error("%s: %s: the keys from before stay in use", self._url, error)  # noqa: TRY400 - for the operator
        else:
            self.fetches["success"] += 1
            self._fetched = self._tried

    async def _fetch(self) -> bytes:
        try:
            status, body = await asyncio.to_thread(fetch, self._url, {}, _TIMEOUT, _BYTES)
        except OSError as error:
            raise SourceError(f"Grafana's signing keys: {str(error) or type(error).__name__}") from error
        if status != 200:
            raise SourceError(f"Grafana's signing keys: status {status}")
        return body


def parse(text: bytes) -> dict[str, Key]:
    """Return the ES256 keys of a JWKS by id; keys of other kinds are left out."""
    try:
        entries = json.loads(text)["keys"]
        return {entry["kid"]: _key(entry) for entry in entries if _is_es256(entry)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SourceError(f"this is not a set of signing keys: {error}") from error


def _is_es256(entry: Mapping[str, Any]) -> bool:
    return entry.get("kty") == "EC" and entry.get("crv") == "P-256" and entry.get("alg", "ES256") == "ES256"


def _key(entry: Mapping[str, Any]) -> Key:
    x, y = (int.from_bytes(decoded(entry[name])) for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def decoded(text: str) -> bytes:
    """Return the bytes of base64url without padding; raise ValueError for anything else."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
