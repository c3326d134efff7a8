"""The only place that starts programs: always an argv list and a pinned environment.

run() is for a command that answers, within a deadline and a bound on its output; read() for one whose answer is large;
start() for one that goes on running.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, TypeVar, cast

from jobgauge.errors import CommandError

T = TypeVar("T")

PINNED = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
_ERROR_TEXT = 2000  # bytes of a command's standard error that are shown
_CHUNK = 1 << 16
_LAUNCHER = os.path.join(os.path.dirname(__file__), "launcher.py")


def run(
    argv: Sequence[str], *, timeout: float, max_bytes: int, environment: Mapping[str, str] | None = None
) -> bytes:
    """Return what the command prints; all else is as with read()."""
    return read(argv, b"".join, timeout=timeout, max_bytes=max_bytes, environment=environment)


def read(
    argv: Sequence[str],
    parse: Callable[[Iterable[bytes]], T],
    *,
    timeout: float,
    max_bytes: int,
    environment: Mapping[str, str] | None = None,
) -> T:
    """Return what `parse` makes of what the command prints, while it prints; the whole is never held here.

    Raise CommandError where it fails, hangs past `timeout` or prints too much: `parse` meets that error in place of the
    end, so that it never takes half an answer for a whole one. The command runs in a process group of its own, which is
    killed at the end whatever happened, so that a client that hangs leaves no children behind. The environment is PATH,
    HOME, PINNED and `environment`: nothing else is passed on.
    """
    try:
        process = subprocess.Popen(
            argv,
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandError(f"{argv[0]} cannot be started: {error.strerror}") from error
    with process:
        try:
            chunks = _chunks(process, time.monotonic() + timeout, max_bytes, argv[0])
            parsed = parse(chunks)
            for _ in chunks:
                pass  # nothing that `parse` needs, but whether it ends well counts
            return parsed
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Child:
    """A program that start() started, with whatever it started in its process group."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    def status(self) -> int | None:
        """Return None while it runs, else its exit status (negative: the signal), once nothing of its group is left."""
        if self._process.returncode is None:
            # Looked at before it is reaped: until then the kernel gives its number to no other group.
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            self.signal(signal.SIGKILL)
            self._process.wait()
        return self._process.returncode

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program and its group, where it has not ended."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def start(argv: Sequence[str], *, log: str, environment: Mapping[str, str] | None = None) -> Child:
    """Start a program that goes on running, in a session of its own; what it prints is added to the file `log`.

    The kernel kills it when the calling thread ends, however that comes about: call this from the main thread. The
    environment is made as in run(). A program that cannot be started says so in its log and ends with status 1.
    """
    with open(log, "ab") as output:
        process = subprocess.Popen(  # the launcher, not preexec_fn, which is unsafe where there are threads
            [sys.executable, "-I", "-S", _LAUNCHER, str(os.getpid()), *argv],
            env=_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(process)


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return passed_on | PINNED | dict(more or {})


def _chunks(process: subprocess.Popen[bytes], deadline: float, max_bytes: int, name: str) -> Iterator[bytes]:
    """Return what it prints, piece by piece; raise CommandError unless it ends well."""
    size, errors = 0, bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(cast("IO[bytes]", process.stdout), selectors.EVENT_READ)
        selector.register(cast("IO[bytes]", process.stderr), selectors.EVENT_READ, errors)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise CommandError(f"{name} did not answer in time and was ended")
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data is errors:
                    errors += chunk[: max(0, _ERROR_TEXT - len(errors))]
                else:
                    size += len(chunk)
                    if size > max_bytes:
                        raise CommandError(f"{name} printed more than {max_bytes} bytes and was ended")
                    yield chunk
    if status := _status(process, deadline, name):
        said = errors.decode(errors="replace").strip() or "it printed no error"
        raise CommandError(f"{name} ended with status {status}: {said}")


def _status(process: subprocess.Popen[bytes], deadline: float, name: str) -> int:
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{name} did not end in time and was killed") from error
