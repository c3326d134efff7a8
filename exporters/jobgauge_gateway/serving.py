"""The gateway's life: sockets, signals, reload without a dropped request, an end that waits for answers."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

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

_GRACE = 30.0  # seconds for answers in progress at the end
_SCRAPES = 10
_FIXED = ("listen_address", "telemetry_address", "web_config_file", "limit_stall", "limit_connections")


class Service:
    """Serves the gateway that is current."""

    def __init__(self, loader: Loader[GatewayConfig], config: GatewayConfig) -> None:
        self._loader = loader
        self._config = config
        self._figures = Figures()
        self._gateway = Gateway(config, self._figures)
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._closing: set[asyncio.Task[None]] = set()
        self.addresses: list[str] = []

    async def handle(self, client: Client) -> None:
        """Answer one request under the configuration that is in force when it comes."""
        await self._gateway.handle(client)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._signals.put_nowait, number)
        listeners = [Listener(listen.parse(address)) for address in self._config.listen_address]
        self.addresses = [listener.name for listener in listeners]
        telemetry = self._telemetry()
        await self._gateway.start()
        clients = Clients(self.handle, self._config.limit_connections)
        servers = [await self._serve(listener, clients) for listener in listeners]
        log.info("%s listens on %s", PROGRAM, ", ".join(self.addresses))
        if not self._config.methods:
            log.warning("nobody is let in: identity.method does not say how callers prove who they are")
        notify.tell("READY=1")
        while (caught := await self._signals.get()) is signal.SIGHUP:
            notify.tell("RELOADING=1")
            await self._reload()
            notify.tell("READY=1")
        log.info("%s ends on %s", PROGRAM, caught.name)
        notify.tell("STOPPING=1")
        for server in servers:
            server.close()
        for listener in listeners:
            listener.close()
        await clients.end(_GRACE)
        await asyncio.gather(self._gateway.close(), *self._closing)
        telemetry.stop()

    def _now(self) -> Now:
        return self._gateway.now()

    def _telemetry(self) -> Server:
        """Start the pages with the gateway's own metrics, in threads of their own."""
        runner = Runner([OwnCollector(PROGRAM, ""), GatewayCollector(self._figures, self._now)])
        pages = Pages(PROGRAM, ABOUT, runner, "/metrics", _SCRAPES)
        server = Server(self._config.telemetry_address, pages, self._config.web_config_file)
        server.start()
        return server

    async def _serve(self, listener: Listener, clients: Clients) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        sock = listener.socket.dup()  # asyncio closes its own; the listener removes a unix socket's file
        if sock.family == socket.AF_UNIX:
            return await loop.create_unix_server(clients, sock=sock)
        context = Access(self._config.web_config_file).now().context
        return await loop.create_server(clients, sock=sock, ssl=context)

    async def _reload(self) -> None:
        """Go on under the new configuration where it is good; requests in progress end under theirs."""
        try:
            config = self._loader.load()
            gateway = Gateway(config, self._figures)
            await gateway.start()
        except JobgaugeError as error:
            log.error("the new configuration is not used: %s", error)  # noqa: TRY400 - the message is for the operator
            return
        logs.set_up(config.log_level, config.log_format)
        if changed := [name for name in _FIXED if getattr(config, name) != getattr(self._config, name)]:
            log.warning("changes of %s take effect at the next start", ", ".join(changed))
        before, self._gateway, self._config = self._gateway, gateway, config
        closing = asyncio.create_task(before.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        log.info("configuration reloaded")


def check(config: GatewayConfig) -> None:
    """Read every file that the configuration names; raise ConfigError where one is wrong."""
    for address in (*config.listen_address, *config.telemetry_address):
        listen.parse(address)
    Access(config.web_config_file)
    Gateway(config, Figures())


def serve(loader: Loader[GatewayConfig], config: GatewayConfig) -> None:
    """Run the gateway to its end."""

    async def main() -> None:
        await Service(loader, config).run()

    try:
        asyncio.run(main())
    except OSError as error:
        raise ConfigError(f"the gateway cannot serve: {error}") from error
