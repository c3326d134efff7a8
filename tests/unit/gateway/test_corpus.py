"""Prometheus' own tests of its language: what it reads, the gateway reads, and for staff it means the same afterwards."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from jobgauge_gateway.policy import Published
from jobgauge_gateway.promql.refusal import Refused
from jobgauge_gateway.rewriter import Rewriter
from tests.support.prometheus import Prometheus
from tests.support.servers import BUILD, PROMETHEUS_3
from tests.unit.gateway.world import ALICE, STAFF

pytestmark = pytest.mark.system
FOLDER = BUILD / "promql-corpus"
FEATURES = "promql-experimental-functions,promql-duration-expr,promql-per-step-stats,type-and-unit-labels"
_EVAL = re.compile(
    r"^eval(?:_\w+)?\s+(?:instant(?:\s+at\s+\S+)?|range\s+from\s+\S+\s+to\s+\S+\s+step\s+\S+)\s+(\S.*)$",
    re.MULTILINE,
)

REWRITER = Rewriter(Published())


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Run a Prometheus 3 with every feature of its language."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("global: {}\n")
    command = [
        PROMETHEUS_3 / "prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder}",
        "--web.listen-address=127.0.0.1:0", f"--enable-feature={FEATURES}",
    ]  # fmt: skip
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            deadline, found = time.monotonic() + 60, None
            while not found and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.05)
                text = (folder / "log").read_text()
                found = (
                    re.search(r'"?Listening on"?.*?address=([^\s:]+):(\d+)', text)
                    if "is ready" in text
                    else None
                )
            assert found, (folder / "log").read_text()
            with closing(Prometheus(found[1], int(found[2]))) as server:
                yield server
        finally:
            process.terminate()
            process.wait(timeout=60)


def expressions() -> list[str]:
    files = sorted(FOLDER.glob("*.test"))
    assert len(files) > 10, f"{FOLDER} is not there: make build/promql-corpus"
    return sorted(
        {text.strip() for file in files for text in _EVAL.findall(file.read_text(encoding="utf-8"))}
    )


@pytest.fixture(scope="module")
def read(prometheus: Prometheus) -> dict[str, Any]:
    """Return what Prometheus makes of each expression that it reads."""
    return {text: meaning for text in expressions() if (meaning := _meaning(prometheus, text)) is not None}


def _meaning(prometheus: Prometheus, text: str) -> Any:
    body = prometheus.ask("parse_query", query=text)
    return _plain(body["data"]) if body["status"] == "success" else None


def _plain(node: Any) -> Any:
    """Take out of a tree what only tells how a selector was written."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(value) for key, value in node.items()}
    if "matchers" in node:
        plain.pop("name", None)
        plain["matchers"] = sorted(plain["matchers"], key=repr)
    return plain


def test_nearly_all_that_prometheus_reads_is_accepted_and_means_the_same_to_staff(
    prometheus: Prometheus, read: dict[str, Any]
) -> None:
    assert len(read) > 800
    refused, changed = [], []
    for text, meaning in read.items():
        try:
            sent = REWRITER.rewrite(text, STAFF)
        except Refused as refusal:
            refused.append((text, str(refusal)))
            continue
        if _meaning(prometheus, sent) != meaning:
            changed.append((text, sent))
    assert changed == []
    assert len(refused) <= 0.02 * len(read), refused


def test_for_others_every_selector_carries_their_name(prometheus: Prometheus, read: dict[str, Any]) -> None:
    accepted = 0
    for text in read:
        try:
            sent = REWRITER.rewrite(text, ALICE)
        except Refused:
            continue
        accepted += 1
        for selector in _selectors(prometheus.ask("parse_query", query=sent)["data"]):
            assert {"name": "user", "type": "=", "value": "alice"} in selector, sent
    assert accepted > 0.9 * len(read)


def _selectors(node: Any) -> Iterator[list[dict[str, str]]]:
    if isinstance(node, dict):
        if "matchers" in node:
            yield node["matchers"]
        node = list(node.values())
    if isinstance(node, list):
        for one in node:
            yield from _selectors(one)
