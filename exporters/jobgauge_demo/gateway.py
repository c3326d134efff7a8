"""The gateway between Grafana and Prometheus, with the simulated people: each sees their own jobs."""

from __future__ import annotations

import functools
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import yaml

from jobgauge_demo import programs
from jobgauge_demo.api import answers
from jobgauge_demo.history import HEAD
from jobgauge_demo.people import LEADERS, STAFF, User
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.supervisor import Service, Target

_ADMINISTRATOR = "admin"  # Grafana's own


def services(config: DemoConfig) -> list[Service]:
    """Describe the gateway."""
    query, metrics = config.ports.gateway, config.ports.gateway_metrics
    argv = [
        programs.GATEWAY.path,
        f"--config.file={config.path('gateway', 'gateway.yml')}",
        f"--web.listen-address=127.0.0.1:{query}",
        f"--web.telemetry-address=127.0.0.1:{metrics}",
    ]
    ready = functools.partial(answers, f"http://127.0.0.1:{metrics}/-/healthy")
    return [
        Service("gateway", argv, (query, metrics), ready, target=Target("jobgauge-gateway", HEAD, metrics))
    ]


@functools.cache
def secret() -> str:
    """Return what Grafana and the gateway know in this run, and nobody else."""
    return secrets.token_hex(32)


def address(config: DemoConfig) -> str:
    """Return the URL of the scoped query API."""
    return f"http://127.0.0.1:{config.ports.gateway}"


def secret_file(config: DemoConfig) -> str:
    """Return the path of the file that holds the secret."""
    return config.path("gateway", "channel")


def write(config: DemoConfig, users: Iterable[User]) -> None:
    """Write the configuration, the people and the secret."""
    os.makedirs(config.path("gateway"), exist_ok=True)
    channel, people = secret_file(config), config.path("gateway", "people.yml")
    with open(channel, "w", encoding="ascii", opener=_private) as file:
        file.write(secret())
    settings = {
        "upstream": {"url": f"http://127.0.0.1:{config.ports.prometheus}"},
        "identity": {"method": ["grafana-user"], "known-users": "people"},
        "channel": {"secret-file": channel},
        "people": {"file": people},
        "audit": {"file": config.path("gateway", "audit.log")},
    }
    administrator = unquote(urlsplit(config.grafana_url).username or _ADMINISTRATOR)
    known = _people(users, administrator)
    for path, content in ((config.path("gateway", "gateway.yml"), settings), (people, known)):
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(content, file, sort_keys=False)


def _people(users: Iterable[User], administrator: str) -> dict[str, object]:
    members: defaultdict[str, list[str]] = defaultdict(list)
    for user in users:
        for account in user.accounts:
            members[account].append(user.name)
    leaders = {account: [login] for account, login in LEADERS.items()}
    return {"staff": [*STAFF, administrator], "leaders": leaders, "members": dict(members)}


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
