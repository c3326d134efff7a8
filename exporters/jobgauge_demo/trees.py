"""Writes, for every simulated node, directory trees that look like its /sys/fs/cgroup, /proc and /sys.

    DIR/passwd                 names of all users
    DIR/NODE/cgroup            cgroup v2 as Slurm uses it
    DIR/NODE/proc, DIR/NODE/sys
    DIR/NODE/job-facts/JOBID   what a prolog that root runs would have written
    DIR/NODE/gpu/INDEX         what the GPU's driver would tell, as key=value lines

Files are changed in place, since a reader may keep them open, and only when their text changes; a job's directory
appears and goes whole, as the kernel's does.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from jobgauge_demo import tree_text as text
from jobgauge_demo.cluster import Cluster
from jobgauge_demo.jobs import Job, Place
from jobgauge_demo.node_tree import NodeFiles
from jobgauge_demo.nodes import boot_time
from jobgauge_demo.people import User
from jobgauge_demo.placing import LOGIN_NODES, Node
from jobgauge_demo.processes import Process, processes
from jobgauge_demo.tree_files import Files
from jobgauge_demo.usage import PAGE, Usage, usage

SCOPE = "system.slice/slurmstepd.scope"
_SLICES = "user.slice"  # the same on a login node
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TICKS = 100  # a second


class Trees:
    """The trees of all nodes of a cluster."""

    def __init__(self, cluster: Cluster, directory: str) -> None:
        """Take where to write; what an earlier run left of these nodes is removed."""
        self._cluster = cluster
        Files().put(f"{directory}/passwd", passwd(cluster.users))
        self._nodes = [_NodeTree(cluster, node, f"{directory}/{node.name}") for node in cluster.machines]

    def update(self, t: float) -> None:
        """Bring all files to what they hold at t."""
        for node in self._nodes:
            node.update(t)


class _NodeTree:
    def __init__(self, cluster: Cluster, node: Node, path: str) -> None:
        shutil.rmtree(path, ignore_errors=True)
        self._cluster = cluster
        self._node = node
        self._path = path
        self._scope = f"{path}/cgroup/{_SLICES if node in LOGIN_NODES else SCOPE}"
        self._jobs: dict[tuple[int, int], _JobTree] = {}
        self._files = NodeFiles(cluster, node, path)
        facts = () if node in LOGIN_NODES else (f"{path}/job-facts",)  # no scheduler runs a prolog there
        for folder in (self._scope, f"{path}/parked", *facts):
            os.makedirs(folder, 0o755)
        for folder in (f"{path}/cgroup", os.path.dirname(self._scope), self._scope):
            Files().put(f"{folder}/cgroup.controllers", "cpuset cpu io memory pids\n")
            Files().put(f"{folder}/cgroup.procs", "")

    def update(self, t: float) -> None:
        jobs = {(job.id, job.restarts): job for job in self._cluster.running(t, self._node.name)}
        for key in self._jobs.keys() - jobs.keys():
            self._jobs.pop(key).remove()
        for key in jobs.keys() - self._jobs.keys():
            self._jobs[key] = _JobTree(self._cluster, jobs[key], self._node, self._path)
        used = {key: usage(job, self._node.name, t) for key, job in jobs.items()}
        for key, tree in self._jobs.items():
            tree.update(used[key], stopped=jobs[key].state(t) == "SUSPENDED")
        for key in jobs.keys() & self._jobs.keys():
            self._jobs[key].show(self._scope)
        self._files.update(t, used.values())


class _JobTree:
    """A job's files on one node."""

    def __init__(self, cluster: Cluster, job: Job, node: Node, path: str) -> None:
        self._job = job
        self._files = Files()
        self._name = job.shown_id if job.session else sluid(job) if node.sluid else f"job_{job.id}"
        self._group = f"{_SLICES if job.session else SCOPE}/{self._name}"
        self._parked = f"{path}/parked/{self._name}"
        self._cgroup = self._parked
        self._proc = f"{path}/proc"
        self._facts = f"{path}/job-facts/{job.id}"
        self._processes = processes(cluster, job, node.name)
        self._start = (job.start - boot_time(cluster, node.name)) * _TICKS
        self._make(job.place(node.name))

    def _make(self, place: Place) -> None:
        put = self._files.put
        job, threads = self._job, sum(process.threads for process in self._processes)
        os.makedirs(self._cgroup, 0o755)
        for name, content in (
            ("cgroup.events", "populated 1\nfrozen 0\n"),
            ("cgroup.procs", ""),
            ("cgroup.controllers", "cpuset cpu io memory pids\n"),
            ("cpu.max", "max 100000\n"),
            ("memory.max", "max\n" if job.session else f"{job.template.memory}\n"),
            ("memory.swap.current", "0\n"),
            ("memory.swap.max", "0\n"),
            ("pids.current", f"{threads}\n"),
        ):
            put(f"{self._cgroup}/{name}", content)
        if not job.session:
            self._make_held(place)
        for group, members in self._groups():
            put(f"{self._cgroup}/{group}/cgroup.procs", "".join(f"{process.pid}\n" for process in members))
            put(f"{self._cgroup}/{group}/cgroup.events", "populated 1\nfrozen 0\n")
        for process in self._processes:
            self._make_process(process)

    def _make_held(self, place: Place) -> None:
        """Write what only a job has: CPUs of its own, and facts from the scheduler."""
        job = self._job
        for name in ("cpuset.cpus", "cpuset.cpus.effective"):
            self._files.put(f"{self._cgroup}/{name}", text.cpu_list(place.cpus))
        facts = (
            ("account", job.template.account),
            ("partition", job.template.partition),
            ("uid", job.user.uid),
            ("gpus", ",".join(map(str, place.gpus))),
        )
        self._files.put(self._facts, text.lines(facts))

    def _groups(self) -> Iterator[tuple[str, list[Process]]]:
        """Yield every cgroup below the job's with its own processes."""
        members: dict[str, list[Process]] = {}
        for process in self._processes:
            parts = process.group.split("/")
            for depth in range(1, len(parts)):
                members.setdefault("/".join(parts[:depth]), [])
            members.setdefault(process.group, []).append(process)
        yield from members.items()

    def _make_process(self, process: Process) -> None:
        folder = f"{self._proc}/{process.pid}"
        put = self._files.put
        put(f"{folder}/comm", f"{process.comm}\n")
        put(f"{folder}/cmdline", "\0".join(process.argv) + "\0")
        put(f"{folder}/cgroup", f"0::/{self._group}/{process.group}\n")
        os.symlink(process.exe, f"{folder}/exe")

    def show(self, scope: str) -> None:
        """Let the job appear, once its files are complete."""
        if self._cgroup is self._parked:
            os.utime(self._parked, (self._job.start, self._job.start))
            self._cgroup = f"{scope}/{self._name}"
            os.rename(self._parked, self._cgroup)
            self._files.moved(self._parked, self._cgroup)

    def update(self, used: Usage, *, stopped: bool) -> None:
        """Write what has changed."""
        put, top = self._files.put, self._cgroup
        put(f"{top}/cpu.stat", text.cpu_stat(used))
        put(f"{top}/memory.current", f"{used.memory.current}\n")
        put(f"{top}/memory.peak", f"{used.memory.peak}\n")
        put(f"{top}/memory.stat", text.memory_stat(used.memory))
        put(f"{top}/memory.events", text.memory_events(used.events))
        put(f"{top}/io.stat", text.io_stat(used))
        for resource in ("cpu", "memory", "io"):
            put(f"{top}/{resource}.pressure", text.pressure(used, resource))
        for process in self._processes:
            self._update_process(process, used, process.states(stopped=stopped))

    def _update_process(self, process: Process, used: Usage, states: str) -> None:
        put, folder = self._files.put, f"{self._proc}/{process.pid}"
        ticks = process.ticks(used)
        resident = int(used.memory.anonymous * process.share) // PAGE + 900
        at_work = max(1, process.running + process.waiting)
        each = ticks[0] // at_work, ticks[1] // at_work
        put(
            f"{folder}/stat",
            text.process_stat(process, process.pid, states[0], ticks, start=self._start, resident=resident),
        )
        put(f"{folder}/status", text.process_status(process, states[0], resident))
        read, written = (
            int(process.share * size) for size in (used.disk.read_bytes, used.disk.written_bytes)
        )
        put(f"{folder}/io", text.process_io(read, written))
        for position, state in enumerate(states):
            own = each if position < at_work else (0, 0)
            number = process.pid + position
            put(
                f"{folder}/task/{number}/stat",
                text.process_stat(process, number, state, own, start=self._start, resident=resident),
            )

    def remove(self) -> None:
        """Let the job go: its directory at once, then the rest."""
        os.rename(self._cgroup, self._parked)
        shutil.rmtree(self._parked)
        for process in self._processes:
            shutil.rmtree(f"{self._proc}/{process.pid}")
        if not self._job.session:
            os.unlink(self._facts)


def sluid(job: Job) -> str:
    """Return the name that Slurm 26.05 gives the directory of a job: made of the time, so that each run has its own."""
    number = (0xE << 60) | (job.start * 1000 << 10) | (job.lane & 1023)
    return "s" + "".join(_CROCKFORD[(number >> (5 * digit)) & 31] for digit in reversed(range(13)))


def passwd(users: tuple[User, ...]) -> str:
    """Return a user database with all users."""
    return "root:x:0:0:root:/root:/bin/bash\n" + "".join(
        f"{user.name}:x:{user.uid}:{user.uid}::/home/{user.name}:/bin/bash\n" for user in users
    )
