r"""Virtual machines of libvirt under systemd: `machine.slice/machine-qemu\x2d2\x2dinstance\x2d00000002.scope`.

Each is shown as if it were a job, by its name; `user` is whose process QEMU is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobgauge_job.layouts.base import UnifiedLayout
from jobgauge_job.layouts.controllers import ControllerLayout

_SCOPE = re.compile(
    r"machine-qemu\\x2d[0-9]+\\x2d(.+)\.scope"
)  # the number is another at each start of the machine
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}")


def machine_name(scope: str) -> str | None:
    """Return a machine's name; None where the scope is none of QEMU's."""
    found = _SCOPE.fullmatch(scope)
    name = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), found[1]) if found else ""
    return name if _NAME.fullmatch(name) else None


class MachinesV2(UnifiedLayout):
    """Machines on cgroup v2."""

    name = "libvirt-v2"
    about = (
        "virtual machines of libvirt, cgroup v2, each as if it were a job: machine.slice/machine-qemu*.scope"
    )
    automatic = False

    def __init__(self, cgroupfs: str) -> None:
        super().__init__(cgroupfs, "machine.slice")

    def jobid(self, name: str) -> str | None:
        """The machine's name."""
        return machine_name(name)


class MachinesV1(ControllerLayout):
    """Machines on cgroup v1."""

    name = "libvirt-v1"
    about = "the same, cgroup v1"
    automatic = False

    def __init__(self, cgroupfs: str) -> None:
        super().__init__(cgroupfs, "machine.slice")

    def scopes(self) -> Sequence[str]:
        """One directory has all machines."""
        return self._tops()

    def jobid(self, name: str) -> str | None:
        """The machine's name."""
        return machine_name(name)
