"""What lies on a connection to the store before the gateway asks on it again."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler

from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.planning import Plan
from jobgauge_gateway.upstream import Upstream, pieces
from tests.support.gateway import EMPTY, Store, say

OTHER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'


def test_what_has_come_and_was_not_looked_at_yet_is_no_answer(store: Store) -> None:
    answered, said = threading.Event(), threading.Event()

    def say_more(handler: BaseHTTPRequestHandler, asked: bytes) -> None:
        say()(handler, asked)
        answered.wait(30)
        handler.wfile.write(OTHER)
        said.set()

    async def ask(upstream: Upstream) -> bytes:
        async with upstream.ask(Plan("/api/v1/query"), gzip=False) as answer:
            return b"".join([piece async for piece in pieces(answer)])

    async def main() -> None:
        upstream = Upstream(GatewayConfig(upstream_url=store.url))
        store.behave = say_more
        assert await ask(upstream) == EMPTY
        answered.set()
        assert said.wait(30)  # asyncio is held meanwhile, so that it cannot read what has come
        store.behave = say()
        assert await ask(upstream) == EMPTY
        assert await ask(upstream) == EMPTY
        upstream.close()

    asyncio.run(main())
