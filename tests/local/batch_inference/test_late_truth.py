"""Truth that comes after the predictions, on the embedded AWS: it starts the measurement, and the project is told how good they were."""

from __future__ import annotations

import pytest

from tests.local.batch_inference.lanes import Lanes, eventually
from tests.local.batch_inference.watching import listen, quality_report

RUNS = ("2026-01-12T030000Z", "2026-01-13T030000Z")
ALARM = "quick-plain/QualityWAPE"


def test_truth_that_arrives_has_past_predictions_measured_and_the_project_told_that_they_were_bad(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-12", ["t1,10", "t2,20", "unknown,5"])
    lanes.put_rows("plain", "2026-01-13", ["t3,30"])
    for moment in ("2026-01-12T03:00:00+00:00", "2026-01-13T03:00:00+00:00"):
        lanes.start("plain", moment)
    lanes.settle("plain")
    heard = listen(lanes, ALARM)

    lanes.deployed.put("truth/2026-01.csv", "key,came\nt1,12\nt2,40\nt3,30\nnobody-asked,1\n")
    (alert, *_) = eventually(heard, f"nobody was told of {ALARM}")

    (execution,) = lanes.executions("plain-quality")
    report = quality_report(lanes, "plain", execution)
    of_runs = {run["run_id"]: (run["rows"], run["rows_joined"], run["metrics"]["MAE"]) for run in report["runs"]}
    assert of_runs == {RUNS[0]: (3, 2, 11), RUNS[1]: (1, 1, 0)}
    assert report["metrics"]["WAPE"] == pytest.approx(22 / 82)
    assert [found["rows_joined"] for found in report["models"].values()] == [3]
    assert alert["NewStateValue"] == "ALARM"
    assert "WAPE against the truth is over 0.2." in alert["AlarmDescription"]
    assert "Run next: mlp watch quick-plain-quality, then mlp run quick-training" in alert["AlarmDescription"]


def test_a_measurement_that_fails_is_told_to_the_project_with_its_reason(lanes: Lanes) -> None:
    lanes.put_rows("plain", "2026-01-14", ["t4,40"])
    lanes.start("plain", "2026-01-14T03:00:00+00:00")
    lanes.settle("plain")
    heard = listen(lanes, "could not be measured")
    lanes.deployed.put("truth-of-others/2026-01.csv", "key,went\nt4,12\n")

    started = lanes.engine.client("sagemaker").start_pipeline_execution(
        PipelineName="quick-plain-quality",
        PipelineParameters=[{"Name": "InputUri", "Value": f"s3://{lanes.deployed.data_bucket}/truth-of-others/"}],
    )["PipelineExecutionArn"]
    (alert, *_) = eventually(heard, "nobody was told of a measurement that failed")

    assert alert["content"]["title"] == "quick-plain: the quality of past predictions could not be measured"
    assert "Why: step MeasureQuality: " in alert["content"]["description"]
    assert "2026-01.csv has no column came; it has key, went" in alert["content"]["description"]
    assert alert["content"]["nextSteps"][1:] == [
        f"`mlp logs {started} MeasureQuality`",
        "`mlp run quick-plain-quality`",
    ]
