"""The variables of the boards, and the selectors that use them.

What a list offers is what the data source lets the caller see, so behind the gateway nobody finds others' names in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from grafanalib import core

from jobgauge_dashboards.panels import DATASOURCE
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Json

# Selectors, to be put behind a metric's name. `=` rather than `=~` for an account: its leader may ask only so.
CLUSTERS = '{cluster=~"$cluster"}'
CLUSTER = '{cluster="$cluster"}'
USER = '{cluster=~"$cluster",user="$user"}'
ACCOUNT = '{cluster=~"$cluster",account="$account"}'
JOB = '{cluster="$cluster",account="$account",jobid="$jobid"}'


def having(selector: str, *matchers: str) -> str:
    """Return a selector with more matchers, such as `state="running"`."""
    return "{" + ",".join((selector[1:-1], *matchers)) + "}"


_CLUSTER = "label_values(jobgauge_build_info, cluster)"
# The caller stands first, whether or not they have jobs, and so is chosen where the URL names nobody.
_USER = (
    'sort_desc(label_replace(vector(1), "user", "${__user.login}", "", "")'
    f" or max by (user) (cluster_user_account_state:hpc_sched_jobs:sum{CLUSTERS}) * 0)"
)
# Grafana's numbers for how a list is sorted and when it is read again.
_AS_GIVEN, _BY_NAME, _BY_NUMBER_DOWN = 0, 1, 4
_HIDDEN = 2
_AT_LOAD, _WITH_THE_TIME_RANGE = 1, 2


class Variable(StrEnum):
    """The variables that a board may have."""

    CLUSTERS = "clusters"  # several, all at first
    CLUSTER = "cluster"  # one
    USER = "user"
    ACCOUNT = "account"
    ARRAY = "array"
    NODE = "node"
    JOBID = "jobid"  # comes with the job's account
    JOBS = "jobs"  # several


def templates(variables: tuple[Variable, ...], settings: Settings) -> list[Json]:
    """Return a board's variables as Grafana has them: the data source first."""
    return [_datasource(settings), *_queried(frozenset(variables))]


def _datasource(settings: Settings) -> Json:
    current = {"selected": True, "text": settings.datasource_name, "value": settings.datasource_uid}
    return {**_template("datasource", "Data source", "prometheus", kind="datasource"), "current": current}


def _queried(wanted: frozenset[Variable]) -> Iterator[Json]:
    if Variable.CLUSTERS in wanted:
        yield _template("cluster", "Cluster", _CLUSTER) | {
            "multi": True,
            "includeAll": True,
            "allValue": ".*",  # also where the site has no `cluster` label
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }
    if Variable.CLUSTER in wanted:
        yield _template("cluster", "Cluster", _CLUSTER)
    if Variable.USER in wanted:
        yield _template("user", "User", f"query_result({_USER})") | {
            "regex": '/user="([^"]+)"/',
            "sort": _AS_GIVEN,
        }
    if Variable.ARRAY in wanted:
        arrays = 'hpc_job_info{cluster="$cluster",user="$user",array_job_id!=""}'
        yield _template("array", "Array", f"label_values({arrays}, array_job_id)") | {"sort": _BY_NUMBER_DOWN}
    if Variable.NODE in wanted:
        yield _template("node", "Node", f"label_values(hpc_sched_node_cpus{CLUSTERS}, node)")
    if Variable.JOBS in wanted:
        ran = 'query_result(count by (jobid) (last_over_time(hpc_job_cpus{cluster="$cluster",user="$user"}[$__range])))'
        yield _template("jobs", "Jobs", ran) | {
            "regex": '/jobid="([^"]+)"/',
            "sort": _BY_NUMBER_DOWN,
            "multi": True,
        }
    if Variable.JOBID in wanted:
        # Listed once: a job that was followed here by a link stays chosen when the time range is changed.
        listed = 'label_values(hpc_job_cpus{cluster="$cluster",user="$user"}, jobid)'
        yield _template("jobid", "Job", listed) | {"sort": _BY_NUMBER_DOWN, "refresh": _AT_LOAD}
        owner = 'label_values(hpc_job_cpus{cluster="$cluster",jobid="$jobid"}, account)'
        yield _template("account", "Account", owner) | {"refresh": _AT_LOAD, "hide": _HIDDEN}
    elif Variable.ACCOUNT in wanted:
        yield _template(
            "account",
            "Account",
            f"label_values(cluster_user_account:hpc_job_cpus_held:sum{CLUSTERS}, account)",
        )


def _template(name: str, label: str, query: str, kind: str = "query") -> Json:
    made = core.Template(
        name=name,
        label=label,
        query=query,
        type=kind,
        dataSource=DATASOURCE,
        sort=_BY_NAME,
        refresh=_WITH_THE_TIME_RANGE,
    )
    raw: dict[str, Any] = made.to_json_data()
    dead = {"useTags", "tagsQuery", "tagValuesQuery", "auto", "auto_min", "auto_count"}
    kept = {key: value for key, value in raw.items() if value is not None and key not in dead}
    if kind == "query":
        return kept | {"definition": query, "current": {}, "regex": ""}
    del kept["datasource"]
    return kept | {"regex": ""}
