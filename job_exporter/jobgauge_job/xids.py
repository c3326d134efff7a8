"""Which job a GPU's errors (XID) belong to: the one that held the GPU before and after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from jobgauge_job.jobs import Job
from jobgauge_job.sources.gpu import Gpu

Counts = Mapping[str, float]


class XidShare:
    """Adds up by how much a GPU's errors rose while a job held it.

    An error may be the end of its job, so what is seen after that is still the job's, as long as no other holds the GPU.
    What is seen across a change from one job to another is nobody's.
    """

    def __init__(self) -> None:
        self._last: dict[str, Counts] = {}  # by uuid
        self._holders: dict[str, Job] = {}  # the last one
        self._totals: dict[Job, dict[tuple[str, str], float]] = {}  # by GPU and XID

    def update(self, gpus: Sequence[Gpu], owners: Mapping[str, Sequence[Job]], shown: Sequence[Job]) -> None:
        """Take what the driver has told."""
        for gpu in gpus:
            now = {code: value for (name, code), value in gpu.values.items() if name == "xid"}
            before = self._holders.get(gpu.uuid)
            holders = owners[gpu.uuid]
            if before and before in shown and list(holders) in ([], [before]):
                self._add(before, gpu, now)
            elif before:
                del self._holders[gpu.uuid]
            self._last[gpu.uuid] = now
            if len(holders) == 1:
                self._holders[gpu.uuid] = holders[0]
        self._totals = {job: counts for job, counts in self._totals.items() if job in shown}

    def series(self) -> Iterator[tuple[tuple[str, ...], float]]:
        """Yield the label values and the value of each series."""
        for job, counts in self._totals.items():
            for labels, count in counts.items():
                yield (*job.labels, *labels), count

    def _add(self, job: Job, gpu: Gpu, now: Counts) -> None:
        last = self._last.get(gpu.uuid, now)
        for code, value in now.items():
            if (rise := value - last.get(code, 0)) > 0:
                counts = self._totals.setdefault(job, {})
                counts[gpu.number, code] = counts.get((gpu.number, code), 0) + rise
