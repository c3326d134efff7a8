"""Files with one secret line, such as a header or a password."""

from __future__ import annotations

from jobgauge.errors import ConfigError
from jobgauge.secretfile import private


def read_authorization(path: str) -> str:
    """Return the Authorization header in a file."""
    try:
        text = private(path).strip().decode("ascii")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: the header holds something that is not ASCII") from error
    if not text or not text.isprintable():
        raise ConfigError(f"{path}: one line is expected, such as `Bearer TOKEN`")
    return text


def read_password(path: str) -> str:
    """Return the password in a file, without the end of its line."""
    try:
        text = private(path).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: the password is not UTF-8") from error
    if not text:
        raise ConfigError(f"{path}: it is empty; a bind without a password is one as nobody")
    return text
