"""The suite itself, for operators: can I trust the numbers, and what do they cost?"""

from __future__ import annotations

from jobgauge_dashboards import style
from jobgauge_dashboards.board import Board, Role, Row
from jobgauge_dashboards.panels import About, Panel, Query, stat, timeseries
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Unit
from jobgauge_dashboards.tables import Column, table
from jobgauge_dashboards.variables import CLUSTERS, Variable, having

_CUT, _UNREAD = (
    f"increase(jobgauge_{what}_total{CLUSTERS}[1h])" for what in ("dropped_series", "unreadable_values")
)
_FOR_LEGENDS = 13  # of all collectors
_NONE_IS_GOOD = style.high_is_bad(1, 5)


def build(settings: Settings) -> Board:
    """Build the board."""
    exporters = having(CLUSTERS, f'job=~"{settings.suite_jobs}"')
    return Board(
        name="suite",
        title="The suite itself",
        question="Can I trust the numbers, and what do they cost?",
        role=Role.OPERATORS,
        variables=(Variable.CLUSTERS,),
        rows=(
            Row("Trust", [_trust(exporters), _faults(exporters), [_left_out()]]),
            Row("Cost", [_time(exporters), _size(exporters)]),
            Row("The gateway", [_gateway()], closed=True),
        ),
    )


def _trust(exporters: str) -> list[Panel]:
    return [
        stat(
            "Exporters",
            About(
                "Exporters that Prometheus is told to read.",
                "Targets of the scrape jobs named in the site settings.",
                "A node that is missing from Prometheus' configuration is missing here too.",
            ),
            Query(f"count(up{exporters})"),
            width=4,
            unit=Unit.WHOLE,
        ),
        stat(
            "Exporters down",
            About(
                "Exporters that failed their last scrape.",
                "Targets whose last scrape failed.",
                "A node that is switched off on purpose counts as well.",
            ),
            Query(f"count(up{exporters} == 0) or vector(0)"),
            unit=Unit.WHOLE,
            scale=_NONE_IS_GOOD,
        ),
        stat(
            "Failing collectors",
            About(
                "Collectors that could not do their work in the last scrape, over all exporters.",
                "Each exporter's own word on each of its collectors.",
                "A machine without the thing (no GPU, no Lustre) is no failure and does not count.",
            ),
            Query(f"count(jobgauge_collector_success{CLUSTERS} == 0) or vector(0)"),
            width=6,
            unit=Unit.WHOLE,
            scale=_NONE_IS_GOOD,
        ),
        stat(
            "Series cut",
            About(
                "Series that the caps kept out of scrapes in the last hour.",
                "Each exporter's own count; one series left out of every scrape counts each time.",
                "What was left out is missing from boards and alerts without another sign.",
            ),
            Query(f"sum({_CUT})"),
            unit=Unit.WHOLE,
            scale=_NONE_IS_GOOD,
        ),
        stat(
            "Queue age",
            About(
                "How long ago the scheduler was read, the oldest of all its sources.",
                "Time since the scheduler exporter last read the source.",
                "With the exporter down the figure vanishes rather than grows.",
            ),
            Query(f"max(hpc_sched_snapshot_age_seconds{CLUSTERS})"),
            width=4,
            unit=Unit.SECONDS,
            scale=style.high_is_bad(120, 600),
        ),
    ]


def _faults(exporters: str) -> list[Panel]:
    return [
        table(
            "Exporters that are down",
            About(
                "Which exporters failed their last scrape.",
                "Targets whose last scrape failed.",
                "Their jobs are missing from every sum meanwhile.",
            ),
            {"up": f"max by (cluster, job, instance) (up{exporters} == 0)"},
            (
                Column("instance", "Exporter"),
                Column("job", "Scrape job"),
                Column("cluster", "Cluster"),
                Column("up", "Up", Unit.WHOLE, hidden=True),
            ),
            no_rows="All answer",
            height=7,
        ),
        table(
            "Collectors that fail",
            About(
                "Which collectors fail, and on which exporters.",
                "Each exporter's own word; its log has the reason.",
                "A collector that hangs is left behind and counts as failing until it comes back.",
            ),
            {"success": f"max by (cluster, instance, collector) (jobgauge_collector_success{CLUSTERS} == 0)"},
            (
                Column("collector", "Collector"),
                Column("instance", "Exporter"),
                Column("cluster", "Cluster"),
                Column("success", "Success", Unit.WHOLE, hidden=True),
            ),
            no_rows="All work",
            height=7,
        ),
        table(
            "Versions",
            About(
                "Which versions of the suite run, and how often.",
                "Each exporter's own word.",
                "During a roll-out two versions stand side by side.",
            ),
            {"exporters": f"count by (program, version) (jobgauge_build_info{CLUSTERS})"},
            (
                Column("program", "Program", width=215),
                Column("version", "Version", width=90),
                Column("exporters", "Count", Unit.WHOLE),
            ),
            sort="Count",
            width=10,
            height=7,
        ),
    ]


def _time(exporters: str) -> list[Panel]:
    return [
        timeseries(
            "Time of a scrape",
            About(
                "How long Prometheus waits for an exporter: the slowest and the middle one.",
                "Prometheus' own measure, by scrape job.",
                "It holds the network and a busy node's delay; the collectors' own times are beside it.",
            ),
            Query(f"max by (job) (scrape_duration_seconds{exporters})", "{{job}}, slowest"),
            Query(f"quantile by (job) (0.5, scrape_duration_seconds{exporters})", "{{job}}, middle"),
            unit=Unit.SECONDS,
        ),
        timeseries(
            "Time of a collector, slowest",
            About(
                "Where a scrape's time goes.",
                "Each collector's own time, on the exporter where it took longest.",
                "Collectors run side by side, so their times do not add up to the scrape's.",
            ),
            Query(f"max by (collector) (jobgauge_collector_duration_seconds{CLUSTERS})", "{{collector}}"),
            unit=Unit.SECONDS,
            height=_FOR_LEGENDS,
        ),
        timeseries(
            "Time to read the scheduler",
            About(
                "How long the scheduler takes to answer the exporter.",
                "The last read of each source, failed or not.",
                "A slow answer can be the scheduler's load or the network.",
            ),
            Query(f"max by (source) (hpc_sched_source_duration_seconds{CLUSTERS})", "{{source}}"),
            unit=Unit.SECONDS,
        ),
    ]


def _size(exporters: str) -> list[Panel]:
    return [
        timeseries(
            "Series by collector",
            About(
                "Series that the suite brings into Prometheus.",
                "Each collector's count in its last scrape, over all exporters.",
                "Recorded series and those of other exporters come on top.",
            ),
            Query(f"sum by (collector) (jobgauge_collector_series{CLUSTERS})", "{{collector}}"),
            unit=Unit.WHOLE,
            height=_FOR_LEGENDS,
            stack=True,
        ),
        timeseries(
            "CPU of an exporter",
            About(
                "CPU that an exporter takes from its node: the hungriest and the middle one.",
                "CPU seconds per second of the exporter's process.",
                "Programs that it starts, such as the scheduler's commands, are not in it.",
            ),
            Query(f"max(rate(process_cpu_seconds_total{exporters}[$__rate_interval]))", "hungriest"),
            Query(f"quantile(0.5, rate(process_cpu_seconds_total{exporters}[$__rate_interval]))", "middle"),
            unit=Unit.CORE,
        ),
        timeseries(
            "Memory of an exporter",
            About(
                "Memory that an exporter takes from its node: the largest and the middle one.",
                "Resident memory of the exporter's process.",
                "Pages that processes share count in full.",
            ),
            Query(f"max(process_resident_memory_bytes{exporters})", "largest"),
            Query(f"quantile(0.5, process_resident_memory_bytes{exporters})", "middle"),
            unit=Unit.BYTES,
        ),
    ]


def _left_out() -> Panel:
    left_out = {"Series over the cap": _CUT, "Values unread": _UNREAD}
    named = (f'label_replace({count}, "what", "{what}", "", "")' for what, count in left_out.items())
    return table(
        "Left out in the last hour",
        About(
            "Which collectors left series or values out of scrapes, and on which exporters.",
            "Each exporter's own counts; one that is left out of every scrape counts each time.",
            "Values are unread where a file is there and cannot be read (rights, open files), or holds something else than"
            " the exporter expects.",
        ),
        {"count": f"sum by (cluster, instance, collector, what) ({' or '.join(named)}) > 0"},
        (
            Column("collector", "Collector"),
            Column("what", "Left out"),
            Column("count", "How often", Unit.WHOLE),
            Column("instance", "Exporter"),
            Column("cluster", "Cluster"),
        ),
        sort="How often",
        no_rows="Nothing",
        height=6,
    )


def _gateway() -> list[Panel]:
    requests = f"rate(jobgauge_gateway_requests_total{CLUSTERS}[$__rate_interval])"
    seconds = f"rate(jobgauge_gateway_request_seconds_total{CLUSTERS}[$__rate_interval])"
    return [
        timeseries(
            "Requests by outcome",
            About(
                "What became of the requests that the gateway was sent.",
                "Requests per second by the gateway's own word: answered, refused by who asked, limited for want of a place,"
                " upstream where Prometheus failed.",
                "A board that is opened sends up to 20 at once. Refused ones are often boards that are not for that user.",
            ),
            Query(f"sum by (outcome) ({requests})", "{{outcome}}"),
            unit=Unit.PER_SECOND,
            stack=True,
            colours={
                "answered": style.SERIES[0],
                "refused": style.SERIES[1],
                "limited": style.SERIES[3],
                "upstream": style.SERIES[5],
            },
            no_value="Nothing was asked",
        ),
        timeseries(
            "Time of an answer",
            About(
                "How long the gateway takes to answer, on average, by the call.",
                "Time from the request to the end of the answer by requests.",
                "Most of it is Prometheus' time, and the wait for a place there.",
            ),
            Query(
                f"sum by (endpoint) ({seconds}) / (sum by (endpoint) ({requests}) > 0)",
                "{{endpoint}}",
            ),
            unit=Unit.SECONDS,
            no_value="Nothing was asked",
        ),
        timeseries(
            "Queries at Prometheus",
            About(
                "Queries that Prometheus works on for the gateway, and those that wait for a place.",
                "The gateway's own count at the moment of the scrape.",
                "Short queues between two scrapes are not seen.",
            ),
            Query(f"sum(jobgauge_gateway_queries_at_store{CLUSTERS})", "at work"),
            Query(f"sum(jobgauge_gateway_queries_waiting{CLUSTERS})", "waiting"),
            unit=Unit.WHOLE,
            no_value="No gateway is read",
        ),
    ]
