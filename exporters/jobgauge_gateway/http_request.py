"""How a request must look: the client's bytes are read strictly once, and nothing of them is forwarded.

Two readers that differ about a request are how walls are passed. So whatever could be read in two ways (repeated
parameters, other separators, bodies in other forms) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from jobgauge_gateway.clients import Client
from jobgauge_gateway.endpoints import Endpoint
from jobgauge_gateway.problem import Problem

_FORM = re.compile(r"application/x-www-form-urlencoded(?: *; *charset=utf-8)?", re.IGNORECASE)
_PAIR = re.compile(r"(?:[^%;#\x00-\x20\x7f]|%[0-9A-Fa-f]{2})*")
_ENCODED = 3  # bytes that a byte of a parameter may take
_CACHED_LENGTH = 4096


@dataclass(frozen=True)
class Parameters:
    """The parameters of a request: those that stand once, and the lists."""

    single: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]


async def read(
    client: Client, endpoint: Endpoint, query_string: str, max_bytes: int, stall: float
) -> Parameters:
    """Return the parameters of the URL and the form together; raise Problem where they are not plain."""
    pairs = _pairs(query_string)
    body = await _body(client, max_bytes * _ENCODED, stall)
    if body:
        pairs += _pairs(body.decode("latin-1"))
    return _sorted(pairs, endpoint)


async def _body(client: Client, max_bytes: int, stall: float) -> bytes:
    if client.field("content-encoding"):
        raise Problem(415, "a compressed body is not read here; send the form as it is")
    if client.head.method == "GET":
        if client.head.chunked or client.head.length:
            raise Problem(400, "a GET request has no body; send the parameters in the URL, or POST them")
        return b""
    kinds = client.field("content-type")
    if len(kinds) != 1 or not _FORM.fullmatch(kinds[0]):
        raise Problem(415, "the body has to be a form (application/x-www-form-urlencoded)")
    return await client.body(max_bytes, stall)


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = []
    for pair in text.split("&") if text else []:
        if not _PAIR.fullmatch(pair):
            raise Problem(400, "the parameters are not encoded as a URL's: `;`, blanks and the like as %XX")
        name, equals, value = pair.partition("=")
        if not equals:
            raise Problem(400, f"{name[:40]!a} is no parameter: NAME=VALUE is expected between two `&`")
        pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(text: str) -> str:
    return (_remembered if len(text) <= _CACHED_LENGTH else _decode)(text)


def _decode(text: str) -> str:
    try:
        return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode()
    except ValueError as error:
        raise Problem(400, "the parameters are not UTF-8") from error


_remembered = lru_cache(1024)(_decode)  # boards send the same text again and again


def _sorted(pairs: list[tuple[str, str]], endpoint: Endpoint) -> Parameters:
    single: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        if name in endpoint.lists:
            lists[name] = (*lists.get(name, ()), value)
        elif name not in endpoint.single:
            raise Problem(400, f"{endpoint.name} takes no parameter {name[:40]!a}; leave it out")
        elif name in single:
            raise Problem(400, f"the parameter {name!r} is given twice; give it once")
        else:
            single[name] = value
    # To Prometheus an empty parameter is one that is not there.
    return Parameters({name: value for name, value in single.items() if value}, lists)
