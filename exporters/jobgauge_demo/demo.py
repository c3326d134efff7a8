"""The demo from its start to its end: what is done in which order, and what is told on the terminal."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from jobgauge import process
from jobgauge.errors import ConfigError
from jobgauge_demo import alertmanager, gateway, grafana, programs, prometheus, simulator
from jobgauge_demo.check import Check
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.commands import write_commands
from jobgauge_demo.history import write_history
from jobgauge_demo.importer import Importer
from jobgauge_demo.people import LEADERS, STAFF
from jobgauge_demo.services import ABOVE, BELOW, GROUND, describe, refuse_taken_ports
from jobgauge_demo.settings import SCRAPE_INTERVAL, DemoConfig
from jobgauge_demo.supervisor import Service, Supervisor
from jobgauge_demo.truth import GRACE, WINDOW

_TIMEOUT = 60.0  # seconds for a command that writes files
_OUTPUT = 1 << 20


class Demo:
    """One run of the demo."""

    def __init__(self, config: DemoConfig) -> None:
        self._config = config
        self._begin = time.monotonic()
        self._cluster = Cluster(config.seed, config.nodes, config.users)

    def run(self, *, once: bool) -> int:
        """Start everything, then check it or let it run until somebody ends it; return the exit code."""
        programs.refuse_missing(programs.REQUIRED)
        stages = [describe(stage, self._config, self._say) for stage in (GROUND, BELOW, ABOVE)]
        refuse_taken_ports(service for stage in stages for service in stage)
        with _alone(self._config), Supervisor(self._config.path("log"), self._say) as children:
            try:
                self._start(children, *stages)
                if once:
                    good = self._check(children)
                    self._say("all is well" if good else "not all is well")
                    return 0 if good else 1
                _tell(self._welcome([*stages[1], *stages[2]]))
                while True:
                    children.wait(3600)
            except KeyboardInterrupt:
                self._say("ending")
                return 1 if once else 0

    def _start(
        self, children: Supervisor, ground: list[Service], below: list[Service], above: list[Service]
    ) -> None:
        config = self._config
        self._say(
            f"a cluster of {config.nodes} nodes and {config.users} users; all files are below {config.path()}"
        )
        self._write([*below, *above])
        self._say("rules, boards and configurations are written")
        children.start(ground)
        children.start(below)
        self._say(f"{children.count} programs run: the simulator, the exporters and Alertmanager")
        self._make_history(children)
        children.start(above)
        if config.grafana_url:
            grafana.provision(config)
        if self._has_grafana:
            grafana.add_users(config, [user.name for user in self._cluster.users])
        self._say(f"everything runs, {', '.join(service.name for service in above)} too")

    def _write(self, scraped: Sequence[Service]) -> None:
        config = self._config
        with suppress(FileNotFoundError):
            os.unlink(simulator.written(config))
        write_commands(self._cluster, config.path("bin"))
        self._command(
            programs.RULES,
            f"--out={config.path('rules')}",
            f"--scrape-interval={SCRAPE_INTERVAL}s",
            f"--job.min-age={GRACE}s",
            f"--job.window={WINDOW}s",
            f"--grafana-url={grafana.shown_address(config)}",
        )
        shutil.rmtree(config.path("boards"), ignore_errors=True)
        self._command(
            programs.DASHBOARDS,
            f"--out={config.path('boards')}",
            f"--grafana.boards-path={config.path('boards')}",
            f"--grafana.datasource-url={gateway.address(config)}",
            f"--grafana.scrape-interval={SCRAPE_INTERVAL}s",
        )
        alertmanager.write(config)
        gateway.write(config, self._cluster.users)
        prometheus.write(config, [service.target for service in scraped if service.target])
        self._command(programs.PROMTOOL, "check", "config", config.path("prometheus", "prometheus.yml"))

    def _command(self, program: programs.Program, *flags: str) -> None:
        process.run([program.path, *flags], timeout=_TIMEOUT, max_bytes=_OUTPUT)

    def _make_history(self, children: Supervisor) -> None:
        importer = Importer(self._config, self._write_raw)
        start, end = importer.missing(time.time())
        length = max(0, end - start)
        kept = ", the rest is there from before" if length < self._config.history_seconds else ""
        self._say(f"history: {_shown(length)} to be made{kept}")
        if length:
            importer.make((start, end), children, lambda text: self._say(f"history: {text}"))

    def _write_raw(self, directory: str, start: int, end: int, step: int) -> Iterator[str]:
        return write_history(self._cluster, directory, start, end, step)

    def _check(self, children: Supervisor) -> bool:
        self._say("checking: this takes two scrapes and two turns of the rules")
        return Check(self._config, self._cluster, children, with_grafana=self._has_grafana).run(self._say)

    @property
    def _has_grafana(self) -> bool:
        return bool(self._config.grafana_url or programs.GRAFANA.find())

    def _say(self, text: str) -> None:
        _tell(f"[{time.monotonic() - self._begin:5.1f} s] {text}")

    def _welcome(self, all_services: Sequence[Service]) -> str:
        pages = [
            (f"http://127.0.0.1:{service.ports[0]}/", service.page)
            for service in all_services
            if service.page
        ]
        if self._config.grafana_url:
            pages.insert(
                -1, (grafana.shown_address(self._config), "Grafana: the boards")
            )  # the viewer's is last
        lines = ["", "Open", *(f"  {url:26} {page}" for url, page in reversed(pages))]
        leaders = ", ".join(f"{user} (leads {account})" for account, user in LEADERS.items())
        lines += ["Be there", f"  alice, a user; {leaders}; {', '.join(STAFF)}, of the staff"]
        if self._has_grafana:
            lines.append(f"  or admin, in Grafana, where the password of all is {grafana.PASSWORD!r}")
        if self._config.grafana_url:
            lines.append(
                "  which tells the gateway who asks where it has [dataproxy] send_user_header = true"
            )
        lines += ["Look for", *self._sights(), "", "Ctrl-C ends it all."]
        return "\n".join(lines)

    def _sights(self) -> Iterator[str]:
        """Yield one running job of each kind that wastes something."""
        shown = set()
        for job in self._cluster.running(time.time()):
            habit = job.template.habit
            if habit.wastes and habit.name not in shown:
                shown.add(habit.name)
                yield f"  {job.user.name}'s job {job.id}: {habit.about}"


@contextmanager
def _alone(config: DemoConfig) -> Iterator[None]:
    """Hold the demo's folder, so that no second demo writes there."""
    os.makedirs(config.path(), exist_ok=True)
    with open(config.path("lock"), "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"another demo uses {config.path()}: end it, or choose another --dir"
            ) from error
        yield


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the terminal is where the demo shows its progress


def _shown(seconds: int) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds // 60} min"
