"""The viewer's life and its calls: the page, the boards, who looks, and the queries that go to the gateway."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler

from jobgauge import data, listen, notify
from jobgauge import log as logs
from jobgauge.config import Loader
from jobgauge.errors import ConfigError, JobgaugeError
from jobgauge.listen import Listener
from jobgauge.webaccess import Access
from jobgauge_view import pages
from jobgauge_view.boards import Boards
from jobgauge_view.config import ViewConfig
from jobgauge_view.people import People, demand_own_page
from jobgauge_view.refusal import Refusal
from jobgauge_view.relay import Relay, client

log = logging.getLogger(__name__)

PROGRAM = "jobgauge-view"
_GRACE = 5.0  # seconds for answers in progress at the end
_LONGEST = 256 * 1024  # bytes of a request's body
_CLIENT = web.AppKey("client", aiohttp.ClientSession)


class _Settled(NamedTuple):
    """What follows from a configuration; a reload makes it anew."""

    people: People
    relay: Relay
    boards: Boards


class Viewer:
    """A viewer, under the configuration that it read last."""

    def __init__(self, config: ViewConfig) -> None:
        """Read what the configuration names; raise ConfigError where something is wrong."""
        self._key = secrets.token_bytes(32)
        self._access = Access(config.web_config_file)
        if self._access.now().auth:
            raise ConfigError(
                f"{config.web_config_file}: basic_auth_users has no place here: people come through a reverse proxy"
                " (proxy.secret-file)"
            )
        self._now = self._settle(config)

    def reload(self, config: ViewConfig) -> None:
        """Go on under another configuration; raise ConfigError, and go on as before, where something is wrong."""
        self._now = self._settle(config)

    def _settle(self, config: ViewConfig) -> _Settled:
        folder = Path(config.boards) if config.boards else data.folder("dashboards")
        return _Settled(People(config, self._key), Relay(config), Boards(folder))

    async def application(self) -> web.Application:
        """Return the calls that are answered."""
        files = await pages.loaded()
        app = web.Application(middlewares=[self._guarded], client_max_size=_LONGEST)
        app.router.add_get("/", files.page)
        app.router.add_get("/d/{uid}", files.page)
        app.router.add_get("/d/{uid}/{slug}", files.page)
        app.router.add_get("/static/{path:.+}", files.send)
        app.router.add_get("/-/healthy", _healthy)
        app.router.add_get("/api/session", self._session)
        app.router.add_post("/api/session", self._choose)
        app.router.add_delete("/api/session", self._forget)
        app.router.add_get("/api/boards", self._list)
        app.router.add_get("/api/boards/{uid}", self._board)
        app.router.add_get("/api/prom/api/v1/{call:.+}", self._ask)
        app.router.add_post("/api/prom/api/v1/{call:.+}", self._ask)
        app.on_response_prepare.append(self._head)
        app.cleanup_ctx.append(_with_client)
        return app

    async def serve(self, listener: Listener, runner: web.AppRunner) -> None:
        """Answer on one address."""
        sock = listener.socket.dup()  # aiohttp closes its own; the listener removes a unix socket's file
        context = None if sock.family == socket.AF_UNIX else self._access.now().context
        await web.SockSite(runner, sock, ssl_context=context).start()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what other sites' pages ask for, and turn refusals into answers."""
        try:
            if request.method not in ("GET", "HEAD"):
                demand_own_page(request)
            return await handler(request)
        except Refusal as refusal:
            return refusal.answer
        except web.HTTPException as error:
            return Refusal(error.status, f"{error.reason}: this cannot be asked here").answer

    async def _head(self, _: web.Request, answer: web.StreamResponse) -> None:
        """Put the headers on an answer that is about to be sent."""
        answer.headers.update(pages.HEADERS | dict(self._access.now().config.headers))
        answer.headers.setdefault("Cache-Control", "no-store")

    async def _session(self, request: web.Request) -> web.Response:
        """Tell who looks, and in a demonstration whom one can be."""
        choices = list(self._now.people.choices)
        try:
            return web.json_response({"login": self._now.people.login(request), "choices": choices})
        except Refusal as refusal:
            return web.json_response({"login": None, "choices": choices, "error": str(refusal)})

    async def _choose(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
        except ValueError as error:
            raise Refusal(400, 'JSON such as {"login": "alice"} is expected') from error
        return self._now.people.choose(request, wanted.get("login") if isinstance(wanted, dict) else None)

    async def _forget(self, _: web.Request) -> web.Response:
        return self._now.people.forget()

    async def _list(self, request: web.Request) -> web.Response:
        self._now.people.login(request)
        return web.json_response([board.summary for board in self._now.boards.all()])

    async def _board(self, request: web.Request) -> web.Response:
        self._now.people.login(request)
        board = self._now.boards.find(request.match_info["uid"])
        if board is None:
            raise Refusal(404, "there is no such board")
        return web.json_response({**board.detail, "scrapeInterval": self._now.boards.scrape_interval})

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        now = self._now
        login = now.people.login(request)
        return await now.relay.ask(request.app[_CLIENT], request, request.match_info["call"], login)


async def _with_client(app: web.Application) -> AsyncIterator[None]:
    async with client() as app[_CLIENT]:
        yield


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text=f"{PROGRAM} is healthy\n")


def check(config: ViewConfig) -> None:
    """Read every file that the configuration names; raise ConfigError where one is wrong."""
    for address in config.listen_address:
        listen.parse(address)
    Viewer(config)
    pages.Files()


async def serve(loader: Loader[ViewConfig], config: ViewConfig) -> None:
    """Serve until SIGTERM or SIGINT; read the configuration again at SIGHUP."""
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    viewer = Viewer(config)
    listeners = [Listener(listen.parse(address)) for address in config.listen_address]
    # A browser that goes away ends its queries.
    runner = web.AppRunner(
        await viewer.application(), access_log=None, handler_cancellation=True, shutdown_timeout=_GRACE
    )
    await runner.setup()
    for listener in listeners:
        await viewer.serve(listener, runner)
    log.info("%s listens on %s", PROGRAM, ", ".join(listener.name for listener in listeners))
    notify.tell("READY=1")
    while (caught := await signals.get()) is signal.SIGHUP:
        notify.tell("RELOADING=1")
        _reload(loader, viewer)
        notify.tell("READY=1")
    log.info("%s ends on %s", PROGRAM, caught.name)
    notify.tell("STOPPING=1")
    for listener in listeners:
        listener.close()
    await runner.cleanup()


def _reload(loader: Loader[ViewConfig], viewer: Viewer) -> None:
    try:
        config = loader.load()
        viewer.reload(config)
    except JobgaugeError as error:
        log.error("the new configuration is not used: %s", error)  # noqa: TRY400 - the message is for the operator
        return
    logs.set_up(config.log_level, config.log_format)
    log.info("configuration reloaded; web.* takes effect at the next start")
