"""Job, for users: was this job well sized, and what held it up?"""

from __future__ import annotations

from jobgauge_dashboards import marks, shared, style
from jobgauge_dashboards.board import Annotation, Board, Role, Row
from jobgauge_dashboards.boards.job import details, gpus, traffic, verdict
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.variables import CLUSTER, JOB, Variable, having


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
            Row("Network and power", traffic.network(), closed=True),
            Row("Nodes", details.nodes(), closed=True),
        ),
    )


def _annotations() -> tuple[Annotation, ...]:
    begin = f"job:hpc_job_start_time_seconds:min{JOB} * 1000"
    end = f"max(hpc_job_end_time_seconds{JOB}) * 1000"
    kills = having(JOB, 'event="oom_kill"')
    out = having(CLUSTER, f'state=~"{shared.DOWN}|drain.*"')
    own = shared.of_node(f"hpc_job_start_time_seconds{JOB}")
    return (
        Annotation(
            "Start and end",
            shared.by_name("what", {"starts": begin, "ends": end}).expr,
            "Job {{what}}",
            "",
            style.GOOD,
            at_value=True,
        ),
        marks.alerts(JOB),
        Annotation(
            "Nodes",
            f"max by (node, state) (hpc_sched_node_state{out} == 1 and on (node) {own})",
            "{{node}}: {{state}}",
            "The scheduler's state of a node of the job.",
            style.POOR,
        ),
        Annotation(
            "Kills",
            f"sum(increase(hpc_job_memory_events_total{kills}[2m])) > 0",
            "Killed for memory",
            "The kernel ended a process of the job at its memory limit.",
            style.POOR,
        ),
    )
