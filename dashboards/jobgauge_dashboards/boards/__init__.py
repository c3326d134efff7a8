"""The boards. To add one: a file here with `build(settings)`, and one line in the table."""

from __future__ import annotations

from collections.abc import Callable

from jobgauge_dashboards.board import Board
from jobgauge_dashboards.boards import (
    account,
    array,
    cluster_overview,
    compare,
    filesystems,
    gpus,
    inefficient,
    job,
    login,
    my_jobs,
    nodes,
    pending,
    queue,
    scheduler,
    suite,
    top,
    usage,
)
from jobgauge_dashboards.settings import Settings

BOARDS: tuple[Callable[[Settings], Board], ...] = (
    my_jobs.build,
    job.build,
    pending.build,
    array.build,
    compare.build,
    account.build,
    inefficient.build,
    top.build,
    filesystems.build,
    login.build,
    gpus.build,
    nodes.build,
    cluster_overview.build,
    queue.build,
    scheduler.build,
    suite.build,
    usage.build,
)
