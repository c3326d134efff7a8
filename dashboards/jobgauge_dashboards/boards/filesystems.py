"""Filesystems, for staff: who hurts the file system?"""

from __future__ import annotations

from jobgauge_dashboards import links, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Link, Panel, Query, bars, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable

_ALONE_ONLY = (
    "Only jobs that have their nodes to themselves can be told apart; those on shared nodes are missing."
)
_JOB = "cluster, jobid, user, account"
_BYTES = f"cluster_user_account_fs_direction:hpc_job_lustre_bytes:rate{CLUSTERS}"
_OPERATIONS = f"cluster_user_account_fs_operation:hpc_job_lustre_operations:rate{CLUSTERS}"


def build(_: Settings) -> Board:
    """Build the board."""
    return Board(
        name="filesystems",
        title="Filesystems",
        question="Who hurts the file system?",
        role=Role.STAFF,
        variables=(Variable.CLUSTERS,),
        rows=(
            Row(
                "All nodes, as they count it themselves: MDTs and OSTs are told apart by the servers only",
                [[_all_bytes(), _all_operations()]],
            ),
            Row(
                "Users",
                [
                    [
                        _top("bytes", _BYTES, Unit.BYTES_PER_SECOND),
                        _top("operations", _OPERATIONS, Unit.PER_SECOND),
                    ],
                    [_kinds(), _over_time()],
                ],
            ),
            Row("Jobs", [[_jobs()]]),
            Row("NFS", [_nfs()], closed=True),
            Row("Local disks", [_local()], closed=True),
        ),
    )


def _all_bytes() -> Panel:
    return timeseries(
        "Lustre, bytes",
        About(
            "What all nodes together read from each Lustre file system and write to it.",
            "The clients' own counters on the nodes with the job exporter.",
            "Nodes without the exporter are missing, as is what the page cache answered. It does not say which OST is full or busy: the servers' own exporter does.",
        ),
        Query(
            f"sum by (fs, direction) (cluster_fs_direction:hpc_node_lustre_bytes:rate{CLUSTERS})",
            "{{fs}} {{direction}}",
        ),
        unit=Unit.BYTES_PER_SECOND,
        no_value="No Lustre",
    )


def _all_operations() -> Panel:
    return timeseries(
        "Lustre, operations by kind",
        About(
            "What all nodes together ask of Lustre beside data: opening, looking up, removing files and the like.",
            "The clients' own counters on the nodes with the job exporter.",
            "A client answers some from its cache; the servers see fewer. It does not say which MDT answers them.",
        ),
        Query(
            f"sum by (fs, operation) (cluster_fs_operation:hpc_node_lustre_operations:rate{CLUSTERS})",
            "{{fs}} {{operation}}",
        ),
        unit=Unit.PER_SECOND,
        stack=True,
        height=10,
        no_value="No Lustre",
    )


def _top(what: str, series: str, unit: Unit) -> Panel:
    return bars(
        f"Lustre {what} by user",
        About(
            f"The eight users whose jobs moved most {what} on Lustre in the time range.",
            "The average over the time range, times without jobs counted as none.",
            _ALONE_ONLY,
        ),
        Query(
            f"topk(8, sum by (user) (sum_over_time({series}[$__range:5m])) * 300 / $__range_s)", "{{user}}"
        ),
        unit=unit,
        links=(Link("This user's jobs", links.board("my-jobs", {"user": links.label("user")})),),
        no_value="None",
    )


def _kinds() -> Panel:
    return table(
        "Operations by user and kind",
        About(
            "What the users ask of Lustre, kind by kind, the twenty largest at this moment.",
            "Operations per second, summed over a user's jobs.",
            _ALONE_ONLY,
        ),
        {"operations": f"topk(20, sum by (user, fs, operation) ({_OPERATIONS}))"},
        (
            Column("user", "User"),
            Column("operation", "Operation"),
            Column("fs", "File system"),
            Column("operations", "A second", Unit.PER_SECOND),
        ),
        sort="A second",
        no_rows="None",
        height=8,
    )


def _over_time() -> Panel:
    most = f"topk(8, sum by (user) (sum_over_time({_OPERATIONS}[$__range:5m])))"
    return timeseries(
        "Operations by user over time",
        About(
            "Operations per second of the eight users with most in the time range.",
            "Recorded sums, the users chosen by the whole time range.",
            _ALONE_ONLY,
        ),
        Query(f"sum by (user) ({_OPERATIONS}) and on (user) {most}", "{{user}}"),
        unit=Unit.PER_SECOND,
        stack=True,
        no_value="None",
    )


def _jobs() -> Panel:
    operations = f"sum by ({_JOB}) (rate(hpc_job_lustre_operations_total{CLUSTERS}[$__rate_interval]))"
    top = f"topk(20, {operations})"
    read_and_written = f"sum by ({_JOB}) (rate(hpc_job_lustre_bytes_total{CLUSTERS}[$__rate_interval]))"
    return table(
        "Jobs with most operations now",
        About(
            "The twenty jobs that ask most of Lustre at this moment.",
            "Operations and bytes per second, summed over the job's nodes.",
            _ALONE_ONLY,
        ),
        {
            "operations": top,
            "bytes": f"{read_and_written} and {top}",
            "started": f"max by ({_JOB}) (job:hpc_job_start_time_seconds:min{CLUSTERS} * 1000 and {top})",
        },
        (
            Column("jobid", "Job", links=(links.job_of_row(start="Started"),), width=110),
            Column("user", "User"),
            Column("account", "Account"),
            Column("cluster", "Cluster"),
            Column("started", "Started", Unit.AGO),
            Column("operations", "Operations", Unit.PER_SECOND, bar=True),
            Column("bytes", "Bytes", Unit.BYTES_PER_SECOND),
        ),
        sort="Operations",
        no_rows="None",
    )


def _nfs() -> list[Panel]:
    operations = f"rate(hpc_job_nfs_operations_total{CLUSTERS}[$__rate_interval])"
    return [
        timeseries(
            "NFS, bytes",
            About(
                "What all nodes together read from each NFS file system and write to it.",
                "The clients' own counters on the nodes with the job exporter, login nodes among them.",
                "What the page cache answered is not in it, nor are nodes without the exporter.",
            ),
            Query(
                f"sum by (fs, direction) (rate(hpc_node_nfs_bytes_total{CLUSTERS}[$__rate_interval]))",
                "{{fs}} {{direction}}",
            ),
            unit=Unit.BYTES_PER_SECOND,
            no_value="No NFS",
        ),
        timeseries(
            "NFS, operations by user",
            About(
                "The eight users whose jobs ask most of NFS servers, at each moment.",
                "Operations per second, summed over a user's jobs.",
                _ALONE_ONLY,
            ),
            Query(f"topk(8, sum by (user) ({operations}))", "{{user}}"),
            unit=Unit.PER_SECOND,
            no_value="None",
        ),
    ]


def _local() -> list[Panel]:
    per_user = f"cluster_user_account_direction:hpc_job_io_bytes:rate{CLUSTERS}"
    return [
        timeseries(
            "Local disks, bytes",
            About(
                "What jobs read from the nodes' own disks, and write to them.",
                "The kernel's account of the jobs.",
                "What the system itself reads and writes is not in it.",
            ),
            Query(f"sum by (direction) (cluster_direction:hpc_job_io_bytes:rate{CLUSTERS})", "{{direction}}"),
            unit=Unit.BYTES_PER_SECOND,
            colours=style.DIRECTIONS,
        ),
        bars(
            "Local disks by user",
            About(
                "The eight users whose jobs read and write most on local disks now.",
                "The kernel's account of the jobs, summed over a user's jobs.",
                "One moment says little.",
            ),
            Query(f"topk(8, sum by (user) ({per_user}))", "{{user}}"),
            unit=Unit.BYTES_PER_SECOND,
            no_value="None",
        ),
    ]
