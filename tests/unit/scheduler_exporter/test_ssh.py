"""Clients on another machine, over a real sshd: what is sent must arrive as it would here, by a proven key to a known host."""

from __future__ import annotations

import getpass
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobgauge.errors import CommandError
from jobgauge_scheduler.backends.slurm_cli import SlurmCli
from jobgauge_scheduler.commands import VERSION, Command, Tools, whole
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Reading, Source
from jobgauge_scheduler.ssh import Remote
from tests.support.scrape import once, parse
from tests.support.slurm import clients, program

pytestmark = pytest.mark.system

COMMAND = "jobgauge-scheduler-exporter"
PASSPHRASE = "correct horse 'battery' $taple"


class Head:
    """A machine with sshd: this one, by another port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.log = folder / "sshd.log"
        for key, phrase in (("host", ""), ("plain", ""), ("locked", PASSPHRASE)):
            keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(folder / key)]
            subprocess.run(keygen, check=True)
        keys = [(folder / f"{key}.pub").read_text() for key in ("plain", "locked")]
        (folder / "authorized").write_text("".join(keys))
        (folder / "known").write_text(f"[127.0.0.1]:{self.port} {(folder / 'host.pub').read_text()}")
        (folder / "sshd.conf").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
            "StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPidFile none\n"
            "PermitRootLogin yes\nLogLevel VERBOSE\n"
        )
        os.makedirs("/run/sshd", exist_ok=True)
        self.start()

    def start(self) -> None:
        argv = ["/usr/sbin/sshd", "-D", "-f", str(self.folder / "sshd.conf"), "-E", str(self.log)]
        self.sshd = subprocess.Popen(argv, start_new_session=True)
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(self.log.read_text())

    def stop(self) -> None:
        """End sshd and every connection."""
        children = subprocess.run(
            ["ps", "--ppid", str(self.sshd.pid), "-o", "pid="], capture_output=True, text=True, check=False
        ).stdout.split()
        for pid in children:
            os.kill(int(pid), signal.SIGKILL)
        self.sshd.terminate()
        self.sshd.wait()

    def config(self, key: str = "plain", known: str = "known") -> str:
        path = self.folder / f"config-{key}-{known}"
        path.write_text(
            f"Host head01\n  HostName 127.0.0.1\n  Port {self.port}\n  User {getpass.getuser()}\n"
            f"  IdentityFile {self.folder / key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {self.folder / known}\n"
        )
        return str(path)

    @property
    def logins(self) -> int:
        return len(re.findall("Accepted publickey", self.log.read_text()))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    found = Head(tmp_path_factory.mktemp("head"))
    yield found
    found.stop()


Connect = Callable[..., Remote]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that makes a Remote, which is closed in the end."""
    made = []

    def make(*arguments: str) -> Remote:
        made.append(Remote(*arguments))
        return made[-1]

    yield make
    for remote in made:
        remote.close()


def version(remote: Remote, folder: Path) -> tuple[int, int]:
    program(folder / "squeue", "echo slurm 26.05.5")
    return Tools(str(folder), remote=remote).run(VERSION).value


def test_the_page_is_the_same_as_here_over_one_connection(
    tmp_path: Path, head: Head, connect: Connect
) -> None:
    folder = clients(tmp_path / "remote", "26.05.5")
    here = parse(once(COMMAND, f"--slurm.bin-dir={folder}").stdout)
    before = head.logins
    result = once(COMMAND, "--ssh.host=head01", f"--ssh.config={head.config()}", f"--slurm.bin-dir={folder}")
    assert result.returncode == 0, result.stderr
    there = parse(result.stdout)
    same = (
        "hpc_job_",
        "hpc_sched_jobs",
        "hpc_sched_node",
        "hpc_sched_limit",
        "hpc_sched_licenses",
        "hpc_sched_up",
    )
    assert {k: v for k, v in there.items() if k[0].startswith(same)} == {
        k: v for k, v in here.items() if k[0].startswith(same)
    }
    assert len([1 for name, _ in there if name == "hpc_sched_up"]) == 9
    assert head.logins == before + 1, "all nine came over one connection"


def test_the_environment_there_is_the_one_that_is_set_here(
    tmp_path: Path, head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    program(tmp_path / "bin dir" / "squeue", f"env >'{tmp_path}/seen'; exit 1")
    config = SchedulerConfig(
        ssh_host="head01",
        ssh_config=head.config(),
        slurm_bin_dir=f"{tmp_path}/bin dir",
        slurm_conf="/a b/c'd",
    )
    backend = SlurmCli(config)
    with pytest.raises(CommandError):
        backend.reads()[Source.JOBS]()
    backend.close()
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines())
    expected = {
        "SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8", "SLURM_CONF": "/a b/c'd",
    }  # fmt: skip
    assert seen.items() >= expected.items()
    assert "SECRET" not in seen


def test_a_key_with_a_passphrase_from_a_file(tmp_path: Path, head: Head, connect: Connect) -> None:
    phrase = tmp_path / "its passphrase"
    phrase.write_text(PASSPHRASE + "\n")
    remote = connect("head01", head.config("locked"), str(phrase))
    assert version(remote, tmp_path / "bin") == (26, 5)
    phrase.write_text("wrong\n")
    with pytest.raises(CommandError, match=r"does not reach head01: .*Permission denied"):
        version(connect("head01", head.config("locked"), str(phrase)), tmp_path / "bin")
    with pytest.raises(CommandError, match="Permission denied"):
        version(connect("head01", head.config("locked")), tmp_path / "bin")


def test_a_key_that_an_agent_holds(
    tmp_path: Path, head: Head, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        ask = program(tmp_path / "ask", f"cat <<'EOF'\n{PASSPHRASE}\nEOF")
        for _ in range(500):
            if (tmp_path / "agent").exists():
                break
            time.sleep(0.02)
        subprocess.run(
            ["ssh-add", "-q", str(head.folder / "locked")],
            env=os.environ | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"},
            stdin=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        assert version(connect("head01", head.config("locked")), tmp_path / "bin") == (26, 5)
    finally:
        agent.terminate()
        agent.wait()


def test_a_host_whose_key_is_not_the_known_one_is_refused(
    tmp_path: Path, head: Head, connect: Connect
) -> None:
    (head.folder / "nobody").write_text("")
    with pytest.raises(CommandError, match="Host key verification failed"):
        version(connect("head01", head.config(known="nobody")), tmp_path / "bin")
    other = (head.folder / "plain.pub").read_text()
    (head.folder / "other").write_text(f"[127.0.0.1]:{head.port} {other}")
    with pytest.raises(CommandError, match="Host key verification failed"):
        version(connect("head01", head.config(known="other")), tmp_path / "bin")


def test_a_host_cannot_become_an_option(tmp_path: Path, head: Head, connect: Connect) -> None:
    with pytest.raises(CommandError, match="does not reach"):
        version(connect(f"-oProxyCommand=touch {tmp_path}/evil", head.config()), tmp_path / "bin")
    assert not (tmp_path / "evil").exists()


def test_a_lost_connection_is_made_again(tmp_path: Path, connect: Connect) -> None:
    (tmp_path / "head").mkdir()
    head = Head(tmp_path / "head")
    remote = connect("head01", head.config())
    try:
        assert version(remote, tmp_path / "bin") == (26, 5)
        head.stop()
        with pytest.raises(CommandError):
            version(remote, tmp_path / "bin")
        head.start()
        for _ in range(100):
            try:
                assert version(remote, tmp_path / "bin") == (26, 5)
                break
            except CommandError:
                time.sleep(0.05)
        assert version(remote, tmp_path / "bin") == (26, 5)
        assert head.logins == 2
    finally:
        head.stop()


def test_what_hangs_there_is_ended_there(tmp_path: Path, head: Head, connect: Connect) -> None:
    program(tmp_path / "squeue", f"echo $$ >{tmp_path}/pid; exec sleep 60")
    tools = Tools(str(tmp_path), timeout=1.0, remote=connect("head01", head.config()))
    command: Command[bytes] = Command(("squeue",), whole(Reading), "", {})
    with pytest.raises(CommandError, match="did not answer in time"):
        tools.run(command)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("it still runs")


def test_a_machine_that_cannot_be_reached_is_told(tmp_path: Path, head: Head, connect: Connect) -> None:
    config = tmp_path / "config"
    config.write_text(f"Host head01\n  HostName 127.0.0.1\n  Port {_free_port()}\n")
    result = once(COMMAND, "--ssh.host=head01", f"--ssh.config={config}")
    assert result.returncode == 1
    assert "Connection refused" in result.stderr
    page = parse(result.stdout)
    assert {value for (name, _), value in page.items() if name == "hpc_sched_up"} == {0}
