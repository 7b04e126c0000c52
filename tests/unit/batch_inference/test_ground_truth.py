"""The pipeline that holds published predictions against the truth."""

from __future__ import annotations

import pytest
from aws_cdk import App

from mlplatform import InvalidPropsError, MlProject
from mlplatform.batch_inference.ground_truth import GroundTruth, QualityPipeline, Task
from tests.unit.pipeline.synthesis import Json, Synthesized, flat, new_project, synthesize_project

TRUTH = GroundTruth(
    prefix="sold/", keys=("store", "hour"), target="sold", prediction="forecast", alarms={"WAPE": 0.3, "MAE": 40}
)


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    def define(project: MlProject) -> None:
        QualityPipeline(project, "Quality", project=project, pipeline_name="demo-weekly", ground_truth=TRUTH)

    return synthesize_project(tmp_path_factory.mktemp("out"), define)


@pytest.fixture(scope="module")
def steps(synthesized: Synthesized) -> dict[str, Json]:
    return synthesized.steps("demo-weekly-quality")


def test_the_truth_that_arrives_starts_it(synthesized: Synthesized) -> None:
    (rule,) = synthesized.resources("AWS::Events::Rule").values()
    assert rule["EventPattern"]["detail"]["object"]["key"] == [{"prefix": "sold/"}]


def test_the_job_gets_the_parts_that_manifests_name_and_the_truth(steps: dict[str, Json]) -> None:
    assert list(steps) == ["PlanQuality", "MeasureQuality", "RecordQuality"]
    inputs = {it["InputName"]: it["S3Input"] for it in steps["MeasureQuality"]["Arguments"]["ProcessingInputs"]}
    assert inputs["predictions"]["S3DataType"] == "ManifestFile"
    assert inputs["predictions"]["S3Uri"] == {"Get": "Steps.PlanQuality.OutputParameters['manifest_uri']"}
    assert inputs["truth"]["S3Uri"] == {"Get": "Parameters.InputUri"}


def test_metrics_are_told_by_a_function_under_the_measured_pipelines_name(steps: dict[str, Json]) -> None:
    arguments = steps["RecordQuality"]["Arguments"]
    assert arguments["pipeline_name"] == "demo-weekly"
    assert steps["RecordQuality"]["DependsOn"] == ["MeasureQuality"]


def test_a_quality_that_is_worse_than_its_limit_is_told_to_the_project(synthesized: Synthesized) -> None:
    alarms = {it["MetricName"]: it for it in synthesized.resources("AWS::CloudWatch::Alarm").values()}
    assert {name: it["Threshold"] for name, it in alarms.items()} == {"QualityMAE": 40, "QualityWAPE": 0.3}
    for alarm in alarms.values():
        assert flat(alarm["AlarmActions"][0]).startswith("<ProjectNotifications")
        assert alarm["Dimensions"] == [{"Name": "Pipeline", "Value": "demo-weekly"}]


def test_accuracy_is_told_when_it_is_too_low() -> None:
    truth = GroundTruth(
        prefix="churned/", keys=["id"], target="y", prediction="label", task=Task.CLASSIFICATION, alarms={"F1": 0.8}
    )
    project = new_project(App(analytics_reporting=False))
    quality = QualityPipeline(project, "Quality", project=project, pipeline_name="demo-churn", ground_truth=truth)
    assert [alarm.comparison_operator for alarm in quality.alarms] == ["LessThanThreshold"]
    assert quality.metric_names == ["QualityAccuracy", "QualityF1"]


def test_every_mistake_in_ground_truth_is_told() -> None:
    with pytest.raises(InvalidPropsError) as raised:
        GroundTruth(prefix="", keys=[], target="a,b", prediction="y", lookback_days=0, alarms={"F1": 1})
    assert len(raised.value.problems) == 5
