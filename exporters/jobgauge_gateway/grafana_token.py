"""Grafana's login token (X-Grafana-Id): who is signed in, by Grafana's signature.

Everything is checked that makes it the login of a person: signature, issuer, organisation, time, kind of identity, and
how that person signed in. A login that somebody registered in Grafana itself is nobody on the cluster.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from jobgauge_gateway.config import OWN_LOGIN
from jobgauge_gateway.problem import unidentified, unwelcome
from jobgauge_gateway.signing_keys import SigningKeys, decoded

_LENGTH = 8192  # characters
_CACHED = 10_000
_LEEWAY = 30.0  # seconds by which Grafana's clock may differ
_ES256 = ec.ECDSA(hashes.SHA256())


class GrafanaTokens:
    """Verifies tokens, and remembers each until it ends."""

    def __init__(
        self, keys: SigningKeys, issuer: str, audience: tuple[str, ...], ways: tuple[str, ...]
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = frozenset(audience)
        self._ways = frozenset(ways)
        self._verified: dict[bytes, tuple[str, float]] = {}  # login and end by the token's SHA-256

    async def login(self, token: str) -> str:
        """Return the Grafana login that a token proves; raise Problem where it proves none."""
        digest = hashlib.sha256(token.encode()).digest()
        login, end = self._verified.get(digest, ("", 0.0))
        if time.time() < end:
            return login
        claims = await self._signed(token)
        login, end = self._check(claims, time.time())
        if len(self._verified) >= _CACHED:
            self._forget(time.time())
        self._verified[digest] = login, end
        return login

    async def _signed(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token that Grafana signed."""
        if len(token) > _LENGTH or token.count(".") != 2:
            raise unidentified("the login token is not one of Grafana's; sign in again")
        signed, _, signature = token.rpartition(".")
        try:
            header, claims = (json.loads(decoded(part)) for part in signed.split("."))
            raw = decoded(signature)
            algorithm, kid = header["alg"], header["kid"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise unidentified("the login token is not one of Grafana's; sign in again") from error
        # The algorithm is ours to choose: a token may not name another one, nor ask for extensions.
        if algorithm != "ES256" or not isinstance(kid, str) or "crit" in header or len(raw) != 64:
            raise unidentified("the login token is not signed as Grafana signs; sign in again")
        key = await self._keys.get(kid)
        try:
            key.verify(_der(raw), signed.encode(), _ES256)
        except InvalidSignature as error:
            raise unidentified("the login token is not signed by this Grafana; sign in again") from error
        if not isinstance(claims, dict):
            raise unidentified("the login token says nothing about a login; sign in again")
        return claims

    def _check(self, claims: Mapping[str, Any], now: float) -> tuple[str, float]:
        """Return the login and the end of a signed token's claims."""
        if claims.get("iss") != self._issuer:
            raise unidentified(
                "the login token is from another Grafana; its root_url has to be the gateway's grafana.url"
            )
        if not self._audience & _strings(claims.get("aud")):
            raise unwelcome(
                "your Grafana organisation may not ask here; switch to the one with this data source"
            )
        start, end = _time(claims, "iat"), _time(claims, "exp")
        if now >= end or start > now + _LEEWAY or _time(claims, "nbf", start) > now + _LEEWAY:
            raise unidentified("the login token is not valid now; load the page again")
        subject, login = claims.get("sub"), claims.get("username")
        if claims.get("type") != "user" or not isinstance(subject, str) or not subject.startswith("user:"):
            raise unwelcome(
                "only people may ask, not service accounts, anonymous visitors or alert rules; sign in"
            )
        if not isinstance(login, str):
            raise unidentified(
                "the login token has no user name; Grafana 11.2 or later is needed for this method"
            )
        way = claims.get("authenticatedBy") or OWN_LOGIN  # Grafana leaves it out for accounts of its own
        if way not in self._ways:
            raise unwelcome(
                "this login was made in Grafana and is not your cluster account; sign in by the cluster's"
            )
        return login, end

    def _forget(self, now: float) -> None:
        """Make room: forget the tokens that have ended, else all."""
        living = {digest: known for digest, known in self._verified.items() if known[1] > now}
        self._verified = living if len(living) < _CACHED else {}


def _der(raw: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


def _strings(value: object) -> frozenset[str]:
    values = value if isinstance(value, list) else [value]
    return frozenset(one for one in values if isinstance(one, str))


def _time(claims: Mapping[str, Any], name: str, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise unidentified("the login token does not say how long it is valid; sign in again")
    return float(value)
