"""A day of the job exporter on a real Slurm, in a minute; prints as JSON what it, the kernel, Slurm and the jobs said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import node

seen: dict[str, object] = {"kernel": os.uname().release, "slurm": node.run("slurmctld", "-V").split()[1]}


def live() -> None:
    """Jobs at work: every value must lie between what the kernel said just before and just after."""
    jobs = {
        "burn": node.submit("alice", "physics", "measured", "burn", 6, 200, memory=300),
        "peak": node.submit("alice", "physics", "peak", "peak", 0, 150, memory=250),
        "crowd": node.submit("bob", "chemistry", "crowd", "crowd", 2, 0),
        "spoof": node.submit("bob", "chemistry", "spoof", "spoof"),
        "left": node.submit("bob", "chemistry", "burn", "left", 1, 0),
    }
    seen["jobs"] = jobs
    ready = node.said("burn.ready")
    stepd = f"{node.folder('burn.ready')}/step_batch/slurm"
    node.wait_for("the exporter shows burn", lambda: node.shows(jobs["burn"]))
    seen["begin"] = {"page": node.page(), "slurmstepd": node.cpu(stepd), "cpu": ready["cpu"]}
    node.let("burn", "begin")
    burnt = node.said("burn")
    seen["burnt"] = {"page": node.page(), "slurmstepd": node.cpu(stepd), "cpu": burnt["cpu"]}
    seen["said"] = {name: node.said(name) for name in jobs}
    folders = {name: node.folder(name) for name in jobs}
    seen["folders"] = folders
    # As a job could, were it given its cgroup.
    os.mkdir(f"{folders['spoof']}/step_batch/user/task_0/job_999")
    for name, jobid in jobs.items():
        node.wait_for(f"the exporter shows {name}", lambda jobid=jobid: node.shows(jobid))
    seen["before"] = {name: node.files(folder) for name, folder in folders.items()}
    seen["live"] = node.page()
    seen["after"] = {name: node.files(folder) for name, folder in folders.items()}
    seen["anonymous"] = {name: node.anonymous(folder) for name, folder in folders.items()}
    os.rmdir(f"{folders['spoof']}/step_batch/user/task_0/job_999")


def ended() -> None:
    """The same jobs have ended, and one was killed for its memory; of one nothing but the user's process is left."""
    jobs: dict[str, str] = seen["jobs"]  # type: ignore[assignment]
    folders: dict[str, str] = seen["folders"]  # type: ignore[assignment]
    jobs["oom"] = node.submit("bob", "chemistry", "oom", "oom", memory=64)
    jobs["short"] = node.submit("alice", "physics", "steady", "short", 0.1)
    with open(f"{folders['left']}/step_batch/slurm/cgroup.procs") as file:
        for pid in file.read().split():
            os.kill(int(pid), signal.SIGKILL)
    node.run("scancel", jobs["left"])
    node.wait_for("oom was killed", lambda: node.state(jobs["oom"]) == "OUT_OF_MEMORY")
    for name in ("burn", "peak", "crowd", "spoof"):
        node.let(name, "go")
        node.wait_for(f"the cgroup of {name} is gone", lambda name=name: not os.path.exists(folders[name]))
    running = {"PENDING", "RUNNING", "COMPLETING"}
    for name, jobid in jobs.items():
        node.wait_for(f"{name} has ended", lambda jobid=jobid: node.state(jobid) not in running)
    time.sleep(1)
    seen["states"] = {name: node.state(jobid) for name, jobid in jobs.items()}
    seen["ended"] = node.page()
    seen["jobs_cpu"] = node.jobs_cpu()
    seen["oom_kills"] = node.run("dmesg").count("Memory cgroup out of memory: Killed process")


def requeue() -> None:
    """A job begins anew under its id."""
    jobid = node.submit("alice", "physics", "burn", "again", 1, 0)
    node.said("again")
    node.wait_for("the exporter shows it", lambda: node.shows(jobid))
    first, page = node.folder("again"), node.page()
    node.run("scontrol", "requeue", jobid)
    node.wait_for("its cgroup is gone", lambda: not os.path.exists(first))
    os.remove(f"{node.OUT}/again")
    node.wait_for("it waits again", lambda: node.state(jobid) == "PENDING")
    node.run("scontrol", "update", f"JobId={jobid}", "StartTime=now")
    node.said("again")
    node.wait_for("the exporter shows it again", lambda: node.shows(jobid))
    seen["requeued"] = {
        "job": jobid,
        "folders": [first, node.folder("again")],
        "pages": [page, node.page()],
        "cpu": node.cpu(node.folder("again")),
    }
    node.let("again", "go")


def churn() -> None:
    """Cgroups come and go while they are read."""
    done = threading.Event()
    made = 0

    def come_and_go() -> None:
        nonlocal made
        while not done.is_set():
            folder = f"{node.scope()}/job_{5000 + made}"
            made += 1
            os.makedirs(f"{folder}/step_0/slurm")
            with subprocess.Popen(["sleep", "60"]) as process:
                with open(f"{folder}/step_0/slurm/cgroup.procs", "w") as file:
                    file.write(str(process.pid))
                time.sleep(0.02 * (made % 7))
                process.kill()
            for path in (f"{folder}/step_0/slurm", f"{folder}/step_0", folder):
                os.rmdir(path)

    worker = threading.Thread(target=come_and_go)
    worker.start()
    pages = [node.page() for _ in range(40)]
    done.set()
    worker.join()
    seen["churn"] = {
        "made": made,
        "failed": sorted(
            {
                line
                for page in pages
                for line in page.splitlines()
                if "success" in line and line.endswith(" 0")
            }
        ),
        "shown": len(
            {line for page in pages for line in page.splitlines() if 'start_time_seconds{jobid="5' in line}
        ),
    }


def left() -> None:
    """What jobs left behind is told apart after a while."""
    jobid = seen["jobs"]["left"]  # type: ignore[index]
    node.wait_for("the exporter shows it as ended", lambda: not node.shows(jobid))
    seen["left"] = {"page": node.page(), "exists": os.path.exists(seen["folders"]["left"])}  # type: ignore[index]


try:
    os.mkdir(f"{node.scope()}/job_777")  # what a slurmd that was killed leaves
    # It looks for jobs so rarely that it finds those that are short only if the kernel tells of them.
    node.start_exporter(9794, "--jobs.keep-ended=1h", "--jobs.watch-interval=10s")
    for part in (live, ended, churn, requeue, left):
        begun = time.monotonic()
        part()
        seen[f"{part.__name__}_seconds"] = round(time.monotonic() - begun, 1)
except Exception:
    traceback.print_exc()
    raise
finally:
    sys.stdout.write(json.dumps(seen))
