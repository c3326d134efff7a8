"""Tells systemd how far a service is (the protocol of `Type=notify`); says nothing where no service manager asked."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)


def tell(state: str) -> None:
    """Send a state, such as READY=1, to the service manager that started this program, if one did."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # how a name in Linux' abstract namespace is written
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state.encode(), address)
    except OSError as error:
        log.warning("the service manager cannot be told %s at %r: %s", state, address, error.strerror)
