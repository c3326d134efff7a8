"""GPU health, for staff: which GPU to drain, and which are held and idle?"""

from __future__ import annotations

from jobgauge_dashboards import links, marks, shared, style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Panel, Query, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

_ONLY_HELD = "Only GPUs that a job holds are seen; those that stand free are not."
_THERE_ARE = Query(
    "sum(cluster_kind:hpc_sched_node_gpus:sum" + having(CLUSTERS, 'kind="total"') + ")", "there are"
)
_HELD_GPU = "cluster, node, gpu, jobid, user, account"
_EVERY = "Every GPU of a node with the job exporter counts, held or free."


def build(settings: Settings) -> Board:
    """Build the board."""
    return Board(
        name="gpus",
        title="GPU health",
        question="Which GPU to drain?",
        role=Role.STAFF,
        variables=(Variable.CLUSTERS,),
        annotations=(marks.alerts(CLUSTERS, 'alertname=~"Gpu.*"'),),
        rows=(
            Row("Now", [_now(settings)]),
            Row("GPUs to look at", [[_memory_errors(), _reported()], [_idle(settings)]]),
            Row("Over time", [[shared.gpus_over_time("cluster", CLUSTERS, _THERE_ARE), _power(), _slowed()]]),
            Row("Every GPU, held or free", [[_every()], [_temperature(), _nobodys()]], closed=True),
        ),
    )


def _now(settings: Settings) -> list[Panel]:
    uncorrected = having(CLUSTERS, 'type="uncorrected"')
    return [
        stat(
            "GPUs held",
            About("GPUs that jobs hold.", "The job exporter's count on all nodes.", _ONLY_HELD),
            Query(f"sum(cluster:hpc_job_gpus_held:sum{CLUSTERS}) or vector(0)"),
            unit=Unit.WHOLE,
        ),
        stat(
            "GPUs at work",
            About(
                "How much of the time the held GPUs are at work.",
                "The average over all held GPUs at this moment.",
                "A GPU at work may still be far from its speed.",
            ),
            Query(shared.ratio("cluster", "hpc_job_gpus_used", "hpc_job_gpus_held", CLUSTERS)),
            unit=Unit.RATIO,
            scale=shared.efficiency(settings),
            no_value="None held",
        ),
        stat(
            "Held and idle",
            About(
                "GPUs that a job holds and does not use at this moment.",
                "GPUs with nothing at work.",
                _ONLY_HELD,
            ),
            Query(f"count(job_gpu:hpc_job_gpus_used:last{CLUSTERS} == 0) or vector(0)"),
            unit=Unit.WHOLE,
        ),
        stat(
            "Hottest",
            About(
                "The hottest GPU, held or free.",
                "The driver's own figure.",
                "What is too hot depends on the model.",
            ),
            Query(f"max(hpc_node_gpu_temperature_celsius{CLUSTERS})"),
            unit=Unit.CELSIUS,
            no_value="Not told",
            width=4,
        ),
        stat(
            "Memory errors",
            About(
                "GPUs with memory errors that could not be corrected, in the time range.",
                "GPUs whose count of uncorrected errors rose, held or free.",
                "Models that do not count their errors look as if they had none.",
            ),
            Query(f"count(increase(hpc_node_gpu_ecc_errors_total{uncorrected}[$__range]) > 0) or vector(0)"),
            unit=Unit.WHOLE,
            scale=style.high_is_bad(1, 2),
        ),
    ]


def _memory_errors() -> Panel:
    errors = shared.of_node(f"increase(hpc_node_gpu_ecc_errors_total{CLUSTERS}[$__range])")
    return table(
        "Memory errors in the time range",
        About(
            "GPUs whose memory made errors, corrected or not.",
            "How far the driver's count rose, whether or not a job held the GPU.",
            "Corrected errors do no harm by themselves; many of them announce worse.",
        ),
        {"errors": f"sum by (cluster, node, gpu, type) ({errors}) > 0"},
        (
            Column("node", "Node"),
            Column("gpu", "GPU"),
            Column("type", "Kind"),
            Column("cluster", "Cluster"),
            Column("errors", "Errors", Unit.WHOLE),
        ),
        sort="Errors",
        no_rows="No memory errors",
        height=6,
    )


def _reported() -> Panel:
    xid = f"hpc_node_gpu_xid_errors_total{CLUSTERS}"
    # A series begins with its first error: one that was not there before tells them all.
    errors = f"last_over_time({xid}[$__range]) unless {xid} offset $__range or increase({xid}[$__range]) > 0"
    return table(
        "Errors that the driver reported in the time range",
        About(
            "GPUs of which the driver reported an error, by NVIDIA's number of it (XID).",
            "Counted by the job exporter as the driver tells them, whoever held the GPU.",
            "13, 31, 43, 45, 68 and 69 are mostly a program's fault, others the driver's or the hardware's. AMD's driver has none.",
        ),
        {"errors": f"sum by (cluster, node, gpu, xid) ({shared.of_node(errors)})"},
        (
            Column("node", "Node"),
            Column("gpu", "GPU"),
            Column("xid", "XID"),
            Column("cluster", "Cluster"),
            Column("errors", "Errors", Unit.WHOLE),
        ),
        sort="Errors",
        no_rows="No errors reported",
        height=6,
    )


def _idle(settings: Settings) -> Panel:
    used = f"job_gpu:hpc_job_gpus_used:last{CLUSTERS}"
    use = shared.of_node(f"avg_over_time({used}[30m]) and {used}")
    idle = f"bottomk(20, max by ({_HELD_GPU}) ({use}))"
    power = shared.of_node(f"job_gpu:hpc_job_gpu_power_watts:last{CLUSTERS}")
    started = shared.of_node(
        f"{used} * 0 + on (cluster, jobid) group_left () job:hpc_job_start_time_seconds:min{CLUSTERS} * 1000"
    )
    return table(
        "The idlest held GPUs",
        About(
            "The twenty held GPUs that were least at work in the last half hour, and whose they are.",
            "The driver's figures, on average over the last half hour.",
            "A job that just began, or that prepares its data, has not used its GPUs yet.",
        ),
        {
            "use": idle,
            "power": f"max by ({_HELD_GPU}) ({power}) and {idle}",
            "started": f"max by ({_HELD_GPU}) ({started}) and {idle}",
        },
        (
            Column("node", "Node"),
            Column("gpu", "GPU", width=80),
            *shared.job_columns(links.job_of_row(start="Started"), user=True),
            Column("started", "Started", Unit.AGO),
            Column("use", "At work", Unit.RATIO, scale=shared.efficiency(settings)),
            Column("power", "Power", Unit.WATTS),
        ),
        no_rows="No GPU is held",
    )


def _power() -> Panel:
    return timeseries(
        "GPU power by model",
        About(
            "Power that held GPUs draw together.", "The driver's own figures, summed by model.", _ONLY_HELD
        ),
        Query(
            f"sum by (model) (cluster_user_account_model:hpc_job_gpu_power_watts:sum{CLUSTERS})", "{{model}}"
        ),
        unit=Unit.WATTS,
        stack=True,
        no_value="No GPU is held",
    )


def _slowed() -> Panel:
    throttled = f"rate(hpc_job_gpu_throttled_seconds_total{CLUSTERS}[$__rate_interval])"
    return timeseries(
        "GPUs slowed down, by reason",
        About(
            "How many GPUs' worth of time is lost to power and heat limits.",
            "Time that held GPUs ran slower than they could, per second, summed.",
            "At its power limit a GPU is well used; heat is a fault of its cooling.",
        ),
        Query(f"sum by (reason) ({throttled})", "{{reason}}"),
        unit=Unit.COUNT,
        no_value="None",
    )


def _every() -> Panel:
    def told(family: str) -> str:
        figure = (
            f"{family}{CLUSTERS} * on (cluster, instance, gpu) group_left (model) hpc_node_gpu_info{CLUSTERS}"
        )
        return f"max by (cluster, node, gpu, model) ({shared.of_node(figure)})"

    listed = shared.of_node(f"hpc_node_gpu_info{CLUSTERS}")
    return table(
        "GPUs",
        About(
            "What each GPU does at this moment.",
            "The driver's figures of all GPUs of nodes with the job exporter.",
            "A GPU without figures is lost to its driver. One divided by MIG stands beside its instances (0.1), which tell"
            " their memory only.",
        ),
        {
            "listed": f"max by (cluster, node, gpu, model) ({listed})",
            "use": told("hpc_node_gpu_utilization_ratio"),
            "memory": told("hpc_node_gpu_memory_used_bytes"),
            "size": told("hpc_node_gpu_memory_total_bytes"),
            "power": told("hpc_node_gpu_power_watts"),
            "temperature": told("hpc_node_gpu_temperature_celsius"),
        },
        (
            Column("node", "Node"),
            Column("gpu", "GPU", width=80),
            Column("model", "Model", width=190),
            Column("cluster", "Cluster"),
            Column("listed", "Listed", hidden=True),
            Column("use", "At work", Unit.RATIO, bar=True),
            Column("memory", "Memory used", Unit.BYTES),
            Column("size", "There is", Unit.BYTES),
            Column("power", "Power", Unit.WATTS),
            Column("temperature", "Heat", Unit.CELSIUS),
        ),
        sort="Heat",
        no_rows="No GPUs",
        height=12,
    )


def _temperature() -> Panel:
    heat = f"hpc_node_gpu_temperature_celsius{CLUSTERS}"
    return timeseries(
        "Temperature of GPUs",
        About(
            "The hottest GPU and the middle one.",
            f"The driver's own figures. {_EVERY}",
            "Free GPUs are cool, so the middle one falls with the load.",
        ),
        Query(f"max({heat})", "hottest"),
        Query(f"quantile(0.5, {heat})", "middle"),
        unit=Unit.CELSIUS,
        no_value="No GPUs",
    )


def _nobodys() -> Panel:
    used = f"min_over_time(hpc_node_gpu_utilization_ratio{CLUSTERS}[5m])"
    held = f"last_over_time(job_gpu:hpc_job_gpus_held:last{CLUSTERS}[5m])"
    return timeseries(
        "GPUs at work that no job holds",
        About(
            "GPUs at work, as if they were free: somebody runs beside the scheduler, or a job left a process behind.",
            f"GPUs that were at work for five minutes while the job exporter knew no job on them. {_EVERY}",
            "A site's own tests between jobs count too, as do GPUs whose jobs the exporter cannot tell.",
        ),
        Query(f"count({used} > 0.05 unless on (cluster, instance, gpu) {held}) or vector(0)", "GPUs"),
        unit=Unit.WHOLE,
    )
