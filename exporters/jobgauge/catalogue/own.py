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
