"""A thread that looks at the jobs between scrapes, so that one that is over before the next scrape is not missed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from jobgauge.errors import JobgaugeError
from jobgauge_job.jobs import JobTable

log = logging.getLogger(__name__)


class Watch:
    """Calls the table's watch() again and again until close(), and some others when a job has come or gone."""

    def __init__(self, table: JobTable, interval: float, changed: Sequence[Callable[[], object]]) -> None:
        self._table = table
        self._interval = interval
        self._changed = changed
        self._end = threading.Event()
        threading.Thread(target=self._work, name="watch", daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        self._end.set()

    def _work(self) -> None:
        presence = None
        while not self._end.wait(self._interval):
            self._try(self._table.watch)
            if presence is not self._table.presence:
                presence = self._table.presence
                for tell in self._changed:
                    self._try(tell)

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except JobgaugeError as error:
            log.debug("between scrapes: %s", error)  # the next scrape says it aloud
        except Exception:  # the watch goes on whatever a collector does
            log.exception("between scrapes")
