"""A module that is not in its table would never run: each collector, layout, backend and board is registered."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import jobgauge_job.collectors
import jobgauge_scheduler.collectors
from jobgauge.catalogue import FAMILIES, SUBJECTS, own
from jobgauge.collector import Collector
from jobgauge.own import OwnCollector
from jobgauge_gateway.figures import GatewayCollector
from jobgauge_mail.ledger import MailCollector

TABLES = [
    (jobgauge_job.collectors, jobgauge_job.collectors.COLLECTORS),
    (jobgauge_scheduler.collectors, jobgauge_scheduler.collectors.COLLECTORS),
]
ALL = [
    OwnCollector,
    GatewayCollector,
    MailCollector,
    *(collector for _, table in TABLES for collector in table),
]


@pytest.mark.parametrize(("package", "table"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_collector_is_in_its_table(package, table) -> None:
    found = set()
    for module in pkgutil.iter_modules(package.__path__):
        members = vars(importlib.import_module(f"{package.__name__}.{module.name}")).values()
        found |= {
            m
            for m in members
            if inspect.isclass(m) and issubclass(m, Collector) and not inspect.isabstract(m)
        }
    assert found == set(table)
    assert len({collector.name for collector in table}) == len(table)


def test_every_family_is_declared_by_one_collector_of_an_exporter() -> None:
    for _, table in TABLES:
        names = [family.name for collector in table for family in collector.families]
        assert len(set(names)) == len(names)
    declared = {family.name for collector in ALL for family in collector.families}
    by_the_runner = {
        f.name
        for f in SUBJECTS[own]
        if f.name.startswith(("jobgauge_collector_", "jobgauge_dropped_", "jobgauge_unreadable_"))
    }
    assert declared | by_the_runner == set(FAMILIES)


@pytest.mark.parametrize("collector", ALL, ids=lambda collector: f"{collector.__module__}.{collector.name}")
def test_a_collector_says_what_it_is(collector: type[Collector]) -> None:
    assert collector.about
    assert collector.families
    assert set(collector.families) <= set(FAMILIES.values())
    assert collector.deadline > 0
    assert collector.max_series > 0
