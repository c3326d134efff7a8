"""Answers to clients: small ones in one piece, large ones as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp.web import BaseRequest, Response, StreamResponse

from jobgauge_gateway.audit import Record
from jobgauge_gateway.problem import Problem
from jobgauge_gateway.upstream import chunks

_WHOLE = (
    256 * 1024
)  # bytes; an answer up to this size is sent in one piece, so that a broken one is not begun
_HEADERS = {"Cache-Control": "no-store", "Server": "jobgauge-gateway"}
_JSON = "application/json"


def whole(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer of which everything is there."""
    return Response(status=status, body=body, content_type=_JSON, headers={**_HEADERS, **(headers or {})})


def told(problem: Problem) -> Response:
    """Return the answer that tells a problem."""
    return whole(problem.body, problem.status)


async def hand_on(
    answer: aiohttp.ClientResponse, request: BaseRequest, record: Record, stall: float
) -> StreamResponse:
    """Hand the store's answer on to the client; of its headers only those that say how to read it."""
    encoding = answer.headers.get("Content-Encoding")
    headers = {"Content-Encoding": encoding} if encoding else {}
    coming = chunks(answer)
    first = bytearray()
    async for chunk in coming:
        first += chunk
        if len(first) > _WHOLE:
            stream = StreamResponse(status=answer.status, headers={**_HEADERS, **headers})
            stream.content_type = _JSON
            stream.content_length = answer.content_length
            await _stream(stream, request, _joined(bytes(first), coming), record, stall)
            return stream
    record.status, record.bytes = answer.status, len(first)
    return whole(bytes(first), answer.status, headers)


async def _stream(
    stream: StreamResponse, request: BaseRequest, coming: AsyncIterator[bytes], record: Record, stall: float
) -> None:
    record.status = stream.status
    await stream.prepare(request)
    try:
        async for chunk in coming:
            async with asyncio.timeout(stall):
                await stream.write(chunk)
            record.bytes += len(chunk)
        await stream.write_eof()
    except (Problem, TimeoutError) as error:
        # The answer is begun: only a connection that ends tells the client that it is not whole.
        record.outcome = error.outcome if isinstance(error, Problem) else "gone"
        record.sentence = str(error) or "the client took nothing any more"
        if request.transport:
            request.transport.abort()


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
