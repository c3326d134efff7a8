"""Grafana with our data source, boards and the simulated users: one that the demo starts, or one that runs already."""

from __future__ import annotations

import functools
import glob
import json
import os
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from jobgauge.errors import ConfigError
from jobgauge_demo import gateway, programs
from jobgauge_demo.api import HttpError, answers, fetch_json
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.supervisor import Service

PASSWORD = "demo"  # noqa: S105 - of every simulated user, on loopback


def services(config: DemoConfig) -> list[Service]:
    """Describe the Grafana that the demo starts; none where one that runs already is to be used."""
    if config.grafana_url:
        return []
    program, port = programs.GRAFANA.path, config.ports.grafana
    server = ["server"] if os.path.basename(program) == "grafana" else []
    settings = {
        "SERVER_HTTP_ADDR": "127.0.0.1",
        "SERVER_HTTP_PORT": str(port),
        "PATHS_DATA": config.path("grafana"),
        "PATHS_LOGS": config.path("grafana", "log"),
        "PATHS_PLUGINS": config.path("grafana", "plugins"),
        "PATHS_PROVISIONING": config.path("boards", "provisioning"),
        "SECURITY_ADMIN_PASSWORD": PASSWORD,
        "USERS_ALLOW_SIGN_UP": "false",
        "DATAPROXY_SEND_USER_HEADER": "true",  # by which the gateway knows who asks
        "ANALYTICS_REPORTING_ENABLED": "false",
        "ANALYTICS_CHECK_FOR_UPDATES": "false",
        "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "LOG_MODE": "console",
    }
    ready = functools.partial(answers, f"http://127.0.0.1:{port}/api/health")
    environment = {f"GF_{name}": value for name, value in settings.items()}
    environment["JOBGAUGE_CHANNEL_SECRET"] = gateway.secret()
    argv = [program, *server, "--homepath", _home(program)]
    return [Service("grafana", argv, (port,), ready, environment, page="Grafana: the boards")]


def _home(program: str) -> str:
    """Return the folder with Grafana's own files: of its package, or around the program where it was unpacked."""
    places = ("/usr/share/grafana", os.path.dirname(os.path.dirname(os.path.realpath(program))))
    for place in places:
        if os.path.exists(os.path.join(place, "conf", "defaults.ini")):
            return place
    raise ConfigError(f"Grafana's files are neither in {' nor in '.join(places)}: install {program} again")


def address(config: DemoConfig) -> str:
    """Return the URL of Grafana with the administrator's name and password."""
    return config.grafana_url.rstrip("/") or f"http://admin:{PASSWORD}@127.0.0.1:{config.ports.grafana}"


def shown_address(config: DemoConfig) -> str:
    """Return the URL of Grafana as people write it."""
    parts = urllib.parse.urlsplit(address(config))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def board_files(config: DemoConfig) -> list[str]:
    """Return the files of the boards that jobgauge-dashboards wrote."""
    return sorted(glob.glob(os.path.join(glob.escape(config.path("boards")), "*", "jobgauge-*.json")))


def board_uids(config: DemoConfig) -> list[str]:
    """Return the names of these boards in URLs."""
    return [os.path.basename(path).removesuffix(".json") for path in board_files(config)]


def add_users(config: DemoConfig, logins: Sequence[str]) -> None:
    """Let the simulated people log in."""
    for login in logins:
        user = {"login": login, "name": login, "password": PASSWORD}
        _post_new(f"{address(config)}/api/admin/users", user)


def provision(config: DemoConfig) -> None:
    """Put the data source and the boards into a Grafana that runs already, from the files that one of ours would read."""
    url = address(config)
    source = _provisioning(config, "datasources")["datasources"][0]
    # Only the files' reader knows our environment.
    source["secureJsonData"] = {"httpHeaderValue1": gateway.secret()}
    if not _post_new(f"{url}/api/datasources", source):
        fetch_json(f"{url}/api/datasources/uid/{source['uid']}", body=source, method="PUT")
    for provider in _provisioning(config, "dashboards")["providers"]:
        folder = {"uid": provider["folderUid"], "title": provider["folder"]}
        _post_new(f"{url}/api/folders", folder)
        for board in _boards(provider["options"]["path"]):
            body = {"dashboard": board, "folderUid": folder["uid"], "overwrite": True}
            fetch_json(f"{url}/api/dashboards/db", body=body)


def missing_boards(config: DemoConfig) -> list[str]:
    """Return the uids of the boards that Grafana does not have."""
    return [
        uid
        for uid in board_uids(config)
        if not answers(f"{address(config)}/api/dashboards/uid/{urllib.parse.quote(uid)}")
    ]


def _post_new(url: str, body: dict[str, Any]) -> bool:
    """Make something; tell whether it was new."""
    try:
        fetch_json(url, body=body)
    except HttpError as error:
        if error.status in (409, 412):  # it is there already
            return False
        raise
    return True


def _boards(folder: str) -> Iterator[dict[str, Any]]:
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.json"))):
        with open(path, encoding="utf-8") as file:
            yield json.load(file)


def _provisioning(config: DemoConfig, kind: str) -> dict[str, Any]:
    with open(config.path("boards", "provisioning", kind, "jobgauge.yaml"), encoding="utf-8") as file:
        found: dict[str, Any] = yaml.safe_load(file)
    return found
