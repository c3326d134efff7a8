"""Who looks: a reverse proxy's word under a shared secret, or in a demonstration the user that was chosen.

A choice is kept in a signed cookie. The key lives as long as the program, so every session ends with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import web

from jobgauge.secretfile import read_secrets
from jobgauge_view.config import ViewConfig
from jobgauge_view.refusal import Refusal

SECRET_HEADER = "X-Jobgauge-Proxy"  # noqa: S105 - its name
_COOKIE = "jobgauge_view"
_LASTS = 12 * 3600  # seconds that a choice is kept
_OWN_NAMES = frozenset(["localhost", "127.0.0.1", "::1", ""])


class People:
    """Knows who a request comes from."""

    def __init__(self, config: ViewConfig, key: bytes) -> None:
        """Read the proxy's secret; raise ConfigError where it cannot be used. `key` signs the cookies."""
        self._header = config.proxy_user_header
        self._secrets = read_secrets(config.proxy_secret_file) if config.proxy_secret_file else ()
        self.choices = config.demo_users
        self._key = key

    def login(self, request: web.Request) -> str:
        """Return who asks; raise Refusal where that is not known."""
        if self._secrets:
            return self._of_proxy(request)
        if not self.choices:
            raise Refusal(
                403,
                "nobody can be known here, so no board is shown: put a reverse proxy in front that signs people in, and"
                " name its proxy.secret-file; or, for a demonstration, start with --demo-users",
            )
        _demand_own_name(request)
        login = self._read(request.cookies.get(_COOKIE, ""))
        if login not in self.choices:
            raise Refusal(401, "choose who you are")
        return login

    def choose(self, request: web.Request, login: object) -> web.Response:
        """Return the answer that makes somebody this user from now on."""
        _demand_own_name(request)
        if login not in self.choices:
            raise Refusal(403, "this user cannot be chosen here")
        answer = web.json_response({"login": login})
        answer.set_cookie(
            _COOKIE,
            self._write(str(login)),
            max_age=_LASTS,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path="/",
        )
        return answer

    def forget(self) -> web.Response:
        """Return the answer that makes somebody nobody."""
        answer = web.json_response({})
        answer.del_cookie(_COOKIE, path="/", httponly=True, samesite="Strict")
        return answer

    def _of_proxy(self, request: web.Request) -> str:
        secret = _single(request, SECRET_HEADER).encode("utf-8", "surrogateescape")
        if not sum(hmac.compare_digest(secret, known) for known in self._secrets):
            raise Refusal(401, f"the secret in {SECRET_HEADER} is wrong; correct it in the reverse proxy")
        login = _single(request, self._header)
        if not login.isprintable() or len(login) > 255:
            raise Refusal(401, f"what {self._header} holds is no login")
        return login

    def _write(self, login: str) -> str:
        said = _text(f"{int(time.time()) + _LASTS} {login}".encode())
        return f"{said}.{self._signed(said)}"

    def _read(self, cookie: str) -> str:
        """Return the login in a cookie that we made and that still counts, else nothing."""
        said, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), self._signed(said).encode()):
            return ""
        until, _, login = base64.urlsafe_b64decode(said + "==").decode().partition(" ")
        return login if int(until) > time.time() else ""

    def _signed(self, text: str) -> str:
        return _text(hmac.digest(self._key, text.encode("utf-8", "surrogateescape"), hashlib.sha256))


def demand_own_page(request: web.Request) -> None:
    """Refuse a change that another site's page asks for: browsers tell where a request comes from."""
    origin = request.headers.get("Origin", "")
    if (
        urlsplit(origin).netloc != request.host
        or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
    ):
        raise Refusal(403, "this can only be asked from the viewer's own pages")


def _demand_own_name(request: web.Request) -> None:
    """Refuse names of others that lead to this machine: with them a page of another site could read along."""
    if urlsplit(f"//{request.host}").hostname not in _OWN_NAMES:
        raise Refusal(403, "a demonstration is looked at as http://127.0.0.1 or http://localhost")


def _single(request: web.Request, header: str) -> str:
    values: Sequence[str] = request.headers.getall(header, [])
    if len(values) != 1 or not values[0]:
        raise Refusal(401, f"exactly one {header} header is expected: come through the reverse proxy")
    return values[0]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
