"""Login nodes under systemd, cgroup v2: `user.slice/user-5001.slice` is shown as if it were a job of that user."""

from __future__ import annotations

import re

from jobgauge_job.layouts.base import Place, UnifiedLayout

_USER = re.compile(r"user-([0-9]{1,10})\.slice")


class UserSlices(UnifiedLayout):
    """What each user does on a node without a scheduler; `jobid` is the slice's name."""

    name = "user-slices"
    about = "login nodes, cgroup v2: each user's slice as if it were a job"
    automatic = False

    def __init__(self, cgroupfs: str) -> None:
        super().__init__(cgroupfs, "user.slice")

    def jobid(self, name: str) -> str | None:
        """The name itself."""
        return name if _USER.fullmatch(name) else None

    def uid(self, place: Place) -> int | None:
        """The user is in the name."""
        user = _USER.fullmatch(place.name)
        return int(user[1]) if user else None
