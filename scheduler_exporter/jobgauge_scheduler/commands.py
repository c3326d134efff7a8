"""Every external command, declared once: what is asked, in which environment, who reads the answer, and why.

A command is started only from here. Programs are looked for in the directory that the site sets, else in PATH.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from jobgauge import process
from jobgauge.errors import SourceError
from jobgauge_scheduler.model import (
    Diagnostics,
    Job,
    License,
    Limit,
    Node,
    Partition,
    Reading,
    Record,
    Reservation,
    Share,
)
from jobgauge_scheduler.pbs import cluster, torque
from jobgauge_scheduler.pbs import history as pbs_history
from jobgauge_scheduler.pbs import jobs as pbs_jobs
from jobgauge_scheduler.slurm import accounting, answers, limits, records, sacct, sdiag, squeue, sshare
from jobgauge_scheduler.ssh import Remote

T = TypeVar("T")

# Nothing but what every command gets: UTC and UTF-8.
PLAIN: dict[str, str] = {}
# Seconds since the epoch in place of local time; sets of array tasks not cut at 64 characters.
SLURM = {"SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"}


@dataclass(frozen=True)
class Command(Generic[T]):
    """One command; words in braces are filled in when it is started."""

    argv: tuple[str, ...]
    read: Callable[[Iterable[bytes]], Reading[T]]  # takes the answer while it comes in
    why: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Tools:
    """Where programs lie and how they are started."""

    directory: str = ""  # empty: PATH
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 20.0  # past Slurm's own MessageTimeout (10 s), so that its error is seen
    max_bytes: int = 1 << 30
    remote: Remote | None = None  # the machine that they run on, where it is not this one

    def has(self, command: Command[Any]) -> bool:
        """Whether the command's program is there; of another machine that is not known, and taken as given."""
        return (
            self.remote is not None or shutil.which(command.argv[0], path=self.directory or None) is not None
        )

    def close(self) -> None:
        """End the connection to another machine."""
        if self.remote is not None:
            self.remote.close()

    def run(self, command: Command[T], *more: str, **words: str) -> Reading[T]:
        """Start the command, with `more` arguments at its end, and return what its reader made of the answer."""
        program, *arguments = command.argv
        argv = [os.path.join(self.directory, program), *(part.format(**words) for part in arguments), *more]
        environment = {**command.environment, **self.environment}
        if self.remote is not None:
            variables = [f"{name}={value}" for name, value in {**process.PINNED, **environment}.items()]
            argv = self.remote.argv(argv, variables, self.timeout)
            environment = self.remote.environment()
        return process.read(
            argv, command.read, timeout=self.timeout, max_bytes=self.max_bytes, environment=environment
        )


def whole(read: Callable[[bytes], Reading[T]]) -> Callable[[Iterable[bytes]], Reading[T]]:
    """Return a reader that waits for the whole answer: most are short."""
    return lambda chunks: read(b"".join(chunks))


def _version(output: bytes) -> Reading[tuple[int, int]]:
    """Read `slurm 24.11.5`, or `slurm-wlm 22.05.8` as Debian has it."""
    match = re.search(rb"(\d+)\.(\d+)", output)
    if match is None:
        raise SourceError(f"squeue --version tells of none: {output[:100]!r}")
    return Reading((int(match[1]), int(match[2])))


QUEUE: Command[tuple[Job, ...]] = Command(
    ("squeue", "-a", "-h", "-O", squeue.layout()),
    squeue.parse,
    "Jobs that wait or run, of all partitions, hidden ones too; an array's waiting tasks in one record. One "
    "REQUEST_JOB_INFO and one REQUEST_PARTITION_INFO; 25 to 100 times cheaper than --json.",
    SLURM,
)
NODES: Command[tuple[Node, ...]] = Command(
    ("scontrol", "-a", "-d", "-o", "show", "node"),
    whole(records.nodes),
    "Nodes, each once however many partitions it is in; with -d also which GPUs are allocated. One REQUEST_NODE_INFO, 2 ms of slurmctld at 1,000 nodes.",
    SLURM,
)
PARTITIONS: Command[tuple[Partition, ...]] = Command(
    ("scontrol", "-a", "-o", "show", "partition"),
    whole(records.partitions),
    "Partitions with their state and time limit. One REQUEST_PARTITION_INFO.",
    SLURM,
)
DIAGNOSTICS: Command[Diagnostics] = Command(
    ("sdiag",),
    whole(sdiag.parse),
    "slurmctld's own health, and its count of jobs, which unmasks a queue that is hidden from us. One REQUEST_STATS_INFO, "
    "0.3 ms whatever the size of the queue.",
    SLURM,
)
LIMITS: Command[tuple[Limit, ...]] = Command(
    ("scontrol", "-o", "show", "assoc_mgr"),
    whole(limits.parse),
    "Limits of accounts, users and QOS, with what is used of them. One REQUEST_ASSOC_MGR_INFO, 0.4 ms. There is no JSON "
    "of it in any version.",
    SLURM,
)
SHARES: Command[tuple[Share, ...]] = Command(
    ("sshare", "-a", "-h", "-P", "-o", ",".join(sshare.FIELDS)),
    whole(sshare.parse),
    "Fairshare of accounts and users. One REQUEST_SHARE_INFO.",
    SLURM,
)
RESERVATIONS: Command[tuple[Reservation, ...]] = Command(
    ("scontrol", "-a", "-o", "show", "reservation"),
    whole(records.reservations),
    "Reservations with their times and nodes. One REQUEST_RESERVATION_INFO.",
    SLURM,
)
LICENSES: Command[tuple[License, ...]] = Command(
    ("scontrol", "-o", "show", "licenses"),
    whole(records.licenses),
    "Licences and how many are used. One REQUEST_LICENSE_INFO.",
    SLURM,
)
ACCOUNTING: Command[tuple[Record, ...]] = Command(
    (
        *(
            "sacct",
            "-a",
            "-D",
            "-X",
            "-n",
            "-P",
            f"--delimiter={sacct.SEPARATOR}",
            "-s",
            ",".join(sacct.STATES),
        ),
        *("-S", "{since}", "-E", "now", "-o", ",".join(sacct.FIELDS)),
    ),
    whole(sacct.parse),
    "Jobs that started or ended lately, each run of a requeued one: asked of slurmdbd, not of slurmctld.",
    SLURM,
)

VERSION: Command[tuple[int, int]] = Command(
    ("squeue", "--version"), whole(_version), "Which JSON there is; asks nothing of slurmctld.", SLURM
)
JSON_QUEUE: Command[tuple[Job, ...]] = Command(
    ("squeue", "-a", "--json"),
    answers.jobs,
    "The queue where its text cannot be used: 1.8 (22.05) to 6.1 CPU seconds (26.05) and 0.5 to 2.1 GiB of squeue at "
    "10,000 jobs.",
    SLURM,
)
JSON_NODES_BY_SINFO: Command[tuple[Node, ...]] = Command(
    ("sinfo", "-a", "--json"),
    answers.nodes,
    "Nodes, which only 22.05's sinfo lists one by one.",
    SLURM,
)
JSON_NODES: Command[tuple[Node, ...]] = Command(
    ("scontrol", "-a", "show", "nodes", "--json"), answers.nodes, "Nodes.", SLURM
)
JSON_PARTITIONS: Command[tuple[Partition, ...]] = Command(
    ("scontrol", "-a", "show", "partitions", "--json"), answers.partitions, "Partitions.", SLURM
)
JSON_RESERVATIONS: Command[tuple[Reservation, ...]] = Command(
    ("scontrol", "-a", "show", "reservations", "--json"), answers.reservations, "Reservations.", SLURM
)
JSON_LICENSES: Command[tuple[License, ...]] = Command(
    ("scontrol", "show", "licenses", "--json"), answers.licenses, "Licences.", SLURM
)
JSON_SHARES: Command[tuple[Share, ...]] = Command(
    ("sshare", "-a", "--json"), answers.shares, "Fairshare of accounts and users.", SLURM
)
JSON_DIAGNOSTICS: Command[Diagnostics] = Command(
    ("sdiag", "--json"), answers.diagnostics, "slurmctld's own health.", SLURM
)
JSON_ACCOUNTING: Command[tuple[Record, ...]] = Command(
    ("sacct", "-a", "-D", "-X", "--json", "-s", ",".join(sacct.STATES), "-S", "{since}", "-E", "now"),
    accounting.records,
    "Jobs that started or ended lately. With SLURM_TIME_FORMAT, sacct --json cannot read its own -S.",
    PLAIN,
)

PBS_JOBS: Command[tuple[Job, ...]] = Command(
    ("qstat", "-f", "-w"),
    whole(pbs_jobs.parse),
    "Jobs of PBS, an array in one record. 13.5 MB and 0.43 CPU seconds of the client, 0.14 of the server at 10,000 jobs. "
    "Not JSON: the released clients write some that job names break, and use ten times the memory.",
    PLAIN,
)
PBS_TASKS: Command[tuple[str, ...]] = Command(
    ("qselect", "-T", "-s", "R"),
    whole(pbs_jobs.tasks),
    "Names of the array tasks that run, asked only where arrays have some: qstat -t would list the waiting ones, too.",
    PLAIN,
)
PBS_SOME_JOBS: Command[tuple[Job, ...]] = Command(
    ("qstat", "-x", "-f", "-w"),
    whole(pbs_jobs.parse),
    "The tasks of arrays that run, one by one; -x, so that one which has just ended is no error.",
    PLAIN,
)
PBS_HISTORY: Command[tuple[Record, ...]] = Command(
    ("qstat", "-x", "-t", "-f", "-w"),
    whole(pbs_history.parse),
    "Jobs and array tasks that started or ended, as long as the server keeps them (job_history_duration, two weeks unless set): "
    "1.4 kB a job, 0.04 CPU seconds of the client and 0.01 of the server for a thousand.",
    PLAIN,
)
PBS_NODES: Command[tuple[Node, ...]] = Command(
    ("pbsnodes", "-a", "-v"), whole(cluster.nodes), "Nodes of PBS, each virtual one. Cheap.", PLAIN
)
PBS_QUEUES: Command[tuple[Partition, ...]] = Command(
    ("qstat", "-Q", "-f"),
    whole(cluster.queues),
    "Queues of PBS: enabled, started, longest time. Cheap.",
    PLAIN,
)
PBS_RULES: Command[tuple[cluster.Rule, ...]] = Command(
    PBS_QUEUES.argv, whole(cluster.rules), "The same, for which nodes serve which queue.", PLAIN
)
PBS_RESERVATIONS: Command[tuple[Reservation, ...]] = Command(
    ("pbs_rstat", "-f"),
    whole(cluster.reservations),
    "Reservations of PBS; there is no JSON of them. Cheap.",
    PLAIN,
)
PBS_SERVER: Command[Diagnostics] = Command(
    ("qstat", "-B", "-f"),
    whole(cluster.server),
    "The server's own count of jobs, which unmasks a queue that is hidden from us (query_other_jobs). Cheap.",
    PLAIN,
)
PBS_LICENSES: Command[tuple[License, ...]] = Command(
    ("qstat", "-B", "-f"),
    whole(cluster.licenses),
    "Resources that the server itself counts, such as licences. Cheap.",
    PLAIN,
)
TORQUE_JOBS: Command[tuple[Job, ...]] = Command(
    ("qstat", "-x"),
    whole(torque.jobs),
    "Jobs of Torque as XML (in OpenPBS this option means history).",
    PLAIN,
)
TORQUE_HISTORY: Command[tuple[Record, ...]] = Command(
    ("qstat", "-x"),
    whole(torque.history),
    "The same for those that have ended, as long as the server keeps them (keep_completed, five minutes unless set).",
    PLAIN,
)
TORQUE_NODES: Command[tuple[Node, ...]] = Command(
    ("pbsnodes", "-x"), whole(torque.nodes), "Nodes of Torque as XML.", PLAIN
)
