"""What the boards of one user and of one account have in common: the state of their jobs now, and over time."""

from __future__ import annotations

from jobgauge_dashboards import shared
from jobgauge_dashboards.board import Row
from jobgauge_dashboards.panels import About, Query, stat
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.variables import having

# By user on an account's board too, since its leader may ask for series with its name, whosever they are.
LEVEL = "cluster_user_account"


def now(settings: Settings, selector: str, jobs: str) -> Row:
    """Return the first row; `jobs` says whose they are, such as `your jobs`."""
    living = having(selector, 'state=~"running|pending"')
    return Row(
        "Now",
        [
            [
                stat(
                    "Jobs",
                    About(
                        f"How many of {jobs} run, and how many wait.",
                        "The scheduler's own count; each task of a job array counts.",
                        "Jobs on hold wait too.",
                    ),
                    Query(f"sum by (state) ({LEVEL}_state:hpc_sched_jobs:sum{living})", "{{state}}"),
                    unit=Unit.WHOLE,
                    no_value="No jobs",
                ),
                stat(
                    "CPUs",
                    About(
                        f"CPUs that {jobs} hold where they run, and ask for where they wait.",
                        "The scheduler's own figures.",
                        "Where hyper-threads are scheduled, a CPU is one thread.",
                    ),
                    Query(f"sum by (state) ({LEVEL}_state:hpc_sched_job_cpus:sum{living})", "{{state}}"),
                    unit=Unit.WHOLE,
                    no_value="No jobs",
                ),
                shared.in_use(settings, LEVEL, selector, jobs, width=8),
                stat(
                    "Hours lost",
                    About(
                        f"CPU and GPU hours that {jobs} held and left idle in the time range.",
                        "What was held less what was used, cut at zero job by job, added up over the time range.",
                        shared.WHOLE_HOURS,
                    ),
                    shared.by_name(
                        "what",
                        {
                            "CPU": shared.cpu_hours("wasted", selector),
                            "GPU": shared.gpu_hours("wasted", selector),
                        },
                    ),
                    unit=Unit.COUNT,
                ),
            ]
        ],
    )


def over_time(selector: str) -> Row:
    """Return the closed row with what was held and used over time."""
    return Row(
        "Over time",
        [
            [
                shared.cpus_over_time(LEVEL, selector),
                shared.memory_over_time(LEVEL, selector),
                shared.gpus_over_time(LEVEL, selector),
            ]
        ],
        closed=True,
    )
