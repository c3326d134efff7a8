"""The suite's own health: what every exporter says about itself."""

from jobgauge.family import Audience, Family, Kind

BUILD_INFO = Family(
    "jobgauge_build_info",
    Kind.GAUGE,
    "Always 1; the labels say which program and version runs on which Python.",
    ("program", "version", "python"),
    audience=Audience.PUBLIC,
)
COLLECTOR_DURATION = Family(
    "jobgauge_collector_duration_seconds",
    Kind.GAUGE,
    "How long the collector took in this scrape; where it was left behind, how long it has been running.",
    ("collector",),
    "seconds",
)
COLLECTOR_SUCCESS = Family(
    "jobgauge_collector_success",
    Kind.GAUGE,
    "1 where the collector did its work in this scrape (also where the machine has nothing for it), else 0.",
    ("collector",),
)
COLLECTOR_SERIES = Family(
    "jobgauge_collector_series",
    Kind.GAUGE,
    "Series that the collector returned in this scrape.",
    ("collector",),
)
DROPPED_SERIES = Family(
    "jobgauge_dropped_series_total",
    Kind.COUNTER,
    "Series left out of scrapes so far: beyond the collector's cap, given twice, or not declared by it.",
    ("collector",),
)
UNREADABLE_VALUES = Family(
    "jobgauge_unreadable_values_total",
    Kind.COUNTER,
    "Values left out of scrapes so far since their file is there but could not be read, or held something else.",
    ("collector",),
)
PROCESS_CPU_SECONDS = Family(
    "process_cpu_seconds_total", Kind.COUNTER, "CPU time that this process used.", unit="seconds"
)
PROCESS_RESIDENT_MEMORY = Family(
    "process_resident_memory_bytes", Kind.GAUGE, "Memory that this process holds.", unit="bytes"
)
PROCESS_OPEN_FDS = Family("process_open_fds", Kind.GAUGE, "File descriptors that this process has open.")
PROCESS_MAX_FDS = Family("process_max_fds", Kind.GAUGE, "File descriptors that this process may open.")
PROCESS_START_TIME = Family(
    "process_start_time_seconds", Kind.GAUGE, "When this process started (Unix time).", unit="seconds"
)
