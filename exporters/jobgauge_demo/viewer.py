"""The viewer in front of the gateway: the boards in a browser, as one of the simulated people."""

from __future__ import annotations

import functools

from jobgauge_demo import gateway, grafana, programs
from jobgauge_demo.api import Visitor, answers
from jobgauge_demo.people import LEADERS, STAFF
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.supervisor import Service

_PEOPLE = ("alice", "bob", *LEADERS.values(), *STAFF)  # whom one can be


def services(config: DemoConfig) -> list[Service]:
    """Describe the viewer."""
    address = f"127.0.0.1:{config.ports.viewer}"
    argv = [
        programs.VIEW.path,
        f"--web.listen-address={address}",
        f"--gateway={gateway.address(config)}",
        f"--channel.secret-file={gateway.secret_file(config)}",
        f"--boards={config.path('boards')}",
        *(f"--demo-users={login}" for login in _PEOPLE),
    ]
    ready = functools.partial(answers, f"http://{address}/-/healthy")
    return [Service("viewer", argv, (config.ports.viewer,), ready, page="the boards, as whom you choose")]


def missing_boards(config: DemoConfig) -> list[str]:
    """Return the uids of the boards that a member of the staff does not find there."""
    visitor = Visitor(f"http://127.0.0.1:{config.ports.viewer}")
    visitor.fetch_json("/api/session", body={"login": STAFF[0]})
    shown = {board["uid"] for board in visitor.fetch_json("/api/boards")}
    return sorted(set(grafana.board_uids(config)) - shown)
