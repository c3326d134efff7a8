"""Login nodes under systemd, cgroup v2: `user.slice/user-5001.slice` is shown as if it were a job of that user."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobgauge_job.layouts.base import Layout, Place, Scopes

_USER = re.compile(r"user-([0-9]{1,10})\.slice")


class UserSlices(Layout):
    """What each user does on a node without a scheduler; `jobid` is the slice's name."""

    name = "user-slices"
    about = "login nodes, cgroup v2: each user's slice as if it were a job"
    version = 2
    automatic = False

    def __init__(self, cgroupfs: str) -> None:
        self._scopes = Scopes(cgroupfs, "user.slice")

    def scopes(self) -> Sequence[str]:
        """One directory has all users."""
        return self._scopes()

    def jobid(self, name: str) -> str | None:
        """The name itself."""
        return name if _USER.fullmatch(name) else None

    def uid(self, place: Place) -> int | None:
        """The user is in the name."""
        user = _USER.fullmatch(place.name)
        return int(user[1]) if user else None

    def path(self, place: Place, file: str) -> str:
        """All controllers share one directory."""
        return f"{place.scope}/{place.name}/{file}"
