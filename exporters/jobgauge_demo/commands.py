"""The commands of the simulated scheduler: small programs named as the real ones, answering for the present moment.

    write_commands(CLUSTER, DIRECTORY)    writes squeue, sinfo, scontrol, … into a directory
    python -m jobgauge_demo.commands SEED NODES USERS NAME [ARGUMENT…]    is what they start

What they do not understand they refuse, as the real ones do.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.slurm.accounting import sacct
from jobgauge_demo.slurm.control import scontrol
from jobgauge_demo.slurm.diag import sdiag
from jobgauge_demo.slurm.limits import sshare
from jobgauge_demo.slurm.nodes import sinfo
from jobgauge_demo.slurm.queue import squeue
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View

COMMANDS: Mapping[str, Callable[[View, Sequence[str]], str]] = {
    "sacct": sacct,
    "scontrol": scontrol,
    "sdiag": sdiag,
    "sinfo": sinfo,
    "squeue": squeue,
    "sshare": sshare,
}


def write_commands(cluster: Cluster, directory: str) -> None:
    """Write the commands of a cluster into a directory; its parameters are in them, not in the environment."""
    os.makedirs(directory, exist_ok=True)
    for name in COMMANDS:
        path = os.path.join(directory, name)
        argv = [sys.executable, "-m", "jobgauge_demo.commands", *map(str, cluster.parameters), name]
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n')
        os.chmod(path, 0o755)  # noqa: S103 - a program for everybody on a simulated cluster


def main(argv: Sequence[str], now: float) -> int:
    """Answer one command."""
    seed, nodes, users, name, *arguments = argv
    view = View(Cluster(int(seed), int(nodes), int(users)), now, os.environ)
    try:
        answer = COMMANDS[name](view, arguments)
    except UsageError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 1
    sys.stdout.buffer.write(answer.encode("utf-8", "surrogateescape"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], time.time()))
