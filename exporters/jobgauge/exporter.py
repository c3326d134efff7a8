"""What an exporter is, and its life: flags, configuration, one scrape or a server, reload, end.

An exporter's own `cli.py` fills in an Exporter and calls run(); everything that operators know from the Go exporters
(flags, /metrics, /-/healthy, TLS, SIGHUP) comes from here.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from jobgauge import log as logs
from jobgauge import notify, signals
from jobgauge.collector import Collector
from jobgauge.config import Loader, one_of, option, positive
from jobgauge.errors import ConfigError, JobgaugeError
from jobgauge.exposition import render
from jobgauge.own import OwnCollector
from jobgauge.pages import Pages, told_nothing
from jobgauge.runner import Runner
from jobgauge.server import Handler, Limits, Server

log = logging.getLogger(__name__)

ONCE_TIMEOUT = 60.0
_TELL = 5.0  # seconds that one scrape waits for its collectors to say what they see


@dataclass(frozen=True)
class ExporterConfig:
    """The settings that every exporter has."""

    listen_address: tuple[str, ...] = option(
        "web.listen-address",
        (),
        "address to listen on, or unix:PATH; may be repeated",
        many=True,
        metavar="ADDRESS",
    )
    telemetry_path: str = option("web.telemetry-path", "/metrics", "path of the metrics", metavar="PATH")
    web_config_file: str = option(
        "web.config.file", "", "YAML file with TLS and basic auth, in exporter-toolkit's form", metavar="FILE"
    )
    max_requests: int = option(
        "web.max-requests", 40, "scrapes answered at the same time; more get 503", positive, metavar="N"
    )
    cluster: str = option("cluster", "", "put this `cluster` label on every series", metavar="NAME")
    log_level: str = option(
        "log.level", "info", "debug, info, warn or error", one_of(*logs.LEVELS), metavar="LEVEL"
    )
    log_format: str = option(
        "log.format", "logfmt", "logfmt or json", one_of(*logs.FORMATS), metavar="FORMAT"
    )
    collectors: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse what no parser of a single value can see."""
        if not self.telemetry_path.startswith("/") or self.telemetry_path in ("/", "/-/healthy"):
            raise ConfigError(
                f"web.telemetry-path: {self.telemetry_path!r} is taken or does not start with /"
            )


C = TypeVar("C", bound=ExporterConfig)


@dataclass(frozen=True)
class Running:
    """A configured exporter: its collectors, and how to end what works in its background.

    `settle` waits until what is found out in the background is there, as it is in an exporter that runs for a while.
    `told` answers what is posted, where the exporter's limits have room for a body.
    """

    collectors: Sequence[Collector]
    close: Callable[[], None] = field(default=lambda: None)
    settle: Callable[[], None] = field(default=lambda: None)
    told: Handler = field(default=told_nothing)


@dataclass(frozen=True)
class Exporter(Generic[C]):
    """What makes an exporter; `build` turns a configuration into collectors that are ready to be scraped."""

    program: str
    about: str
    config: type[C]
    collectors: tuple[type[Collector], ...]
    build: Callable[[C], Running]
    check: Callable[[C], object] = field(
        default=lambda _: None
    )  # reads what the configuration leads to, for --check-config
    limits: Limits = Limits()  # noqa: RUF009 - frozen


def run(exporter: Exporter[C], argv: Sequence[str] | None = None) -> int:
    """Run an exporter's command to its end; return its exit code: 0 fine, 1 failed at work, 2 wrong use."""
    loader = Loader(
        exporter.config,
        program=exporter.program,
        about=exporter.about,
        argv=sys.argv[1:] if argv is None else argv,
        environment=os.environ,
        once="take one scrape, print it, and end (1 where a collector failed)",
        collectors=exporter.collectors,
    )
    try:
        config = loader.load()
        logs.set_up(config.log_level, config.log_format)
        if loader.action.check_config:
            Server(config.listen_address, told_nothing, config.web_config_file)  # checks both
            exporter.check(config)
            print(f"{exporter.program}: configuration is good")  # noqa: T201 - what --check-config is for
            return 0
        if loader.action.once:
            return _once(exporter, config)
        return _serve(exporter, loader, config)
    except ConfigError as error:
        print(f"{exporter.program}: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        return 2
    except JobgaugeError as error:
        print(f"{exporter.program}: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        return 1


def _once(exporter: Exporter[C], config: C) -> int:
    running = exporter.build(config)
    try:
        running.settle()
        runner = _runner(exporter, running, config)
        page = runner.scrape(frozenset(c.name for c in runner.collectors), ONCE_TIMEOUT)
        _tell_in_the_background(running.collectors).join(_TELL)
    finally:
        running.close()
    sys.stdout.buffer.write(render(page))
    sys.stdout.flush()
    return 1 if runner.failing else 0


def _runner(exporter: Exporter[C], running: Running, config: C) -> Runner:
    return Runner([OwnCollector(exporter.program, config.cluster), *running.collectors], config.cluster)


def _tell_what_is_seen(collectors: Sequence[Collector]) -> None:
    """Log of each collector whether it can see what it reads, and if not, why."""
    for collector in collectors:
        try:
            lack = collector.lacks()
        except Exception:  # what is only said must not end the program
            log.exception("collector %s cannot say what it sees", collector.name)
            continue
        if lack is not None:
            log.info("collector %s: %s", collector.name, lack or "sees what it reads")


def _tell_in_the_background(collectors: Sequence[Collector]) -> threading.Thread:
    """Log it without making a start wait for a source that is slow, or hangs."""
    thread = threading.Thread(target=_tell_what_is_seen, args=(collectors,), name="start", daemon=True)
    thread.start()
    return thread


def _serve(exporter: Exporter[C], loader: Loader[C], config: C) -> int:
    expected = signals.expect(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    running = exporter.build(config)
    runner = _runner(exporter, running, config)
    pages = Pages(
        exporter.program,
        exporter.about,
        runner,
        config.telemetry_path,
        config.max_requests,
        told=running.told,
    )
    server = Server(config.listen_address, pages, config.web_config_file, exporter.limits)
    server.start()
    log.info("%s listens on %s", exporter.program, ", ".join(server.addresses))
    notify.tell("READY=1")
    _tell_in_the_background(running.collectors)
    while (caught := signals.caught(expected)) is signal.SIGHUP:
        notify.tell("RELOADING=1")
        config, running = _reload(exporter, loader, pages, config, running)
        notify.tell("READY=1")
    log.info("%s ends on %s", exporter.program, caught.name)
    notify.tell("STOPPING=1")
    server.stop()
    running.close()
    return 0


def _reload(
    exporter: Exporter[C], loader: Loader[C], pages: Pages, config: C, running: Running
) -> tuple[C, Running]:
    """Take the new configuration where it is good; else go on with the old one and say so."""
    try:
        new = loader.load()
        rebuilt = exporter.build(new)
    except JobgaugeError as error:
        log.error("the new configuration is not used: %s", error)  # noqa: TRY400 - the message is for the operator
        return config, running
    logs.set_up(new.log_level, new.log_format)
    pages.replace(rebuilt.collectors, rebuilt.told)
    running.close()
    fixed = ("listen_address", "telemetry_path", "web_config_file", "max_requests", "cluster")
    if changed := [name for name in fixed if getattr(new, name) != getattr(config, name)]:
        log.warning("changes of %s take effect at the next start", ", ".join(changed))
    log.info("configuration reloaded")
    _tell_in_the_background(rebuilt.collectors)
    return new, rebuilt
