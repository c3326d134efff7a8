"""Addresses, and what binding them leaves behind."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jobgauge.errors import ConfigError
from jobgauge.listen import Address, Listener, is_loopback, parse


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":9794", "", 9794),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("localhost:65535", "localhost", 65535),
        ("[::1]:9794", "::1", 9794),
        ("[::]:9794", "::", 9794),
        ("[fe80::1%eth0]:9794", "fe80::1%eth0", 9794),
    ],
)
def test_tcp_addresses(text: str, host: str, port: int) -> None:
    assert parse(text) == Address(text, host=host, port=port)


def test_unix_addresses() -> None:
    assert parse("unix:/run/a:1.sock") == Address("unix:/run/a:1.sock", path="/run/a:1.sock")


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("unix:/run/a.sock", True),
        (":1", False),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.0.2.1:1", False),
        ("localhost.example.org:1", False),
    ],
)
def test_what_is_open_to_the_network(text: str, loopback: bool) -> None:
    assert is_loopback(text) is loopback


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9794",
        ":",
        ":http",
        ":65536",
        ":-1",
        "node1",
        "::1:9794",
        "[::1]",
        "[node1]:80",
        "unix:",
        "http://a:80",
        ":9794 ",
        ":9794\n",
        ":\u0669",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match="write :PORT, HOST:PORT"):
        parse(text)


def open_on(text: str) -> Listener:
    return Listener(parse(text))


def talk(family: int, where: tuple[str, int] | str, listener: Listener) -> None:
    with socket.socket(family) as client:
        client.settimeout(5)
        client.connect(where)
        accepted, _ = listener.socket.accept()
        accepted.close()


def test_everywhere_is_both_families() -> None:
    listener = open_on(":0")
    try:
        port = listener.socket.getsockname()[1]
        talk(socket.AF_INET, ("127.0.0.1", port), listener)
        if socket.has_dualstack_ipv6():
            assert listener.name == f"[::]:{port}"
            talk(socket.AF_INET6, ("::1", port), listener)
        else:
            assert listener.name == f"0.0.0.0:{port}"
    finally:
        listener.close()


def test_everywhere_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    listener = open_on(":0")
    try:
        assert listener.name.startswith("0.0.0.0:")
        talk(socket.AF_INET, ("127.0.0.1", listener.socket.getsockname()[1]), listener)
    finally:
        listener.close()


def test_a_host_name_is_its_ipv4_address() -> None:
    listener = open_on("localhost:0")
    assert listener.name.startswith("127.0.0.1:")
    listener.close()


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"^cannot listen on {address}: it is taken: .*ss -ltnp"):
            open_on(address)


def test_the_port_is_free_again_at_once() -> None:
    listener = open_on("127.0.0.1:0")
    where = listener.socket.getsockname()
    with socket.create_connection(where) as client:
        accepted, _ = listener.socket.accept()
        accepted.close()  # first, so that the connection's remains are on the server's port
        client.recv(1)
    listener.close()
    open_on(f"127.0.0.1:{where[1]}").close()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("192.0.2.1:0", "this machine has no such address"),
        ("[2001:db8::1]:0", "this machine has no such address|[Aa]ddress family"),
        ("a..b:0", "label"),
        ("unix:/proc/self/none.sock", "No such file or directory"),
        ("unix:/" + "x" * 200, "path too long"),
        ("unix:/tmp/a\0b", "null"),
    ],
)
def test_what_cannot_be_bound(address: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"^cannot listen on .*({reason})"):
        open_on(address)


def test_a_unix_socket_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    listener = open_on(f"unix:{path}")
    assert listener.name == f"unix:{path}"
    assert stat.S_ISSOCK(path.stat().st_mode)
    talk(socket.AF_UNIX, str(path), listener)
    listener.close()
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
        killed.listen()
    listener = open_on(f"unix:{path}")
    talk(socket.AF_UNIX, str(path), listener)
    listener.close()


def test_a_live_unix_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    listener = open_on(f"unix:{path}")
    with pytest.raises(ConfigError, match=f"{path}: another program listens there"):
        open_on(f"unix:{path}")
    listener.socket.accept()[0].close()  # the question whether somebody listens
    talk(socket.AF_UNIX, str(path), listener)
    listener.close()


def a_file(path: Path) -> None:
    path.write_text("precious")


def a_link(path: Path) -> None:
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("make", [a_file, a_link, Path.mkdir, os.mkfifo])
def test_nothing_else_is_removed(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "web.sock"
    make(path)
    before = path.lstat()
    with pytest.raises(ConfigError, match="something that is not a socket is there"):
        open_on(f"unix:{path}")
    assert path.lstat() == before


def test_a_datagram_socket_is_not_taken_for_stale(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path))
        with pytest.raises(ConfigError, match="cannot be told"):
            open_on(f"unix:{path}")
    assert path.exists()


def test_a_successors_unix_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    first = open_on(f"unix:{path}")
    path.unlink()
    second = open_on(f"unix:{path}")
    first.close()
    talk(socket.AF_UNIX, str(path), second)
    second.close()


@pytest.mark.parametrize("address", ["127.0.0.1:0", ":0"])
def test_the_end_of_an_answer_is_not_kept_back(address: str) -> None:
    listener = Listener(parse(address))
    with socket.create_connection(("127.0.0.1", listener.socket.getsockname()[1])):
        connection, _ = listener.socket.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    listener.close()
