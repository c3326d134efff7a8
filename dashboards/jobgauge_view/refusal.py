"""What a browser is told where it gets nothing: a sentence, in the form of Prometheus' own errors."""

from __future__ import annotations

from aiohttp import web

from jobgauge.errors import JobgaugeError


class Refusal(JobgaugeError):  # noqa: N818 - it is an answer, and often no fault
    """A request is answered with this status and sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status

    @property
    def answer(self) -> web.Response:
        """The answer's JSON."""
        return web.json_response({"status": "error", "error": str(self)}, status=self.status)
