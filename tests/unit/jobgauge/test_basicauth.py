"""Basic authentication with real bcrypt at its lowest cost."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import bcrypt
import pytest

from jobgauge.basicauth import BasicAuth
from jobgauge.http1 import HttpError


def hashed(password: bytes) -> str:
    return bcrypt.hashpw(password[:72], bcrypt.gensalt(4)).decode()


def header(name: bytes, password: bytes) -> str:
    return "Basic " + base64.b64encode(name + b":" + password).decode()


def status(auth: BasicAuth, authorization: str, peer: str = "192.0.2.1") -> int:
    try:
        auth.admit(authorization, peer)
    except HttpError as error:
        return error.response.status
    return 200


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords that bcrypt is asked about, in order."""
    asked: list[bytes] = []
    real = bcrypt.checkpw

    def check(password: bytes, hashed: bytes) -> bool:
        asked.append(password)
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", check)
    return asked


def test_who_is_admitted() -> None:
    auth = BasicAuth({"alice": hashed(b"pa:ss"), "zoë": hashed("größe".encode())})
    assert status(auth, header(b"alice", b"pa:ss")) == 200
    assert status(auth, header("zoë".encode(), "größe".encode())) == 200
    assert status(auth, header(b"alice", b"pa:ss").replace("Basic", "BASIC")) == 200
    for name, password in (
        (b"alice", b""),
        (b"alice", b"pass"),
        (b"bob", b"pa:ss"),
        (b"", b""),
        (b"alice\0", b"pa:ss"),
    ):
        assert status(auth, header(name, password)) == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YQ",
        "Basic =",
        "Bearer YTpi",
        "Basic YTpi YTpi",
        "Basic \xff",
        "YTpi",
    ],
)
def test_what_is_no_credential(authorization: str, checks: list[bytes]) -> None:
    assert status(BasicAuth({"a": hashed(b"c")}), authorization) == 401
    assert checks in ([], [b"b"])


def test_who_is_refused_is_told_how_to_ask() -> None:
    with pytest.raises(HttpError) as caught:
        BasicAuth({"a": hashed(b"b")}).admit("", "")
    assert caught.value.response.headers == {"WWW-Authenticate": 'Basic realm="jobgauge"'}


def test_a_right_password_is_checked_once(checks: list[bytes]) -> None:
    auth = BasicAuth({"alice": hashed(b"right")})
    assert [status(auth, header(b"alice", b"right")) for _ in range(3)] == [200] * 3
    assert checks == [b"right"]
    assert status(auth, header(b"alice", b"wrong")) == 401
    assert status(auth, header(b"alice", b"right")) == 200
    assert checks == [b"right", b"wrong"]


def test_wrong_passwords_are_not_remembered(checks: list[bytes]) -> None:
    auth = BasicAuth({"alice": hashed(b"right")})
    for number in range(50):
        assert status(auth, header(b"alice", b"%d" % number)) == 401
    assert len(checks) == 50
    assert auth._proven == {}
    assert auth._waiting == {}


def test_an_unknown_name_costs_a_check(checks: list[bytes]) -> None:
    auth = BasicAuth({"alice": hashed(b"right")})
    assert status(auth, header(b"mallory", b"right")) == 401
    assert checks == [b"right"]


def test_one_users_password_is_not_anothers() -> None:
    auth = BasicAuth({"alice": hashed(b"hers"), "bob": hashed(b"his")})
    assert status(auth, header(b"alice", b"hers")) == 200
    assert status(auth, header(b"bob", b"hers")) == 401


def test_long_passwords_count_as_far_as_bcrypt_knows_them() -> None:
    auth = BasicAuth({"alice": hashed(b"x" * 100)})
    assert status(auth, header(b"alice", b"x" * 100)) == 200
    assert status(auth, header(b"alice", b"x" * 71)) == 401


@contextmanager
def busy(auth: BasicAuth, peers: list[str]) -> Iterator[list[int]]:
    """Hold bcrypt while a client of each address waits for it; their statuses come at the end."""
    seen: list[int] = []
    threads = []
    with auth._checking:
        for number, peer in enumerate(peers):
            arguments = (auth, header(b"alice", b"guess %d" % number), peer)
            threads.append(threading.Thread(target=lambda *a: seen.append(status(*a)), args=arguments))
            threads[-1].start()
        deadline = threading.Event()
        while auth._waiting.total() < len(peers):
            deadline.wait(0.001)
        yield seen
    for thread in threads:
        thread.join()


def test_a_guesser_does_not_crowd_out_the_scraper(checks: list[bytes]) -> None:
    auth = BasicAuth({"alice": hashed(b"right")})
    with busy(auth, ["192.0.2.66"] * 4) as guesses:
        assert status(auth, header(b"alice", b"guess"), "192.0.2.66") == 429
        scraper: list[int] = []
        thread = threading.Thread(
            target=lambda: scraper.append(status(auth, header(b"alice", b"right"), "192.0.2.1"))
        )
        thread.start()
    thread.join()
    assert scraper == [200]
    assert guesses == [401] * 4
    assert len(checks) == 5
    assert auth._waiting == {}


def test_many_guessers_do_not_fill_the_server() -> None:
    auth = BasicAuth({"alice": hashed(b"right")})
    assert status(auth, header(b"alice", b"right")) == 200
    with busy(auth, [f"192.0.2.{number}" for number in range(32)]):
        assert status(auth, header(b"alice", b"guess"), "198.51.100.1") == 429
        assert status(auth, header(b"alice", b"right")) == 200  # proven: does not wait


def test_who_waits_together_is_checked_once(checks: list[bytes]) -> None:
    auth = BasicAuth({"alice": hashed(b"guess 0")})
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.append(status(auth, header(b"alice", b"guess 0"))))
        for _ in range(4)
    ]
    with auth._checking:
        for thread in threads:
            thread.start()
        while auth._waiting.total() < 4:
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert seen == [200] * 4
    assert checks == [b"guess 0"]
