"""Running clients on another machine, over one connection that is kept.

By the ssh that is installed, so that keys, agents, jump hosts and a site's own rules work as everywhere: a host whose key
is not known is refused, and nobody is ever asked anything. The connection is a process of its own (ssh's master), begun
with the first command and again when it was lost; the kernel ends it with the thread that reads.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import tempfile
import time
import weakref
from collections.abc import Sequence

from jobgauge import process
from jobgauge.errors import CommandError

_OPTIONS = (
    "StrictHostKeyChecking=yes",
    "PreferredAuthentications=publickey",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=2",
    "ClearAllForwardings=yes",
)
_PATIENCE = 15.0  # seconds for a connection to be made
_STEP = 0.02
_TOLD = 500  # characters of what ssh says that are shown


class Remote:
    """One machine that commands are run on."""

    def __init__(self, host: str, config: str = "", passphrase_file: str = "") -> None:
        """Take ssh's name of the machine, its configuration, and a file with the passphrase of the key in there, if any."""
        self.host = host
        self._config = config
        self._passphrase_file = passphrase_file
        self._folder = tempfile.mkdtemp(prefix="jobgauge-ssh-")
        self._socket = os.path.join(self._folder, "s")
        self._log = os.path.join(self._folder, "log")
        self._master: process.Child | None = None
        self._clean = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def argv(self, argv: Sequence[str], variables: Sequence[str], timeout: float) -> list[str]:
        """Return the command line that runs another one there; raise CommandError where it cannot be reached.

        What hangs there is ended there, too, a moment after its time here is over.
        """
        self._connect()
        line = shlex.join(["timeout", "-s", "KILL", f"{timeout + 1:g}", "env", *variables, *argv])
        return [*self._ssh("ControlMaster=no", "BatchMode=yes"), "--", self.host, line]

    def close(self) -> None:
        """End the connection."""
        if self._master is not None:
            _end(self._master)
        self._clean()

    def environment(self) -> dict[str, str]:
        """Return what ssh needs to know: the agent."""
        return {name: os.environ[name] for name in ("SSH_AUTH_SOCK",) if name in os.environ}

    def _ssh(self, *options: str) -> list[str]:
        flags = [flag for option in (*_OPTIONS, *options) for flag in ("-o", option)]
        return ["ssh", *(("-F", self._config) if self._config else ()), "-S", self._socket, *flags]

    def _connect(self) -> None:
        if self._master is not None and self._master.status() is None:
            return
        for left in (self._socket, self._log):
            if os.path.exists(left):
                os.unlink(left)
        asked = "NumberOfPasswordPrompts=1" if self._passphrase_file else "BatchMode=yes"
        argv = [*self._ssh("ControlMaster=yes", "ControlPersist=no", asked), "-N", "--", self.host]
        master = process.start(argv, log=self._log, environment=self.environment() | self._asking())
        patience = time.monotonic() + _PATIENCE
        while not os.path.exists(self._socket):
            if master.status() is not None or time.monotonic() > patience:
                _end(master)
                raise CommandError(f"ssh does not reach {self.host}: {self._said()}")
            time.sleep(_STEP)
        self._master = master

    def _asking(self) -> dict[str, str]:
        """Return what has ssh take the passphrase from the file: it wants a program that prints it."""
        if not self._passphrase_file:
            return {}
        program = os.path.join(self._folder, "passphrase")
        with open(program, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nexec cat {shlex.quote(self._passphrase_file)}\n")
        os.chmod(program, 0o700)
        # OpenSSH before 8.4 wants a display instead of the second
        return {"SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":"}

    def _said(self) -> str:
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read().strip()[-_TOLD:] or "it does not say why"


def _end(child: process.Child) -> None:
    while child.status() is None:
        child.signal(signal.SIGKILL)
        time.sleep(_STEP)
