"""Listening sockets, for addresses as the Go exporters write them: `:PORT`, `HOST:PORT`, `[IPV6]:PORT`, `unix:PATH`."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from dataclasses import dataclass

from jobgauge.errors import ConfigError

_BACKLOG = 512
_TCP = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[^\]]+)?)\]|([^:\[\]]*)):([0-9]{1,5})")
_REASONS = {
    errno.EADDRINUSE: "it is taken: end the program that holds it (`ss -ltnp` names it), or choose another",
    errno.EACCES: "not permitted: ports below 1024 need root or CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a path, or a host (empty: everywhere) and a port."""

    text: str
    path: str = ""
    host: str = ""
    port: int = 0


def parse(text: str) -> Address:
    """Read an address; raise ConfigError where it is none."""
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address(text, path=text.removeprefix("unix:"))
    match = _TCP.fullmatch(text)
    if not match or int(match[3]) > 65535:
        raise ConfigError(
            f"{text!r} is no address to listen on: write :PORT, HOST:PORT, [IPV6]:PORT or unix:PATH"
        )
    return Address(text, host=match[1] or match[2] or "", port=int(match[3]))


def is_loopback(text: str) -> bool:
    """Tell whether an address can be reached from this machine only."""
    import ipaddress  # noqa: PLC0415 - few programs ask

    address = parse(text)
    if address.path or address.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return False


class Listener:
    """One bound socket, and its file where it is a unix one."""

    def __init__(self, address: Address) -> None:
        """Bind; raise ConfigError with the address and what to do."""
        self._path = address.path
        try:
            self.socket = _unix(address.path) if address.path else _tcp(address)
        except ConfigError as error:
            raise ConfigError(f"cannot listen on {address.text}: {error}") from error
        except OSError as error:
            reason = None if address.path else _REASONS.get(error.errno or 0)
            raise ConfigError(
                f"cannot listen on {address.text}: {reason or error.strerror or error}"
            ) from error
        except ValueError as error:  # a NUL, or a host name that no name system can hold
            raise ConfigError(f"cannot listen on {address.text!r}: {error}") from error
        self._made = _identity(address.path)
        self.name = address.text if address.path else _name(self.socket)  # what it is really bound to

    def close(self) -> None:
        """Stop listening, which ends an accept() that waits, and remove the socket's file if it is still ours."""
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        if self._path and _identity(self._path) == self._made:
            os.unlink(self._path)


def _tcp(address: Address) -> socket.socket:
    listener = _bound(address)
    # Connections inherit it; else the end of a long answer waits for the client to confirm what came before, for 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _bound(address: Address) -> socket.socket:
    if address.host in ("", "::") and socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", address.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
        )
    found = socket.getaddrinfo(address.host or "0.0.0.0", address.port, type=socket.SOCK_STREAM)  # noqa: S104 - asked for
    family, _, _, _, where = min(found, key=lambda info: info[0] != socket.AF_INET)  # IPv4 first, as Go does
    return socket.create_server(where, family=family, backlog=_BACKLOG)


def _name(sock: socket.socket) -> str:
    host, port, *_ = sock.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unix(path: str) -> socket.socket:
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _remove_stale(path: str) -> None:
    """Remove a socket that a killed program left behind; refuse everything else that is there."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError("something that is not a socket is there: remove it, or choose another path")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except OSError as error:
            raise ConfigError(
                f"whether a program listens there cannot be told: {error.strerror or error}"
            ) from error
    raise ConfigError("another program listens there: end it, or choose another path")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
