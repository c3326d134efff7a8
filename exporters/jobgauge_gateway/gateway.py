"""The path of a request: who asks, what is asked, what may be sent, a place at the store, the answer."""

from __future__ import annotations

import asyncio
import logging
import time

from jobgauge_gateway import audit, http_request
from jobgauge_gateway.answer import hand_on
from jobgauge_gateway.audit import Record, Trail
from jobgauge_gateway.clients import Client
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.endpoints import Endpoint, counted_as, find
from jobgauge_gateway.fairness import Turnstile
from jobgauge_gateway.figures import Figures, Now
from jobgauge_gateway.grafana_token import GrafanaTokens
from jobgauge_gateway.identity import Identifier
from jobgauge_gateway.people import Directory
from jobgauge_gateway.planning import Planner
from jobgauge_gateway.problem import Problem
from jobgauge_gateway.signing_keys import SigningKeys
from jobgauge_gateway.sources import sources
from jobgauge_gateway.upstream import Upstream

log = logging.getLogger(__name__)


class Gateway:
    """A gateway under one configuration; a reload makes a new one, and this one ends with its last request."""

    def __init__(self, config: GatewayConfig, figures: Figures) -> None:
        """Read what the configuration names; raise ConfigError where something is wrong."""
        self._config = config
        self._figures = figures
        self._planner = Planner(config)
        self._turnstile = Turnstile(config)
        self._directory = Directory(sources(config), config.people_refresh, config.people_keep)
        self._trail = Trail(config.audit_file)
        self._upstream = Upstream(config)
        self._keys = SigningKeys(config.keys_url)
        tokens = GrafanaTokens(self._keys, config.issuer, config.grafana_audience, config.grafana_login_ways)
        self._identifier = Identifier(config, self._directory, tokens)
        self._working = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self) -> None:
        """Open what stays open, and learn who people are; raise ConfigError with nothing left open."""
        self._trail.open()
        await self._directory.start()

    async def close(self) -> None:
        """Wait for the requests in progress, then let go of everything."""
        await self._idle.wait()
        await self._directory.close()
        self._upstream.close()
        self._trail.close()

    def now(self) -> Now:
        """Return how things stand."""
        turnstile = self._turnstile
        return Now(turnstile.inside, turnstile.waiting, self._directory.ages(), dict(self._keys.fetches))

    async def handle(self, client: Client) -> None:
        """Answer one request, count it and write it down."""
        begin = time.perf_counter()
        path, _, query_string = client.head.target.partition("?")
        endpoint = find(path)
        record = Record(endpoint.name if endpoint else "none", client.peer)
        self._working += 1
        self._idle.clear()
        try:
            await self._answer(client, endpoint, query_string, record)
        except Problem as problem:
            _refuse(problem, client, record)
        except (asyncio.CancelledError, ConnectionError):
            record.outcome = "gone"
            raise
        except Exception:
            log.exception("a request failed")
            _refuse(Problem(500, "the gateway failed; tell your administrators", "failed"), client, record)
        finally:
            self._working -= 1
            if not self._working:
                self._idle.set()
            seconds = time.perf_counter() - begin
            self._figures.note(counted_as(endpoint), record.outcome, seconds, record.bytes)
            self._trail.write(record, seconds)

    async def _answer(
        self, client: Client, endpoint: Endpoint | None, query_string: str, record: Record
    ) -> None:
        if endpoint is None:
            raise Problem(
                404, "there is no such call here; queries, series, labels and their values can be asked for"
            )
        if client.head.method not in endpoint.methods:
            raise Problem(405, f"{endpoint.name} is asked by {' or '.join(endpoint.methods)}")
        config = self._config
        record.login = await self._identifier.login(client)
        scope = self._directory.scope(record.login)
        record.role = audit.role(scope)
        parameters = await http_request.read(
            client, endpoint, query_string, config.limit_bytes, config.limit_stall
        )
        record.asked = parameters.single.get("query", " ".join(parameters.lists.get("match[]", ())))
        plan = self._planner.plan(endpoint, parameters, scope)
        if plan.own:
            record.status, record.bytes = 200, len(plan.own)
            client.answer(200, plan.own)
            return
        record.sent = " ".join(value for name, value in plan.form if name in ("query", "match[]"))
        if scope.staff and (views := audit.others(record.sent, record.login)):
            record.views = views
            self._figures.staff_views += 1
        async with (
            self._turnstile.place(record.login),
            self._upstream.ask(plan, gzip=_takes_gzip(client)) as answer,
        ):
            await hand_on(answer, client, record, config.limit_stall)


def _refuse(problem: Problem, client: Client, record: Record) -> None:
    record.outcome, record.sentence = problem.outcome, str(problem)
    record.status, record.bytes = problem.status, len(problem.body)
    client.answer(problem.status, problem.body)


def _takes_gzip(client: Client) -> bool:
    """Say whether a client plainly asks for gzip; anything less plain gets the answer as it is."""
    lines = client.field("accept-encoding")
    return any(word.strip().lower() == "gzip" for line in lines for word in line.split(","))
