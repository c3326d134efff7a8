r"""String literals: a client's is decoded, ours are written in printable ASCII only, so no parser can read them otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jobgauge_gateway.promql.refusal import BadQuery

_PLAIN = re.compile(r"[ !#-\[\]-~]*+")  # printable ASCII but for the quote and the backslash
_SPECIAL = re.compile(r"[^ !#-\[\]-~]")
_RE2_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_ESCAPE = re.compile(
    rb"\\(?:(?P<char>[abfnrtv\\\"'])|(?P<octal>[0-7]{3})"
    rb"|x(?P<byte>[0-9a-fA-F]{2})|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|)"
)
_CHARS = dict(zip(b"abfnrtv\\\"'", b"\a\b\f\n\r\t\v\\\"'", strict=True))


def quote(value: str) -> str:
    """Return `value` as a double-quoted PromQL string."""
    return f'"{value}"' if _PLAIN.fullmatch(value) else f'"{_SPECIAL.sub(_escaped, value)}"'


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char in '"\\':
        return "\\" + char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def unquote(literal: str) -> str:
    """Return what a string literal of PromQL stands for."""
    mark, body = literal[0], literal[1:-1]
    if mark == "`" or "\\" not in body:
        return body
    other = b"'" if mark == '"' else b'"'

    def byte_or_char(match: re.Match[bytes]) -> bytes:
        kind, digits = match.lastgroup, match[match.lastgroup or 0]
        if kind is None or digits == other:
            raise ValueError("unknown escape")
        if kind == "char":
            return bytes([_CHARS[digits[0]]])
        code = int(digits, 8 if kind == "octal" else 16)
        return bytes([code]) if kind in ("octal", "byte") else chr(code).encode()

    try:
        return _ESCAPE.sub(byte_or_char, body.encode()).decode()
    except ValueError as error:  # also a byte over 255, a surrogate, or bytes that are not UTF-8
        raise BadQuery(
            f"the string {literal[:40]!a} has a wrong escape; write a backslash as \\\\"
        ) from error


def any_of(values: Iterable[str]) -> str:
    """Return a regular expression that matches exactly these values where the engine anchors it, as all of them do."""
    return "|".join(_RE2_SPECIAL.sub(r"\\\g<0>", value) for value in sorted(values))
