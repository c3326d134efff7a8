"""The configuration of a real Slurm that lives in one directory, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

REST_USER = "www-data"  # slurmrestd refuses to run as root
CPUS = 8
MEMORY = 4000  # MB

_CGROUPS = """
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
"""
_NO_CGROUPS = """
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
"""


@dataclass(frozen=True)
class Ports:
    """Where the daemons listen."""

    slurmctld: int
    slurmdbd: int
    rest: int
    slurmd: dict[str, int]


def free_ports(nodes: Sequence[str]) -> Ports:
    """Return ports that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3 + len(nodes))]
        slurmctld, slurmdbd, rest, *slurmd = (each.getsockname()[1] for each in sockets)
    return Ports(slurmctld, slurmdbd, rest, dict(zip(nodes, slurmd, strict=True)))


def command(daemon: str, folder: Path, ports: Ports) -> tuple[list[str], dict[str, str]]:
    """Return how a daemon is started in the foreground, and its own environment."""
    name, _, node = daemon.partition(".")
    line = {
        "munged": f"munged --foreground --force --socket={folder}/munge/sock --key-file={folder}/etc/munge.key "
        f"--pid-file={folder}/munge/pid --seed-file={folder}/munge/seed --log-file={folder}/log/munged.log",
        "mariadbd": f"mariadbd --no-defaults --user=root --skip-networking --datadir={folder}/db --socket={folder}/db.sock "
        f"--pid-file={folder}/db.pid --innodb-flush-log-at-trx-commit=0",
        "slurmdbd": "slurmdbd -D",
        "slurmctld": "slurmctld -D",
        "slurmd": f"slurmd -D -N {node}",
        "slurmrestd": f"setpriv --reuid={REST_USER} --regid={REST_USER} --clear-groups --pdeathsig=KILL "
        f"slurmrestd -a rest_auth/jwt 127.0.0.1:{ports.rest} unix:{folder}/rest/sock",
    }[name]
    environment = {
        "slurmdbd": {"MYSQL_UNIX_PORT": f"{folder}/db.sock"},  # libmariadb's own variable
        "slurmrestd": {"SLURM_JWT": "daemon", "SLURM_BITSTR_LEN": "0"},
    }
    return line.split(), environment.get(name, {})


def write(folder: Path, ports: Ports, *, cgroups: bool, gpus: int, settings: Sequence[str]) -> None:
    """Write slurm.conf and its siblings, the keys, and the directories that daemons write to."""
    for name in (
        "etc",
        "log",
        "munge",
        "db",
        "state",
        "jobs",
        "rest",
        *(f"spool/{node}" for node in ports.slurmd),
    ):
        (folder / name).mkdir(parents=True)
    (folder / "jobs").chmod(0o1777)
    shutil.chown(folder / "rest", REST_USER)
    _secret(folder / "etc/munge.key", 1024)
    _secret(folder / "etc/jwt.key", 32)
    # Slurm finds these beside slurm.conf
    (folder / "etc/cgroup.conf").write_text(
        "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nConstrainRAMSpace=yes\n"
    )
    (folder / "etc/gres.conf").write_text(_gres(folder, gpus))
    dbd = folder / "etc/slurmdbd.conf"
    dbd.write_text(_slurmdbd(folder, ports))
    dbd.chmod(0o600)
    text = _slurm(folder, ports, _CGROUPS if cgroups else _NO_CGROUPS, gpus)
    (folder / "etc/slurm.conf").write_text("\n".join([text, *settings, ""]))


def _secret(path: Path, length: int) -> None:
    path.write_bytes(os.urandom(length))
    path.chmod(0o400)


def _gres(folder: Path, gpus: int) -> str:
    """Declare plain files as GPUs: Slurm counts no GPU without a file."""
    files = [folder / f"spool/gpu{number}" for number in range(gpus)]
    for file in files:
        file.touch()
    return "".join(f"Name=gpu Type=a100 File={file}\n" for file in files)


def _authentication(folder: Path) -> str:
    return f"""
AuthType=auth/munge
AuthInfo=socket={folder}/munge/sock
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={folder}/etc/jwt.key
SlurmUser=root
"""


def _slurmdbd(folder: Path, ports: Ports) -> str:
    return f"""{_authentication(folder)}
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={ports.slurmdbd}
{_only_on_loopback("NoInAddrAny")}
StorageType=accounting_storage/mysql
StorageUser=root
StorageLoc=slurm_acct
PidFile={folder}/slurmdbd.pid
"""


def _slurm(folder: Path, ports: Ports, tracking: str, gpus: int) -> str:
    gres = f"Gres=gpu:a100:{gpus}" if gpus else ""
    nodes = "\n".join(
        f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={CPUS} RealMemory={MEMORY} {gres}"
        for node, port in ports.slurmd.items()
    )
    return f"""ClusterName=sim
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={ports.slurmctld}
{_authentication(folder)}
{_only_on_loopback("NoCtldInAddrAny,NoInAddrAny")}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
{tracking}
DefMemPerCPU=100
JobAcctGatherFrequency=1
KillWait=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,bf_continue,batch_sched_delay=0
PriorityType=priority/multifactor
PriorityWeightFairshare=5000
MinJobAge=300
GresTypes=gpu
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={ports.slurmdbd}
AccountingStoragePass={folder}/munge/sock
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=associations,limits,qos
{nodes}
PartitionName=batch Nodes=ALL Default=YES MaxTime=2-00:00:00 DefaultTime=00:30:00
"""


def _only_on_loopback(parameters: str) -> str:
    """Return what binds daemons to the address of the host's name, where that is a loopback address, else nothing.

    Slurm has no other way to name the address; elsewhere they listen on all, behind munge's secret.
    """
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        return ""
    return f"CommunicationParameters={parameters}" if address == "127.0.0.1" else ""
