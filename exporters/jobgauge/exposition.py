"""The page: samples in one of the two text formats of Prometheus, chosen by the client's Accept header."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from jobgauge.samples import Samples

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@lru_cache(maxsize=64)
def negotiate(accept: str) -> str:
    """Return the content type to answer with: OpenMetrics where the client ranks it at least as high as text."""
    ranks = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for item in accept.split(","):
        media, *parameters = (part.strip().lower() for part in item.split(";"))
        # A form that we do not write (text 1.0.0 with other escaping, OpenMetrics 2) is not what is asked for.
        version = next((p[8:] for p in parameters if p.startswith("version=")), "")
        if media in ranks and version in ("", "0.0.4", "0.0.1", "1.0.0"):
            ranks[media] = max(ranks[media], _quality(parameters))
    best = ranks["application/openmetrics-text"]
    return OPENMETRICS if best > 0 and best >= ranks["text/plain"] else TEXT


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def render(page: Iterable[Samples], content_type: str = TEXT) -> bytes:
    """Write a page; a family without series is left out."""
    parts = []
    for samples in page:
        if samples.count:
            family = samples.family
            parts.append(family.openmetrics_header if content_type is OPENMETRICS else family.header)
            parts.append(samples.body)
    if content_type is OPENMETRICS:
        parts.append(b"# EOF\n")
    return b"".join(parts)
