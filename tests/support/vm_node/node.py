"""Inside a virtual machine of the tests: its Slurm, its cgroups, and the job exporter's command at work on them."""

from __future__ import annotations

import glob
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = "/sys/fs/cgroup"
OUT = "/tmp/jobs"
_PATIENCE = 90.0  # seconds
_LIES = """export SLURM_JOB_ID=999 SLURM_JOBID=999 SLURM_JOB_USER=root SLURM_JOB_UID=0 SLURM_JOB_ACCOUNT=stolen
exec -a 'slurmstepd: [999.batch]' """


def wait_for(what: str, condition: Callable[[], object]) -> None:
    """Return once the condition holds; fail where it does not come about."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not come about that {what}:\n{run('squeue', '-a', '-t', 'all')}")
        time.sleep(0.2)


def run(*argv: str) -> str:
    """Run a program and return what it prints; fail where it fails."""
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=_PATIENCE).stdout


def submit(user: str, account: str, what: str, name: str, *numbers: float, memory: int = 100) -> str:
    """Submit a job that runs jobs.py, and return its id."""
    os.makedirs(OUT, exist_ok=True)
    os.chmod(OUT, 0o1777)  # noqa: S103 - jobs of several users write there
    script = f"{OUT}/{name}.sh"
    with open(script, "w") as file:
        words = " ".join(str(number) for number in numbers)
        start = _LIES if what == "spoof" else "exec "
        file.write(f"#!/bin/bash\n{start}/usr/bin/python3 {HERE}/jobs.py {what} {OUT}/{name} {words}\n")
    os.chmod(script, 0o755)  # noqa: S103 - a program of that user's
    switch = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
    return run(
        *switch,
        "sbatch",
        "--parsable",
        f"--mem={memory}",
        "-A",
        account,
        "--requeue",
        "-o",
        f"{script}.out",
        script,
    ).strip()


def said(name: str) -> dict[str, object]:
    """Wait until a job has done its work, and return what it says of itself."""
    wait_for(f"job {name} has done its work", lambda: os.path.exists(f"{OUT}/{name}"))
    with open(f"{OUT}/{name}") as file:
        return dict(json.load(file))


def let(name: str, what: str) -> None:
    """Let a job `begin` to burn, or `go`."""
    with open(f"{OUT}/{name}.{what}", "w"):
        pass


def state(jobid: str) -> str:
    """Return what Slurm says of a job."""
    return run("scontrol", "-o", "show", "job", jobid).partition("JobState=")[2].split()[0]


def scope() -> str:
    """Return the directory of all jobs."""
    (found,) = glob.glob(f"{ROOT}/*/*slurmstepd.scope")
    return found


def folder(name: str) -> str:
    """Return the directory of a job that has done its work."""
    return "/".join((ROOT + str(said(name)["cgroup"])).split("/")[: scope().count("/") + 2])


def files(directory: str) -> dict[str, str]:
    """Return the text of the files of a cgroup that tell of its use."""
    found = {}
    for name in os.listdir(directory):
        if name.partition(".")[0] in ("cpu", "memory", "io", "cgroup"):
            try:
                with open(f"{directory}/{name}") as file:
                    found[name] = file.read()
            except OSError:
                continue
    return found


def anonymous(directory: str) -> int:
    """Return the anonymous memory of all processes in a cgroup and below, as each process's own status has it, in bytes."""
    total = 0
    for path in glob.glob(f"{directory}/**/cgroup.procs", recursive=True):
        with open(path) as file:
            for pid in file.read().split():
                with open(f"/proc/{pid}/status") as status:
                    total += sum(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon:"))
    return total


def cpu(directory: str) -> float:
    """Return the CPU seconds that a cgroup has used, with all that were below it."""
    with open(f"{directory}/cpu.stat") as file:
        return int(file.read().split()[1]) / 1e6


def jobs_cpu() -> float:
    """Return the CPU seconds of all jobs so far: the kernel keeps those of removed cgroups in the one above."""
    return cpu(scope()) - sum(cpu(f"{scope()}/{own}") for own in ("slurmd", "system"))


def start_exporter(port: int, *flags: str) -> None:
    """Start the exporter's command, as a user without any right, and wait until it answers."""
    command = [
        "python3",
        f"{HERE}/../jobgauge/bin/jobgauge-job-exporter",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    subprocess.Popen(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command, *flags],
        env=os.environ | {"PYTHONPATH": f"{HERE}/../jobgauge"},
    )

    def answers() -> bool:
        try:
            return bool(page(port))
        except OSError:
            return False

    wait_for("the exporter answers", answers)


def page(port: int = 9794) -> str:
    """Take a scrape."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
    return "\n".join(line for line in text.splitlines() if not line.startswith("#")) + "\n"


def shows(jobid: str) -> bool:
    """Whether the exporter shows a job as running."""
    return f'hpc_job_node_exclusive{{jobid="{jobid}"' in page()
