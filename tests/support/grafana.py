"""Grafana's part of an identity: keys, the page that publishes them, and signed tokens."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.gateway import Store, say

ROOT = "https://grafana.example.org/"


class Grafana:
    """Signs tokens as Grafana 12 does, and publishes its keys at `url`."""

    def __init__(self) -> None:
        self.keys = {"key-1": ec.generate_private_key(ec.SECP256R1())}
        self.page = Store()
        self.publish()

    @property
    def url(self) -> str:
        return f"{self.page.url}/api/signing-keys/keys"

    def publish(self) -> None:
        """Show all keys from now on."""
        keys = [jwk(kid, key) for kid, key in self.keys.items()]
        self.page.behave = say(json.dumps({"keys": keys}).encode())

    def token(self, login: str = "alice", kid: str = "key-1", **changes: Any) -> str:
        """Return a token of somebody who signed in through LDAP; None leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": ROOT,
            "aud": ["org:1"],
            "sub": f"user:u-{login}",
            "exp": now + 600,
            "iat": now,
            "type": "user",
            "username": login,
            "authenticatedBy": "ldap",
            "email": f"{login}@example.org",
            "namespace": "default",
        } | changes
        return signed({k: v for k, v in claims.items() if v is not None}, kid, self.keys[kid])

    def close(self) -> None:
        self.page.close()


def signed(claims: object, kid: str, key: ec.EllipticCurvePrivateKey, **header: Any) -> str:
    """Return a JWT; ES256 by hand, so that the judge is not the code that is tested."""
    head = {"alg": "ES256", "kid": kid, "typ": "jwt"} | header
    text = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{encoded(r.to_bytes(32) + s.to_bytes(32))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(kid: str, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    point = {"x": encoded(numbers.x.to_bytes(32)), "y": encoded(numbers.y.to_bytes(32))}
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, **point}
