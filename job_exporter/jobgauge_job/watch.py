"""A thread that looks at the jobs between scrapes, so that one that is over before the next scrape is not missed."""

from __future__ import annotations

import logging
import threading

from jobgauge.errors import JobgaugeError
from jobgauge_job.jobs import JobTable

log = logging.getLogger(__name__)


class Watch:
    """Calls the table's watch() again and again until close()."""

    def __init__(self, table: JobTable, interval: float) -> None:
        self._table = table
        self._interval = interval
        self._end = threading.Event()
        threading.Thread(target=self._work, name="watch", daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        self._end.set()

    def _work(self) -> None:
        while not self._end.wait(self._interval):
            try:
                self._table.watch()
            except JobgaugeError as error:
                log.debug("jobs can't be watched: %s", error)  # the next scrape says it aloud
