"""Replaces itself by a program that the kernel ends together with its parent: `launcher.py PARENT PROGRAM ARGUMENT…`.

jobgauge.process runs this file in a fresh interpreter, since the wish can only be made by the child itself and is kept
across exec. Only the standard library is there.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Ask for the signal, see that the parent has not ended before, and become the program."""
    parent, *argv = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL)) != 0:
        sys.exit(f"{argv[0]} is not started: prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):
        sys.exit(f"{argv[0]} is not started: who started it has ended")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - becoming the program is what this file is for
    except OSError as error:
        sys.exit(f"{argv[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
