"""The report, as docs/reproduce.md shows it, and its page's code."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from mlp.reproduce.noise import interval
from mlp.reproduce.report import Report
from mlp.reproduce.verdict import MetricComparison, OutputComparison, Verdict
from mlrecords.record import Identity, RunRecord, Status

PAGE = (Path(__file__).parents[4] / "docs" / "reproduce.md").read_text()
MOMENT = datetime(2026, 11, 30, 8, tzinfo=UTC)


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_page_shows_a_report_as_it_is() -> None:
    record = RunRecord(
        schema_version="1.0",
        run_id="0f" * 16,
        observations=(),
        identity=Identity(kind="script", name="residuals by age"),
        status=Status(state="Completed"),
    )
    learned = interval([41.2, 41.9, 40.7, 41.5, 41.1], metrics=2)
    model = f"sha256:5f1d5ed6891c{'0' * 52}"
    verdict = Verdict(
        metrics=(
            MetricComparison(name="rows", recorded=600.0, now=600.0),
            MetricComparison(name="rmse", recorded=41.9, now=41.2, interval=learned),
        ),
        outputs=(OutputComparison(name="model", recorded=model, now=model),),
        checked=("1 objects of 1 inputs: what their names mean now",),
        runs=5,
    )
    report = Report(record=record, verdict=verdict, ran=(record,), started_at=MOMENT, ended_at=MOMENT, by="ana")

    assert report.markdown == block("markdown")
    assert report.document["metrics"][1]["same"] is True


def test_the_code_of_the_page_holds() -> None:
    exec(block("python"), {})  # noqa: S102 - the page's own
