"""The row of the board Job on its GPUs, for one or for thousands: a spread and the extremes."""

from __future__ import annotations

from jobgauge_dashboards import shared, style
from jobgauge_dashboards.panels import About, Panel, Query, bars, timeseries
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.variables import JOB

_NO_GPU = "The job holds no GPU"
_USE = f"job_gpu:hpc_job_gpus_used:last{JOB}"


def lines() -> list[list[Panel]]:
    """Return the row's lines."""
    return [[_use(), _idlest()], [_memory(), _power(), _temperature()], [_moved(), _errors()]]


def _use() -> Panel:
    return timeseries(
        "GPUs at work",
        About(
            "The busiest GPU, the middle one and the idlest.",
            "The part of the last moments in which any program ran on the GPU.",
            "A GPU at work may still be far from its speed: look at its power too.",
        ),
        Query(f"max({_USE})", "busiest"),
        Query(f"quantile(0.5, {_USE})", "middle"),
        Query(f"min({_USE})", "idlest"),
        unit=Unit.RATIO,
        no_value=_NO_GPU,
        width=14,
    )


def _idlest() -> Panel:
    by_gpu = shared.of_node(f"avg_over_time({_USE}[$__range])")
    return bars(
        "The idlest GPUs",
        About(
            "The eight GPUs of the job that were least at work.",
            "The average over the time range.",
            "A job's first GPU often does more, or less, than the others by design.",
        ),
        Query(f"bottomk(8, {by_gpu})", "{{node}} {{gpu}}"),
        unit=Unit.RATIO,
        no_value=_NO_GPU,
    )


def _memory() -> Panel:
    return timeseries(
        "GPU memory",
        About(
            "GPU memory in use, and what there is, over all GPUs of the job.",
            "The driver's own figures, summed.",
            "Many programs take all memory at their start, whether they need it or not.",
        ),
        Query(f"sum(hpc_job_gpu_memory_used_bytes{JOB})", "used"),
        Query(f"sum(hpc_job_gpu_memory_total_bytes{JOB})", "there is"),
        unit=Unit.BYTES,
        limits=("there is",),
        no_value=_NO_GPU,
    )


def _power() -> Panel:
    return timeseries(
        "GPU power",
        About(
            "Power that the job's GPUs draw together.",
            "The driver's own figures, summed.",
            "An idle GPU draws a part of its power as well.",
        ),
        Query(f"sum(job_gpu:hpc_job_gpu_power_watts:last{JOB})", "power"),
        unit=Unit.WATTS,
        no_value=_NO_GPU,
    )


def _temperature() -> Panel:
    return timeseries(
        "GPU temperature",
        About(
            "The hottest GPU of the job.",
            "The driver's own figures.",
            "What is too hot depends on the model; the board GPU health shows GPUs that slow down for it.",
        ),
        Query(f"max(hpc_job_gpu_temperature_celsius{JOB})", "hottest"),
        unit=Unit.CELSIUS,
        no_value=_NO_GPU,
    )


def _moved() -> Panel:
    return timeseries(
        "What GPUs moved",
        About(
            "Bytes between the job's GPUs and their nodes (PCIe), and between GPUs (NVLink).",
            "The driver's counters, per second, summed over the GPUs of the job.",
            "Some models tell neither. Much over PCIe and little at work means that the GPUs wait for data.",
        ),
        *(
            Query(
                f"sum by (direction) (rate(hpc_job_gpu_{link.lower()}_bytes_total{JOB}[$__rate_interval]))",
                f"{link} {{{{direction}}}}",
            )
            for link in ("PCIe", "NVLink")
        ),
        unit=Unit.BYTES_PER_SECOND,
        no_value="The GPUs do not tell",
    )


def _errors() -> Panel:
    return timeseries(
        "GPU errors",
        About(
            "Errors of the job's GPUs: of their memory, and those that the driver reported, by number (XID).",
            "Memory errors as they happened; the driver's errors counted from the job's start on.",
            "Corrected memory errors do no harm. XID 13, 31 and 43 are mostly the program's own fault, such as a wrong address.",
        ),
        Query(
            f"sum by (type) (increase(hpc_job_gpu_ecc_errors_total{JOB}[$__rate_interval])) > 0",
            "memory, {{type}}",
        ),
        Query(f"sum by (xid) (hpc_job_gpu_xid_errors_total{JOB})", "XID {{xid}}"),
        unit=Unit.WHOLE,
        colours={"memory, corrected": style.SERIES[0], "memory, uncorrected": style.POOR},
        no_value="None",
    )
