"""The space of a job's scratch directories, where it is the job's alone; no file below them is looked at."""

from __future__ import annotations

import errno
import os
import string
from contextlib import ExitStack
from dataclasses import dataclass

from jobgauge_job.sources.files import read
from jobgauge_job.sources.mounts import parse_mountinfo

_FIELDS = {"jobid", "user", "uid"}
_LOOK = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC  # opens nothing that a driver or a server would hear of


@dataclass(frozen=True)
class Space:
    """Bytes of a directory that has a size of its own."""

    used: int
    size: int


@dataclass(frozen=True)
class ScratchPath:
    """Where a site's jobs have a directory each: `/scratch` and below it `{user}`, `{jobid}`."""

    name: str
    top: str  # the site's own part, which may lead through links
    below: tuple[str, ...]  # the part that users may have a hand in, from the first field on

    @classmethod
    def parse(cls, text: str) -> ScratchPath:
        """Read a setting: `local=/scratch/{user}/{jobid}`."""
        name, equals, path = text.partition("=")
        if not (name.isidentifier() and equals and path.startswith("/")):
            raise ValueError(f"{text!r} is not NAME=/path/{{jobid}}")
        fields = {field for _, field, _, _ in string.Formatter().parse(path) if field is not None}
        if not fields <= _FIELDS or "jobid" not in fields:
            raise ValueError(
                f"{path!r} must have {{jobid}}, and may have {{user}} and {{uid}}, and no other field"
            )
        parts = [part for part in path.split("/") if part]
        first = next(place for place, part in enumerate(parts) if "{" in part)
        return cls(name, "/" + "/".join(parts[:first]), tuple(parts[first:]))

    def space(self, jobid: str, user: str, uid: int | None) -> Space | None:
        """Return the space of a job's directory; None where it is part of something larger, or without a size.

        Raise OSError where it is not there (ENOENT), or is not to be believed: behind a link, or somebody else's.
        """
        fields = {"jobid": jobid, "user": user, "uid": "" if uid is None else str(uid)}
        try:
            parts = [
                part.format_map({key: value for key, value in fields.items() if value}) for part in self.below
            ]
        except KeyError:  # not known
            return None
        if any("/" in part or part in (".", "..") for part in parts):
            raise PermissionError(errno.EACCES, "a name with a path in it is not followed", self.name)
        with ExitStack() as opened:
            above = folder = _open(opened, self.top)
            for part in parts:
                above, folder = folder, _open(opened, part, folder)
            return _own_space(above, folder, uid)


def _open(opened: ExitStack, path: str, above: int | None = None) -> int:
    fd = os.open(path, _LOOK if above is None else _LOOK | os.O_NOFOLLOW, dir_fd=above)
    opened.callback(os.close, fd)
    return fd


def _own_space(above: int, folder: int, uid: int | None) -> Space | None:
    status = os.fstat(folder)
    if status.st_uid not in (0, uid):
        raise PermissionError(errno.EACCES, "the directory is neither root's nor the job's user's")
    if status.st_dev != os.fstat(above).st_dev:
        if not _is_whole(folder):
            return None
        space = _space(folder)
    else:
        # XFS and ext4 answer for a directory with a project quota as if it were a file system of that size.
        space = _space(folder)
        if space.size >= _space(above).size:
            return None
    return space if space.size else None  # a tmpfs may have no limit


def _space(fd: int) -> Space:
    found = os.statvfs(fd)
    return Space((found.f_blocks - found.f_bfree) * found.f_frsize, found.f_blocks * found.f_frsize)


def _is_whole(fd: int) -> bool:
    """Tell whether a file system is mounted there as a whole, by one who may: not a part of a larger one, nor FUSE."""
    path = os.readlink(f"/proc/self/fd/{fd}").encode("utf-8", "surrogateescape")
    mounts = [
        mount for mount in parse_mountinfo(read("/proc/self/mountinfo", 1 << 24)) if mount.point == path
    ]
    return bool(mounts) and mounts[-1].root == b"/" and not mounts[-1].kind.startswith(b"fuse")
