"""The child that keeps the nodes' files moving: each few seconds, it writes what they show at that time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from jobgauge.config import Loader
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.settings import DemoConfig
from jobgauge_demo.trees import Trees

_INTERVAL = 5.0  # seconds between two states of the nodes


def written(config: DemoConfig) -> str:
    """Return the path of the file that says that all nodes have been written at least once."""
    return config.path("nodes", "written")


def main() -> None:
    """Write the state of now, again and again, until ended."""
    arguments = sys.argv[1:]
    loader = Loader(DemoConfig, program="simulator", about=__doc__ or "", argv=arguments, environment={})
    config = loader.load()
    trees = Trees(Cluster(config.seed, config.nodes, config.users), config.path("nodes"))
    while True:
        now = time.time()
        trees.update(now)
        Path(written(config)).touch()
        time.sleep(_INTERVAL - (time.time() - now) % _INTERVAL)


if __name__ == "__main__":
    main()
