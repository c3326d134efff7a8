"""The gateway's life in one process: sockets, signals, reload without a dropped request, an end that waits for answers."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence

from jobgauge import listen, notify
from jobgauge import log as logs
from jobgauge.config import Loader
from jobgauge.errors import ConfigError, JobgaugeError
from jobgauge.listen import Listener
from jobgauge.own import OwnCollector
from jobgauge.pages import Pages
from jobgauge.runner import Runner
from jobgauge.server import Server
from jobgauge.webaccess import Access
from jobgauge_gateway.clients import Client, Clients
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.figures import Figures, GatewayCollector, Now
from jobgauge_gateway.gateway import Gateway

log = logging.getLogger(__name__)

PROGRAM = "jobgauge-gateway"
ABOUT = "The Prometheus query API, limited to what each caller may see."
GRACE = 30.0  # seconds for answers in progress at the end

_SCRAPES = 10
_BACKLOG = 512
_FIXED = ("listen_address", "telemetry_address", "web_config_file", "workers", "limit_connections")


class Service:
    """Serves the gateway that is current, on sockets that are bound."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._figures = Figures()
        self._gateway = Gateway(config, self._figures)
        self._clients = Clients(self._handle, config.limit_connections)
        self._servers: list[asyncio.Server] = []
        self._closing: set[asyncio.Task[None]] = set()

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Learn who people are, then listen; raise ConfigError with nothing left open."""
        await self._gateway.start()
        context = Access(self._config.web_config_file).now().context
        loop = asyncio.get_running_loop()
        for sock in sockets:
            own = sock.dup()  # asyncio closes its own; the listener removes a unix socket's file
            if own.family == socket.AF_UNIX:
                server = await loop.create_unix_server(self._clients, sock=own, backlog=_BACKLOG)
            else:
                server = await loop.create_server(self._clients, sock=own, ssl=context, backlog=_BACKLOG)
            self._servers.append(server)

    async def reload(self, config: GatewayConfig) -> None:
        """Go on under this configuration; requests in progress end under theirs. Raise JobgaugeError where it is bad."""
        gateway = Gateway(config, self._figures)
        await gateway.start()
        logs.set_up(config.log_level, config.log_format)
        before, self._gateway, self._config = self._gateway, gateway, config
        closing = asyncio.create_task(before.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def refuse(self) -> None:
        """Take no further connections."""
        while self._servers:
            self._servers.pop().close()

    async def stop(self) -> None:
        """Give the answers that are in progress, and end."""
        self.refuse()
        await self._clients.end(GRACE)
        await asyncio.gather(self._gateway.close(), *self._closing)

    def figures(self) -> Figures:
        """Return what was counted."""
        return self._figures

    def now(self) -> Now:
        """Return how things stand."""
        return self._gateway.now()

    async def _handle(self, client: Client) -> None:
        """Answer one request under the configuration that is in force when it comes."""
        await self._gateway.handle(client)


def bind(config: GatewayConfig) -> list[Listener]:
    """Return the sockets of the query API; raise ConfigError where one cannot be had."""
    return [Listener(listen.parse(address)) for address in config.listen_address]


def telemetry(config: GatewayConfig, figures: Callable[[], Figures], now: Callable[[], Now]) -> Server:
    """Start the pages with the gateway's own metrics, in threads of their own."""
    runner = Runner([OwnCollector(PROGRAM, ""), GatewayCollector(figures, now)])
    pages = Pages(PROGRAM, ABOUT, runner, "/metrics", _SCRAPES)
    server = Server(config.telemetry_address, pages, config.web_config_file)
    server.start()
    return server


def ready(config: GatewayConfig, listeners: Sequence[Listener]) -> None:
    """Tell the log and the service manager that the gateway serves."""
    log.info("%s listens on %s", PROGRAM, ", ".join(listener.name for listener in listeners))
    if not config.methods:
        log.warning("nobody is let in: identity.method does not say how callers prove who they are")
    notify.tell("READY=1")


def loaded(loader: Loader[GatewayConfig], before: GatewayConfig) -> GatewayConfig:
    """Read the configuration again; raise ConfigError where it is bad."""
    config = loader.load()
    if changed := [name for name in _FIXED if getattr(config, name) != getattr(before, name)]:
        log.warning("changes of %s take effect at the next start", ", ".join(changed))
    return config


def check(config: GatewayConfig) -> None:
    """Read every file that the configuration names; raise ConfigError where one is wrong."""
    for address in (*config.listen_address, *config.telemetry_address):
        listen.parse(address)
    Access(config.web_config_file)
    Gateway(config, Figures())


async def _serve(loader: Loader[GatewayConfig], config: GatewayConfig) -> None:
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    listeners = bind(config)
    service = Service(config)
    pages = telemetry(config, service.figures, service.now)
    await service.start([listener.socket for listener in listeners])
    ready(config, listeners)
    while (caught := await signals.get()) is signal.SIGHUP:
        notify.tell("RELOADING=1")
        try:
            config = loaded(loader, config)
            await service.reload(config)
        except JobgaugeError as error:
            log.error("the new configuration is not used: %s", error)  # noqa: TRY400 - the message is for the operator
        else:
            log.info("configuration reloaded")
        notify.tell("READY=1")
    log.info("%s ends on %s", PROGRAM, caught.name)
    notify.tell("STOPPING=1")
    service.refuse()
    for listener in listeners:
        listener.close()
    await service.stop()
    pages.stop()


def serve(loader: Loader[GatewayConfig], config: GatewayConfig) -> None:
    """Run the gateway in this process to its end."""
    try:
        asyncio.run(_serve(loader, config))
    except OSError as error:
        raise ConfigError(f"the gateway cannot serve: {error}") from error
