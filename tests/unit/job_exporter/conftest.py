"""A made-up node, and the exporter on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.job_exporter import JobExporter
from tests.support.node_tree import NodeTree


@pytest.fixture
def node(tmp_path: Path) -> NodeTree:
    tree = NodeTree(tmp_path / "node")
    tree.user("alice", 5001)
    tree.user("bob", 5002)
    return tree


@pytest.fixture
def start(node: NodeTree) -> Iterator[Callable[..., JobExporter]]:
    """Start exporters of the node with any settings."""
    started: list[JobExporter] = []

    def start(**settings: Any) -> JobExporter:
        started.append(JobExporter(node, **settings))
        return started[-1]

    yield start
    for exporter in started:
        exporter.close()
