"""What jobs do in a virtual machine of the tests: jobs.py WHAT OUT [SECONDS MIB]; it says so in the file OUT, then waits for OUT.go.

WHAT is burn: use SECONDS of CPU time and hold MIB of memory; measured: the same, once there is OUT.begin; peak: the same, but
give the memory back; crowd: four processes burn at once; steady: work a little for SECONDS,
and end; oom: take more memory than the job has; spoof: pretend to be another.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import time
from contextlib import suppress


def main() -> None:
    what, out, *numbers = sys.argv[1:]
    with open("/proc/self/cgroup") as file:
        cgroup = file.read().strip().rpartition(":")[2]
    said: dict[str, object] = {"cgroup": cgroup}
    if what == "spoof":
        ctypes.CDLL(None).prctl(15, b"slurmstepd", 0, 0, 0)  # PR_SET_NAME
        said["refused"] = _make_cgroups(cgroup)
    if what == "steady":
        _work_steadily(float(numbers[0]))
        return
    if what == "measured":
        _say(f"{out}.ready", {"cpu": _cpu()} | said)
        _wait(f"{out}.begin")
    seconds, mebibytes = [float(number) for number in numbers] or (0.0, 0.0)
    block = _touched(int(mebibytes) << 20)
    while what == "oom":
        block += _touched(16 << 20)
    first = os.getpid()
    for _ in range(3 if what == "crowd" else 0):
        if os.getpid() == first:
            os.fork()
    enough = time.process_time() + seconds
    while time.process_time() < enough:
        sum(range(2000))
    if what == "peak":
        block.clear()
    if os.getpid() == first:
        _say(out, {"cpu": _cpu(), "held": len(block)} | said)
        _wait(f"{out}.go")


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _work_steadily(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pause = time.process_time() + 0.15
        while time.process_time() < pause:
            sum(range(2000))
        time.sleep(0.35)


def _say(path: str, said: dict[str, object]) -> None:
    with open(f"{path}.new", "w") as file:
        json.dump(said, file)
    os.rename(f"{path}.new", path)


def _wait(path: str) -> None:
    """Wait, without any use of the CPU, until somebody writes there; not if somebody has."""
    with suppress(FileExistsError):
        os.mkfifo(path)
    with open(path):
        pass


def _touched(size: int) -> bytearray:
    """Return memory that is there, not only promised."""
    block = bytearray(size)
    block[::4096] = b"x" * len(block[::4096])
    return block


def _make_cgroups(own: str) -> list[bool]:
    """Try to make cgroups named like a job, in this cgroup and every one above; tell where that was refused."""
    refused = []
    while own:
        try:
            os.mkdir(f"/sys/fs/cgroup{own}/job_999")
            refused.append(False)
        except PermissionError:
            refused.append(True)
        own = own.rpartition("/")[0]
    return refused


main()
