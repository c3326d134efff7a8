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
USER = '{cluster=~"$cluster",user="$user"}'
ACCOUNT = '{cluster=~"$cluster",account="$account"}'
JOB = '{cluster="$cluster",user="$user",account="$account",jobid="$jobid"}'


def having(selector: str, *matchers: str) -> str:
    """Return a selector with more matchers, such as `state="running"`."""
    return "{" + ",".join((selector[1:-1], *matchers)) + "}"


class Variable(StrEnum):
    """The variables that a board may have, in the order in which they depend on each other."""

    CLUSTERS = "clusters"  # several, all at first
    CLUSTER = "cluster"  # one
    USER = "user"
    ACCOUNT = "account"
    JOBID = "jobid"


def templates(variables: tuple[Variable, ...], settings: Settings) -> list[Json]:
    """Return a board's variables as Grafana has them: the data source first."""
    return [_datasource(settings), *_queried(frozenset(variables))]


def _datasource(settings: Settings) -> Json:
    current = {"selected": True, "text": settings.datasource_name, "value": settings.datasource_uid}
    return {**_template("datasource", "Data source", "prometheus", kind="datasource"), "current": current}


def _queried(wanted: frozenset[Variable]) -> Iterator[Json]:
    if Variable.CLUSTERS in wanted:
        yield _template("cluster", "Cluster", "label_values(jobgauge_build_info, cluster)") | {
            "multi": True,
            "includeAll": True,
            "allValue": ".*",  # also where the site has no `cluster` label
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }
    elif Variable.CLUSTER in wanted:
        yield _template("cluster", "Cluster", "label_values(jobgauge_build_info, cluster)")
    if Variable.USER in wanted:
        # The caller stands first, whether or not they have jobs, and so is chosen where the URL names nobody.
        me = 'label_replace(vector(1), "user", "${__user.login}", "", "")'
        others = 'max by (user) (hpc_sched_jobs{cluster=~"$cluster"}) * 0'
        regex = '/user="([^"]+)"/'
        yield _template("user", "User", f"query_result(sort_desc({me} or {others}))") | {
            "regex": regex,
            "sort": 0,
        }
    job = Variable.JOBID in wanted
    if job:
        listed = 'label_values(hpc_job_cpus{cluster="$cluster",user="$user"}, jobid)'
        yield _template("jobid", "Job", listed) | {"sort": 4}  # by number, newest first
    if Variable.ACCOUNT in wanted:
        listed = (
            'hpc_job_cpus{cluster="$cluster",user="$user",jobid="$jobid"}'
            if job
            else "hpc_sched_jobs" + CLUSTERS
        )
        yield _template("account", "Account", f"label_values({listed}, account)")


def _template(name: str, label: str, query: str, kind: str = "query") -> Json:
    made = core.Template(name=name, label=label, query=query, type=kind, dataSource=DATASOURCE, refresh=2)
    raw: dict[str, Any] = made.to_json_data()
    dead = {"useTags", "tagsQuery", "tagValuesQuery", "auto", "auto_min", "auto_count"}
    kept = {key: value for key, value in raw.items() if value is not None and key not in dead}
    if kind == "query":
        return kept | {"definition": query, "current": {}, "regex": ""}
    del kept["datasource"]
    return kept | {"regex": ""}
