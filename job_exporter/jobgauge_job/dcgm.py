"""Files that tell dcgm-exporter which jobs are on each GPU: it puts the ids into the label hpc_job of its own series."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence

from jobgauge_job.jobs import Job
from jobgauge_job.sources.files import names, read
from jobgauge_job.sources.gpu import Gpu

log = logging.getLogger(__name__)

_FILE = re.compile(r"[0-9]+(\.[0-9]+)?")


class JobMapping:
    """A folder with a file for each GPU, named by its number, or its number and that of an instance; each line is a job.

    A file without a line says that nobody has the GPU. Files are emptied, not removed: dcgm-exporter lists them first and
    reads them then, and shows nothing at all where one has gone meanwhile.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._complaint = ""
        self.clear()

    def clear(self) -> None:
        """Say that nobody has any GPU."""
        self._write({})

    def update(self, gpus: Sequence[Gpu], owners: Mapping[str, Sequence[Job]]) -> None:
        """Say who has the GPUs, where it has changed."""
        self._write(
            {
                name: "".join(f"{jobid}\n" for jobid in sorted(job.labels[0] for job in owners[gpu.uuid]))
                for gpu in gpus
                if (name := _name(gpu))
            }
        )

    def _write(self, texts: Mapping[str, str]) -> None:
        complaint = ""
        for name in sorted({*filter(_FILE.fullmatch, names(self._folder)), *texts}):
            try:
                self._put(name, texts.get(name, "").encode())
            except OSError as error:
                complaint = f"{error.filename}: {error.strerror}"
        if complaint and complaint != self._complaint:
            log.warning("dcgm-exporter is not told whose GPUs are: %s", complaint)
        self._complaint = complaint

    def _put(self, name: str, text: bytes) -> None:
        path, new = f"{self._folder}/{name}", f"{self._folder}/.{name}.new"
        try:
            if read(path) == text:
                return
        except FileNotFoundError:
            pass
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            os.fchmod(fd, 0o644)  # whatever the umask: dcgm-exporter may be another user
            os.write(fd, text)
        finally:
            os.close(fd)
        os.replace(new, path)


def _name(gpu: Gpu) -> str:
    if not gpu.mig:
        return gpu.number
    return "" if gpu.part is None else f"{gpu.number.partition('.')[0]}.{gpu.part}"
