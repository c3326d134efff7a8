"""Links between the boards: they carry the cluster, the job and the job's own time."""

from __future__ import annotations

from collections.abc import Mapping

from jobgauge_dashboards.panels import Link

UID_PREFIX = "jobgauge-"


def board(name: str, variables: Mapping[str, str] | None = None, *, start: str = "", end: str = "now") -> str:
    """Return the URL of a board; without a start it opens at the time range of the board that links to it."""
    time = f"from={start}&to={end}" if start else "${__url_time_range}"
    chosen = [f"var-{variable}={value}" for variable, value in (variables or {}).items()]
    return f"/d/{UID_PREFIX}{name}?" + "&".join(["${datasource:queryparam}", *chosen, time])


def cell(column: str) -> str:
    """Return what stands in another column of the same row, fit for a URL."""
    return f'${{__data.fields["{column}"]:percentencode}}'


def cell_number(column: str) -> str:
    """Return the number behind another column of the same row, such as a time in milliseconds."""
    return f'${{__data.fields["{column}"].numeric}}'


def label(name: str) -> str:
    """Return a label of the series that was clicked."""
    return f"${{__field.labels.{name}:percentencode}}"


def job_of_row(*, start: str, end: str = "", cluster: str = "Cluster", user: str = "User") -> Link:
    """Return the link to the board of this row's job, given the titles of the columns that hold its times."""
    chosen = {"cluster": cell(cluster), "user": cell(user), "jobid": cell("Job"), "account": cell("Account")}
    until = cell_number(end) if end else "now"
    return Link("What this job did", board("job", chosen, start=cell_number(start), end=until))
