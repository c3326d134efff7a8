"""The boards. To add one: a file here with `build(settings)`, and one line in the table."""

from __future__ import annotations

from collections.abc import Callable

from jobgauge_dashboards.board import Board
from jobgauge_dashboards.boards import cluster_overview, job, my_jobs, suite
from jobgauge_dashboards.settings import Settings

BOARDS: tuple[Callable[[Settings], Board], ...] = (
    cluster_overview.build,
    my_jobs.build,
    job.build,
    suite.build,
)
