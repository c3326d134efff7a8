"""A whole real Slurm in one directory: munged, MariaDB, slurmdbd, slurmctld, slurmds and slurmrestd with tokens.

    @pytest.fixture(scope="session")
    def slurm() -> Iterator[RealSlurm]:
        with cluster(("n1", "n2"), cgroups=True) as slurm:
            yield slurm

    job = slurm.submit("games", "--wrap", "sleep 60")         # `physics` is the account of games, `chemistry` of mail and news
    slurm.run("scontrol", "hold", job)
    wait_for("the job is held", lambda: "JobHeldAdmin" in slurm.run("squeue", "-h", "-o", "%r"))

Needs root and Debian's packages (TEST_PACKAGES in the Makefile). Users are ones that every Debian has. Nothing is read from or
written to /etc/slurm, /etc/munge or /var/lib; every daemon is a child of the caller, on a port of its own, and all of
them and every step of a job are gone at the end, also after a failure. With `cgroups` jobs are held in cgroups v1 below
/sys/fs/cgroup/*/slurm_NODE, so node names have to differ from those of other clusters on the machine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from jobgauge import process
from tests.support import slurm_conf
from tests.support.slurm import program

_JAIL = Path(__file__).with_name("slurm_jail.sh")
_IMAGES = Path(__file__).parents[2] / "build" / "slurm"
_PATIENCE = 150.0  # only ever waited for in full where something is broken
ACCOUNTS = {"physics": ("games",), "chemistry": ("mail", "news")}


def wait_for(what: str, condition: Callable[[], object], seconds: float = _PATIENCE) -> None:
    """Return once the condition holds; fail where it does not come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about that {what}"
        time.sleep(0.1)


@dataclass
class RealSlurm:
    """A running cluster, and its clients."""

    folder: Path
    nodes: Sequence[str]
    ports: slurm_conf.Ports
    release: str = ""  # the Debian release whose Slurm it is; empty: this machine's
    daemons: dict[str, process.Child] = field(default_factory=dict)

    @property
    def conf(self) -> Path:
        """Its slurm.conf."""
        return self.folder / "etc/slurm.conf"

    @property
    def jail(self) -> list[str]:
        """What to put before a command of Slurm."""
        return [str(_JAIL), str(_IMAGES / self.release)] if self.release else []

    @property
    def rest_url(self) -> str:
        """Its slurmrestd."""
        return f"http://127.0.0.1:{self.ports.rest}"

    @property
    def environment(self) -> dict[str, str]:
        """What its daemons, clients and jobs have in their environment, and nobody else."""
        return {"SLURM_CONF": str(self.conf)}

    @property
    def clients(self) -> Path:
        """A directory with its clients as programs of their own names."""
        folder = self.folder / "bin"
        for name in ("squeue", "scontrol", "sdiag", "sshare", "sacct"):
            program(folder / name, f'exec {shlex.join([*self.jail, name])} "$@"')
        return folder

    def run(self, *argv: str, user: str = "root", check: bool = True, **environment: str) -> str:
        """Run a client and return what it prints; fail where it fails."""
        switch = () if user == "root" else ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
        result = subprocess.run(
            [*self.jail, *switch, *argv],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **self.environment, **environment},
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=_PATIENCE,
            check=False,
        )
        assert result.returncode == 0 or not check, f"{argv}: {result.stderr}"
        return result.stdout

    def submit(self, user: str, *arguments: str) -> str:
        """Submit a job and return its id."""
        place = (f"--chdir={self.folder}/jobs", "--output=%A_%a.out")
        return self.run("sbatch", "--parsable", *place, *arguments, user=user).strip()

    def token(self, user: str, lifespan: int = 3600) -> str:
        """Return a token of this user for slurmrestd."""
        said = self.run("scontrol", "token", f"username={user}", f"lifespan={lifespan}")
        return said.strip().removeprefix("SLURM_JWT=")

    def start(self, daemon: str) -> None:
        """Start a daemon: munged, mariadbd, slurmdbd, slurmctld, slurmrestd, or slurmd.NODE."""
        argv, environment = slurm_conf.command(daemon, self.folder, self.ports)
        if daemon not in ("munged", "mariadbd"):
            argv = [*self.jail, *argv]
        log = str(self.folder / "log" / f"{daemon}.out")
        self.daemons[daemon] = process.start(argv, log=log, environment=self.environment | environment)

    def send(self, daemon: str, number: signal.Signals) -> None:
        """Send a signal to a daemon."""
        self.daemons[daemon].signal(number)

    def stop(self, daemon: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End a daemon and wait until it has ended; one that does not is killed."""
        child = self.daemons.pop(daemon)
        for last in (number, signal.SIGKILL):
            child.signal(signal.SIGCONT)
            child.signal(last)
            with suppress(AssertionError):
                wait_for(f"{daemon} ends", lambda: child.status() is not None, 20)
                return

    def answers(self, *argv: str) -> bool:
        """Whether a client succeeds."""
        with suppress(AssertionError):
            self.run(*argv)
            return True
        return False


@contextmanager
def cluster(
    nodes: Sequence[str] = ("n1", "n2"),
    *,
    cgroups: bool = False,
    gpus: int = 0,
    settings: Sequence[str] = (),
    release: str = "",
) -> Iterator[RealSlurm]:
    """Run a cluster of nodes with 8 CPUs, 4000 MB and so many fake GPUs each; `settings` are further lines of slurm.conf.

    `release` takes the Slurm of another Debian release: trixie's 24.11 or sid's 26.05, which `make system` fetches.
    """
    # not pytest's own directory, which other users may not enter
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    folder.chmod(0o755)
    slurm = RealSlurm(folder, nodes, slurm_conf.free_ports(nodes), release)
    try:
        slurm_conf.write(folder, slurm.ports, cgroups=cgroups, gpus=gpus, settings=settings)
        _start_all(slurm)
        yield slurm
    except BaseException:
        _show_logs(folder)
        raise
    finally:
        _end(slurm)
        shutil.rmtree(folder)


def _start_all(slurm: RealSlurm) -> None:
    """Start the daemons in the order in which they need one another."""
    slurm.start("munged")
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            "--user=root",
            f"--datadir={slurm.folder}/db",
            "--skip-test-db",
        ],
        check=True,
        capture_output=True,
        timeout=_PATIENCE,
    )
    slurm.start("mariadbd")
    wait_for("MariaDB answers", (slurm.folder / "db.sock").is_socket)
    slurm.start("slurmdbd")
    wait_for("slurmdbd answers", lambda: slurm.answers("sacctmgr", "-n", "show", "cluster"))
    slurm.run("sacctmgr", "-i", "add", "cluster", "sim")
    for account, users in ACCOUNTS.items():
        slurm.run("sacctmgr", "-i", "add", "account", account)
        slurm.run("sacctmgr", "-i", "add", "user", *users, f"account={account}")
    slurm.start("slurmctld")
    wait_for("slurmctld answers", lambda: slurm.answers("scontrol", "ping"))
    for node in slurm.nodes:
        slurm.start(f"slurmd.{node}")
    slurm.start("slurmrestd")
    idle = ("sinfo", "-h", "-N", "-t", "idle", "-o", "%N")
    wait_for("all nodes are idle", lambda: set(slurm.run(*idle).split()) == set(slurm.nodes))
    wait_for("slurmrestd listens", (slurm.folder / "rest/sock").exists)


def _show_logs(folder: Path) -> None:
    """Print the end of each log, for pytest to show with the failure."""
    for log in sorted((folder / "log").iterdir()):
        sys.stderr.write(f"== {log.name}\n{log.read_text(errors='replace')[-3000:]}\n")


def _end(slurm: RealSlurm) -> None:
    """End every daemon, the last started first, then what Slurm left: steps outlive their slurmd."""
    for daemon in reversed(list(slurm.daemons)):
        slurm.stop(daemon, signal.SIGKILL)  # nobody needs what they would save
    for group in _groups(slurm, "freezer"):  # a suspended job's processes are frozen
        with suppress(OSError):
            (group / "freezer.state").write_text("THAWED")

    def left() -> bool:
        pids = list(_processes(slurm))
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    wait_for("every step has ended", lambda: not left())
    wait_for("the cgroups are gone", lambda: _removed(_groups(slurm, "*")))


def _processes(slurm: RealSlurm) -> Iterator[int]:
    """Find processes with the cluster's directory in their environment or among their open files."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            opened = [os.readlink(file) for file in (folder / "fd").iterdir()]
            environment = (folder / "environ").read_bytes()
            if state != "Z" and (
                os.fsencode(slurm.folder) in environment or any(f"{slurm.folder}/" in file for file in opened)
            ):
                yield int(folder.name)


def _groups(slurm: RealSlurm, controller: str) -> list[Path]:
    """Return the cgroups of the cluster's nodes, the innermost first."""
    tops = [top for node in slurm.nodes for top in Path("/sys/fs/cgroup").glob(f"{controller}/slurm_{node}")]
    return [Path(folder) for top in tops for folder, *_ in os.walk(top, topdown=False)]


def _removed(groups: Sequence[Path]) -> bool:
    for group in groups:
        with suppress(OSError):  # a process in it has not quite gone
            group.rmdir()
    return not any(group.exists() for group in groups)
