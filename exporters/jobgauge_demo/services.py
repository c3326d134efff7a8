"""The demo's programs, one short description each. To add one: write its function and put a Part in a table below."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jobgauge.errors import ConfigError
from jobgauge_demo import alertmanager, gateway, grafana, programs, prometheus, simulator, viewer
from jobgauge_demo.api import answers
from jobgauge_demo.history import HEAD, JOB_EXPORTERS, SCHEDULER_EXPORTER
from jobgauge_demo.placing import LOGIN_NODES, Node, make_nodes
from jobgauge_demo.programs import Program
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.supervisor import Service, Target


@dataclass(frozen=True)
class Part:
    """One program of the demo, and the children that it becomes."""

    program: Program
    services: Callable[[DemoConfig], list[Service]]
    without: str = ""  # what is told where it is not installed and left out; empty: it must be there


def _simulator(config: DemoConfig) -> list[Service]:
    argv = [programs.PYTHON.path, "-m", "jobgauge_demo.simulator", f"--dir={config.path()}"]
    flags = [f"--nodes={config.nodes}", f"--users={config.users}", f"--seed={config.seed}"]
    ready = functools.partial(os.path.exists, simulator.written(config))
    return [Service("simulator", [*argv, *flags], ready=ready)]


def _job_exporters(config: DemoConfig) -> list[Service]:
    machines = [*make_nodes(config.nodes), *LOGIN_NODES]
    return [_job_exporter(config, index, node) for index, node in enumerate(machines)]


def _job_exporter(config: DemoConfig, index: int, node: Node) -> Service:
    root = config.path("nodes", node.name)
    flags = [
        f"--path.cgroupfs={root}/cgroup",
        f"--path.procfs={root}/proc",
        f"--path.sysfs={root}/sys",
        f"--path.job-facts={root}/job-facts",
        f"--path.gpus={root}/gpu",
        f"--path.passwd={config.path('nodes', 'passwd')}",
        "--collector.energy",
        f"--layout={'user-slices' if node in LOGIN_NODES else 'auto'}",
    ]
    target = Target(JOB_EXPORTERS, node.name, config.ports.node(index))
    page = "the job exporter of the first node" if index == 0 else ""
    return _exporter(f"job-exporter-{node.name}", programs.JOB_EXPORTER, flags, target, page)


def _scheduler_exporter(config: DemoConfig) -> list[Service]:
    target = Target(SCHEDULER_EXPORTER, HEAD, config.ports.scheduler)
    flags = [f"--slurm.bin-dir={config.path('bin')}"]
    return [
        _exporter("scheduler-exporter", programs.SCHEDULER_EXPORTER, flags, target, "the scheduler exporter")
    ]


def _exporter(name: str, program: Program, flags: Sequence[str], target: Target, page: str) -> Service:
    address = f"127.0.0.1:{target.port}"
    argv = [program.path, f"--web.listen-address={address}", *flags]
    ready = functools.partial(answers, f"http://{address}/-/healthy")
    return Service(name, argv, (target.port,), ready, target=target, page=page)


# What stands in for the machines.
GROUND = (Part(programs.PYTHON, _simulator),)
# What Prometheus asks, and where it sends alerts.
BELOW = (
    Part(programs.JOB_EXPORTER, _job_exporters),
    Part(programs.SCHEDULER_EXPORTER, _scheduler_exporter),
    Part(programs.ALERTMANAGER, alertmanager.services),
)
# Prometheus and what asks it: started once the history is in place.
ABOVE = (
    Part(programs.PROMETHEUS, prometheus.services),
    Part(programs.GATEWAY, gateway.services),
    Part(
        programs.GRAFANA,
        grafana.services,
        "Grafana is not installed: the viewer shows the boards",
    ),
    Part(programs.VIEW, viewer.services),  # last, and so told first
)


def describe(parts: Iterable[Part], config: DemoConfig, say: Callable[[str], None]) -> list[Service]:
    """Describe all children of these parts; say what is left out."""
    found = []
    for part in parts:
        if part.without and not part.program.find():
            say(part.without)
        else:
            found += part.services(config)
    return found


def refuse_taken_ports(services: Iterable[Service]) -> None:
    """Try every port on loopback; raise ConfigError that names those which others hold."""
    wanted = sorted((port, service.name) for service in services for port in service.ports)
    taken = [f"port {port} is taken, {name} needs it" for port, name in wanted if not _is_free(port)]
    if taken:
        shown = "; ".join(taken[:5]) + (f"; and {len(taken) - 5} more" if len(taken) > 5 else "")
        raise ConfigError(f"{shown}. Choose other ports with --port-base, or end what holds them")


def _is_free(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just given back counts as free
        try:
            attempt.bind(("127.0.0.1", port))
            attempt.listen()
        except OSError:
            return False
    return True
