"""Job, for users: was this job well sized, and what held it up?"""

from __future__ import annotations

from jobgauge_dashboards import style
from jobgauge_dashboards.board import Annotation, Board, Role, Row
from jobgauge_dashboards.boards.job import details, gpus, traffic, verdict
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.variables import JOB, Variable, having


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="job",
        title="Job",
        question="Was this job well sized, and what held it up?",
        role=Role.USERS,
        variables=(Variable.CLUSTER, Variable.USER, Variable.JOBID, Variable.ACCOUNT),
        time="now-24h",
        annotations=_annotations(),
        rows=(
            Row("Verdict", verdict.lines(settings)),
            Row("CPU and memory", [[details.cpu(), details.memory()]]),
            Row("What it did, and what slowed it down", details.slowed(), closed=True),
            Row("GPUs", gpus.lines(), closed=True),
            Row("Files", traffic.files(), closed=True),
            Row("Network and power", [traffic.network()], closed=True),
            Row("Nodes", [details.nodes()], closed=True),
        ),
    )


def _annotations() -> tuple[Annotation, ...]:
    start = f"job:hpc_job_start_time_seconds:min{JOB} * 1000"
    alerts = having(JOB, 'alertstate="firing"')
    kills = having(JOB, 'event="oom_kill"')
    return (
        Annotation("Start", start, "Job starts", "", style.GOOD, at_value=True),
        Annotation(
            "End", f"max(hpc_job_end_time_seconds{JOB}) * 1000", "Job ends", "", style.GOOD, at_value=True
        ),
        Annotation("Alerts", f"ALERTS{alerts}", "{{alertname}}", "{{severity}}", style.FAIR),
        Annotation(
            "Kills",
            f"sum(increase(hpc_job_memory_events_total{kills}[2m])) > 0",
            "Killed for memory",
            "The kernel ended a process of the job at its memory limit.",
            style.POOR,
        ),
    )
