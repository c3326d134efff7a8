"""The table of reasons: complete enough, and the same on its page as in the exporter."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path

import pytest

from jobgauge_scheduler.reasons import REASONS, explain

ROOT = Path(__file__).parents[3]


def test_the_page_is_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is imported already
        runpy.run_module("jobgauge_scheduler.reasons", run_name="__main__")
    assert (ROOT / "docs/reasons.md").read_text() == capsys.readouterr().out, "run `make generate`"


def test_the_longest_beginning_explains_a_reason() -> None:
    assert explain("AssocMaxJobsLimit") == REASONS["AssocMaxJobsLimit"]
    assert explain("AssocMaxCpuPerJobLimit") == REASONS["AssocMax"]
    assert explain("DependencyNeverSatisfied") != explain("Dependency")
    assert explain("SomethingNew") is None


@pytest.mark.parametrize("reason", REASONS)
def test_meaning_and_advice_are_sentences(reason: str) -> None:
    for text in REASONS[reason]:
        assert text[0].isupper()
        assert text.endswith(".")
        assert "|" not in text
