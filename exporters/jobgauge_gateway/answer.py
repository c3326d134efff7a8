"""Answers to clients: small ones in one piece, large ones as they come."""

from __future__ import annotations

from jobgauge_gateway.audit import Record
from jobgauge_gateway.clients import Client
from jobgauge_gateway.problem import Problem
from jobgauge_gateway.upstream import Answer, pieces


async def hand_on(answer: Answer, client: Client, record: Record, stall: float) -> None:
    """Hand the store's answer on to the client; of its headers only those that say how to read it."""
    encoding = "gzip" if "content-encoding" in answer.head.fields else ""
    record.status = answer.head.status
    if answer.complete:
        body = await answer.read()
        record.bytes = len(body)
        client.answer(answer.head.status, body, encoding)
        return
    client.begin(answer.head.status, answer.head.length, encoding)
    try:
        async for piece in pieces(answer):
            await client.write(piece, stall)
            record.bytes += len(piece)
        client.finish()
    except (Problem, TimeoutError) as error:
        # The answer is begun: only a connection that ends tells the client that it is not whole.
        record.outcome = error.outcome if isinstance(error, Problem) else "gone"
        record.sentence = str(error) or "the client took nothing any more"
        client.abort()
