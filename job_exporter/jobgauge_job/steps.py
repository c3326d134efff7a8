"""The steps of a job: cgroups that Slurm makes below the job's, `step_batch`, `step_0`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from jobgauge_job.jobs import Job
from jobgauge_job.sources.cgroup import Keyed, NanoSeconds, Number, Parser
from jobgauge_job.sources.files import ABSENT, KeptFile

_MOST = 32  # steps of a job that are shown
_SHARE = 0.8  # of the descriptors
_STEP = re.compile(r"step_([A-Za-z0-9]{1,20})")
# What is read of a step, by version of cgroups: CPU time (microseconds), memory, and its peak.
FILES: Mapping[int, tuple[tuple[str, Parser], ...]] = {
    2: (("cpu.stat", Keyed("usage_usec")), ("memory.current", Number()), ("memory.peak", Number())),
    1: (
        ("cpuacct.usage", NanoSeconds()),
        ("memory.usage_in_bytes", Number()),
        ("memory.max_usage_in_bytes", Number()),
    ),
}


class JobSteps:
    """Reads the steps of one job through files that stay open."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._steps: dict[str, dict[str, KeptFile]] = {}  # by the directory's name, open files
        self.dropped = 0  # series of steps beyond those that are shown, so far
        self.unreadable = 0

    def read(self) -> Iterator[tuple[str, list[bytes | None]]]:
        """Yield each step and its values, in the order of FILES; of a job that has ended what they were last."""
        self._look()
        for name, files in self._steps.items():
            yield (
                name.removeprefix("step_"),
                [self._value(name, files, *file) for file in FILES[self._job.version]],
            )

    def _look(self) -> None:
        try:
            listed = os.listdir(os.path.dirname(self._job.path("cgroup.procs")))
        except OSError:
            return  # the job has ended
        names = sorted(filter(_STEP.fullmatch, listed), key=lambda name: (name not in self._steps, name))
        self._steps = {name: self._steps.get(name, {}) for name in names[:_MOST]}
        self.dropped += len(names[_MOST:]) * len(FILES[self._job.version])

    def _value(self, name: str, files: dict[str, KeptFile], file: str, parse: Parser) -> bytes | None:
        try:
            kept = files.get(file)
            if kept is None:
                folder, base = os.path.split(self._job.path(file))
                kept = files[file] = KeptFile(f"{folder}/{name}/{base}", _SHARE)
            kept.text = kept.read()
        except OSError as error:
            self.unreadable += error.errno not in ABSENT
        text = files[file].text if file in files else b""
        (value,) = parse(text)
        if value and not value.isdigit():
            self.unreadable += 1
            return None
        return value or None
