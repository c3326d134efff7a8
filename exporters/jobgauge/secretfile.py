"""Files that hold secrets: refused where everybody on the machine could read or write them."""

from __future__ import annotations

import os
import stat

from jobgauge.errors import ConfigError

_SHORTEST_SECRET = 16  # characters


def private(path: str) -> bytes:
    """Return what is in a file that only its owner and group may touch; raise ConfigError where that is not so."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise ConfigError(f"{path}: everybody can read or write this secret: chmod o-rw {path}")
            return file.read()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def read_secrets(path: str) -> tuple[bytes, ...]:
    """Return the secrets in a file, one a line; raise ConfigError where it is open to others or holds a weak one."""
    secrets = tuple(line.strip() for line in private(path).splitlines() if line.strip())
    if not secrets or min(map(len, secrets)) < _SHORTEST_SECRET:
        raise ConfigError(
            f"{path}: a secret of at least {_SHORTEST_SECRET} characters is expected: make one with `openssl rand -hex 32`"
        )
    return secrets
