"""The rows of the board Job on files, network and energy: what the job moved, and what it drew."""

from __future__ import annotations

from jobgauge_dashboards import style
from jobgauge_dashboards.panels import About, Panel, Query, timeseries, verdict
from jobgauge_dashboards.style import Unit, Word
from jobgauge_dashboards.variables import JOB

_ALONE_ONLY = "Counted only while the job was alone on its node: on shared nodes it is too low, or missing."
_NOT_ALONE = "Never alone on a node, or there is none"
_EXCLUSIVE = (
    Word(
        None,
        0.001,
        "Shared nodes: file systems and network are not yours alone",
        style.FAIR,
    ),
    Word(
        0.001,
        0.999,
        "Partly shared nodes: file systems and network show the time alone",
        style.FAIR,
    ),
    Word(0.999, None, "Alone on its nodes: file systems and network are this job's", style.GOOD),
)


def files() -> list[list[Panel]]:
    """Show what the job read and wrote."""
    return [
        [whose("Whose are Lustre's and NFS' figures")],
        [_lustre_bytes(), _operations("Lustre", "hpc_job_lustre_operations_total")],
        [_nfs_bytes(), _operations("NFS", "hpc_job_nfs_operations_total")],
        [_disk_bytes(), _disk_operations()],
    ]


def network() -> list[list[Panel]]:
    """Show what the job sent and received."""
    panels = [
        _rate(
            "InfiniBand",
            "What the job's nodes received and sent over InfiniBand or Omni-Path.",
            "hpc_job_infiniband_bytes_total",
            Unit.BYTES_PER_SECOND,
        ),
        _rate(
            "Ethernet",
            "What the job's nodes received and sent over Ethernet.",
            "hpc_job_network_bytes_total",
            Unit.BYTES_PER_SECOND,
        ),
        _power(),
    ]
    return [[whose("Whose are the networks' figures")], panels]


def whose(title: str) -> Panel:
    """Say whether what the nodes count for file systems and networks is this job's alone."""
    return verdict(
        title,
        About(
            "Whether the job had its nodes to itself, and so whether the node's traffic is its own.",
            "The share of the time range in which no other job was on the node, the least of its nodes.",
            "What the system itself moves over the network is in the figures too.",
        ),
        Query(f"min(avg_over_time(hpc_job_node_exclusive{JOB}[$__range]))", "nodes"),
        {"nodes": _EXCLUSIVE},
        no_value="Not known",
        height=3,
    )


def _lustre_bytes() -> Panel:
    return _rate(
        "Lustre, bytes",
        "What the job read from Lustre and wrote to it.",
        "hpc_job_lustre_bytes_total",
        Unit.BYTES_PER_SECOND,
    )


def _nfs_bytes() -> Panel:
    return _rate(
        "NFS, bytes",
        "What the job read from NFS, such as home directories, and wrote to it.",
        "hpc_job_nfs_bytes_total",
        Unit.BYTES_PER_SECOND,
    )


def _operations(kind: str, metric: str) -> Panel:
    return timeseries(
        f"{kind}, operations",
        About(
            f"What the job asked of {kind}: opening, looking up, removing files and the like.",
            "Operations per second by kind, summed over the job's nodes and file systems.",
            _ALONE_ONLY,
        ),
        Query(f"sum by (operation) (rate({metric}{JOB}[$__rate_interval]))", "{{operation}}"),
        unit=Unit.PER_SECOND,
        no_value=_NOT_ALONE,
    )


def _disk_bytes() -> Panel:
    return _rate(
        "Local disks, bytes",
        "What the job read from the node's own disks, and wrote to them.",
        "hpc_job_io_bytes_total",
        Unit.BYTES_PER_SECOND,
        misleads="What the page cache answered, and files on network file systems, are not in it.",
        no_value="Nothing",
    )


def _disk_operations() -> Panel:
    return _rate(
        "Local disks, operations",
        "How many reads and writes that took.",
        "hpc_job_io_operations_total",
        Unit.PER_SECOND,
        misleads="Many operations with few bytes each make even a fast disk slow.",
        no_value="Nothing",
    )


def _power() -> Panel:
    return timeseries(
        "Power",
        About(
            "Power that the job's part of CPUs (cpu) and memory (dram) drew.",
            "Each node's energy, shared out to its jobs by CPU time.",
            "What idle CPUs draw is shared in; fans, disks, networks and power supplies are not in it.",
        ),
        Query(f"sum by (domain) (rate(hpc_job_energy_joules_total{JOB}[$__rate_interval]))", "{{domain}}"),
        unit=Unit.WATTS,
        stack=True,
        colours={"cpu": style.SERIES[0], "dram": style.SERIES[1]},
        no_value="The nodes do not tell",
    )


def _rate(
    title: str,
    shows: str,
    metric: str,
    unit: Unit,
    *,
    misleads: str = _ALONE_ONLY,
    no_value: str = _NOT_ALONE,
) -> Panel:
    return timeseries(
        title,
        About(shows, "The kernel's counters, per second, summed over the job's nodes and devices.", misleads),
        Query(f"sum by (direction) (rate({metric}{JOB}[$__rate_interval]))", "{{direction}}"),
        unit=unit,
        colours=style.DIRECTIONS,
        no_value=no_value,
    )
