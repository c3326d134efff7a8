"""A real kube-apiserver over a real etcd, on loopback ports of their own, gone when the test ends."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
API_SERVER = ROOT / "build/kube-apiserver"  # both made by `make system`
OPERATOR_OBJECTS = ROOT / "build/operator-crds"
_START_SECONDS = 120.0  # only ever waited for in full when the machine cannot start a program
_TOKEN = "of-the-tests"


@dataclass(frozen=True)
class Applied:
    """What the server says of an object: its status, itself or why not, and its warnings."""

    status: int
    answer: dict[str, Any]
    warnings: list[str]


class Kubernetes:
    """The API of a running server."""

    def __init__(self, port: int) -> None:
        unverified = ssl.create_default_context()  # the server signs for itself, on loopback
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        self._connection = HTTPSConnection("127.0.0.1", port, timeout=60, context=unverified)
        self._resources: dict[tuple[str, str], dict[str, Any]] = {}

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Applied:
        headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._connection.getresponse()
        answer = response.read()
        warnings = [value.split('"', 1)[1].rstrip('"') for value in response.msg.get_all("Warning", [])]
        is_json = "json" in response.headers.get("Content-Type", "")
        return Applied(
            response.status, json.loads(answer) if is_json else {"text": answer.decode()}, warnings
        )

    def apply(self, manifest: dict[str, Any], namespace: str, dry_run: bool = False) -> Applied:
        """Apply on the server's side, as `kubectl apply --server-side --validate=strict` does."""
        resource = self._resource(manifest["apiVersion"], manifest["kind"])
        version = manifest["apiVersion"]
        place = manifest["metadata"].get("namespace", namespace)
        path = "".join(
            [
                f"/apis/{version}" if "/" in version else f"/api/{version}",
                f"/namespaces/{place}" if resource["namespaced"] else "",
                f"/{resource['name']}/{manifest['metadata']['name']}",
                "?fieldManager=tests&fieldValidation=Strict",
                "&dryRun=All" if dry_run else "",
            ]
        )
        return self.ask("PATCH", path, manifest, Content_Type="application/apply-patch+yaml")

    def namespace(self, name: str, **labels: str) -> None:
        metadata = {"name": name, "labels": labels}
        made = self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, name)
        assert made.status in (200, 201), made.answer

    def _resource(self, version: str, kind: str) -> dict[str, Any]:
        if (version, kind) not in self._resources:
            found = self.ask("GET", f"/apis/{version}" if "/" in version else f"/api/{version}").answer
            for each in found.get("resources", []):
                if "/" not in each["name"]:
                    self._resources[version, each["kind"]] = each
        return self._resources[version, kind]

    def close(self) -> None:
        self._connection.close()


@contextmanager
def running_kubernetes(folder: Path) -> Iterator[Kubernetes]:
    """Run etcd and the API server, with the Prometheus operator's kinds of objects, as long as the context lasts."""
    client, peer, port = _free_ports(3)
    etcd = [
        "etcd", "--data-dir", folder / "etcd",
        "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
        "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
        "--initial-cluster", f"default=http://127.0.0.1:{peer}",
    ]  # fmt: skip
    key = folder / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], capture_output=True, check=True)
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{_TOKEN},admin,1,system:masters\n")
    server = [
        API_SERVER, "--etcd-servers", f"http://127.0.0.1:{client}", "--bind-address", "127.0.0.1", "--secure-port", str(port),
        "--advertise-address", "127.0.0.1", "--cert-dir", folder / "certificates", "--token-auth-file", tokens,
        "--service-account-issuer", "https://tests", "--service-account-key-file", key,
        "--service-account-signing-key-file", key, "--service-cluster-ip-range", "10.0.0.0/24",
        "--disable-admission-plugins", "ServiceAccount",  # no controller is here to make the default account
    ]  # fmt: skip
    with ExitStack() as stack:
        started = [
            stack.enter_context(_running(etcd, folder / "etcd.log")),
            stack.enter_context(_running(server, folder / "server.log")),
        ]
        kubernetes = Kubernetes(port)
        stack.callback(kubernetes.close)
        _wait_until_ready(kubernetes, started, folder)
        _know_the_operators_kinds(kubernetes)
        yield kubernetes


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def _running(command: list[Any], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait_until_ready(kubernetes: Kubernetes, started: list[subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and all(process.poll() is None for process in started):
        try:
            if kubernetes.ask("GET", "/readyz").status == 200:
                return
        except (OSError, HTTPException):
            kubernetes.close()
        time.sleep(0.2)
    logs = "\n".join((folder / name).read_text()[-3000:] for name in ("etcd.log", "server.log"))
    raise AssertionError(f"Kubernetes does not start:\n{logs}")


def _know_the_operators_kinds(kubernetes: Kubernetes) -> None:
    """Teach the server the operator's kinds, and wait until it serves them."""
    for file in sorted(OPERATOR_OBJECTS.glob("*.json")):
        definition = json.loads(file.read_text())
        made = kubernetes.apply(definition, "default")
        assert made.status in (200, 201), made.answer
        group, (version, *_) = definition["spec"]["group"], definition["spec"]["versions"]
        path = f"/apis/{group}/{version['name']}/{definition['spec']['names']['plural']}"
        deadline = time.monotonic() + _START_SECONDS
        while kubernetes.ask("GET", path).status != 200:
            assert time.monotonic() < deadline, path
            time.sleep(0.2)
