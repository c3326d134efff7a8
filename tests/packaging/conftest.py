"""What the tests of the packages share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it is now, without what is not packed."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "tests", "bench")
    return shutil.copytree(
        Path(__file__).parents[2], tmp_path_factory.mktemp("snapshot") / "checkout", ignore=left_out
    )
