"""Reading GPUs at an interval of its own, so that a driver that hangs holds up nothing but its own figures."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from jobgauge.errors import JobgaugeError, SourceError
from jobgauge_job.sources.gpu import Gpu, GpuSource

log = logging.getLogger(__name__)

_FIRST = 2.0  # seconds that the first scrape waits for the first answer
_MISSED = 3  # intervals after which an answer is too old to be shown


class GpuWorker:
    """Asks a source again and again; latest() never waits for the driver."""

    def __init__(self, source: GpuSource, interval: float) -> None:
        self._source = source
        self._interval = interval
        self._end = threading.Event()
        self._asked = threading.Event()
        self._answer: Sequence[Gpu] | JobgaugeError = ()
        self._at = time.monotonic()
        threading.Thread(target=self._work, name="gpus", daemon=True).start()

    def close(self) -> None:
        """End the thread, once the driver lets it."""
        self._end.set()

    def latest(self, wait: float = _FIRST) -> Sequence[Gpu]:
        """Return the last answer; raise what was raised instead of one, or SourceError where it is too old."""
        self._asked.wait(wait)
        age = time.monotonic() - self._at
        if not self._asked.is_set() or age > _MISSED * self._interval + _FIRST:
            raise SourceError(f"the GPU driver has not answered for {age:.0f} s")
        if isinstance(self._answer, JobgaugeError):
            # A new one: each raise of the same exception adds the frames of that scrape to its traceback.
            raise type(self._answer)(*self._answer.args)
        return self._answer

    def _work(self) -> None:
        while True:
            self._answer = self._ask()
            self._at = time.monotonic()
            self._asked.set()
            if self._end.wait(self._interval):
                return

    def _ask(self) -> Sequence[Gpu] | JobgaugeError:
        try:
            return self._source.read()
        except JobgaugeError as error:
            return error
        except Exception as error:
            log.exception("reading the GPUs")
            return SourceError(f"the GPUs cannot be read: {error}")
