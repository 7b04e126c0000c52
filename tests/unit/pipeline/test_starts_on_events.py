"""Pipelines that start on new data and on alarms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlpipelines import FailStep, Pipeline
from mlplatform import AlarmRaised, InvalidPropsError, NewData, PipelineSucceeded, SageMakerPipeline, Schedule, StartOn
from tests.unit.pipeline.synthesis import Synthesized, flat, synthesize_project

STOP = FailStep(name="Stop", message="m")
ALARM = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:drift"
ON = StartOn(
    events=[NewData(prefix="sales/daily/", settle_minutes=30), AlarmRaised(alarm_arn=ALARM)], cool_down_minutes=720
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    pipeline = Pipeline(name="demo-nightly", steps=[STOP])
    return synthesize_project(
        tmp_path_factory.mktemp("made"),
        lambda project: SageMakerPipeline(project, "Nightly", project=project, pipeline=pipeline, start_on=ON),
    )


def rule(made: Synthesized, source: str) -> dict[str, Any]:
    (found,) = (
        rule for rule in made.resources("AWS::Events::Rule").values() if rule["EventPattern"]["source"] == [source]
    )
    return found


def test_new_objects_under_the_prefix_and_no_others_plan_a_start(made: Synthesized) -> None:
    pattern = rule(made, "aws.s3")["EventPattern"]
    assert pattern["detail"]["object"] == {"key": [{"prefix": "sales/daily/"}]}
    (bucket,) = pattern["detail"]["bucket"]["name"]
    assert flat(bucket).startswith("<ProjectData")


def test_the_data_bucket_tells_of_its_objects(made: Synthesized) -> None:
    telling = [
        name for name, bucket in made.resources("AWS::S3::Bucket").items() if "NotificationConfiguration" in bucket
    ]
    assert [name.startswith("ProjectData") for name in telling] == [True]


def test_an_alarm_plans_a_start_when_it_is_raised_and_not_when_it_is_over(made: Synthesized) -> None:
    pattern = rule(made, "aws.cloudwatch")["EventPattern"]
    assert pattern["resources"] == [ALARM]
    assert pattern["detail"] == {"state": {"value": ["ALARM"]}}


def test_the_success_of_another_pipeline_plans_a_start(tmp_path: Path) -> None:
    on = StartOn(events=[PipelineSucceeded(pipeline_name="demo-ingest")], cool_down_minutes=60)
    made = synthesize_project(
        tmp_path,
        lambda project: SageMakerPipeline(
            project, "After", project=project, pipeline=Pipeline(name="demo-after", steps=[STOP]), start_on=on
        ),
    )
    detail = rule(made, "aws.sagemaker")["EventPattern"]["detail"]
    assert flat(detail["pipelineArn"][0]).endswith(":sagemaker:us-east-1:123456789012:pipeline/demo-ingest")
    assert detail["currentPipelineExecutionStatus"] == ["Succeeded"]


def test_each_event_says_how_long_it_settles(made: Synthesized) -> None:
    waits = {source: json.loads(rule(made, source)["Targets"][0]["Input"]) for source in ("aws.s3", "aws.cloudwatch")}
    assert waits == {"aws.s3": {"settle_minutes": 30}, "aws.cloudwatch": {"settle_minutes": 0}}


def test_the_function_plans_starts_of_this_pipeline_through_its_own_group(made: Synthesized) -> None:
    (function,) = made.resources("AWS::Lambda::Function").values()
    variables = function["Environment"]["Variables"]
    schedule = json.loads(flat(variables["SCHEDULE"]))
    assert (variables["PIPELINE_NAME"], variables["COOL_DOWN_MINUTES"]) == ("demo-nightly", "720")
    assert schedule["GroupName"].startswith("<ProjectNightlyScheduleGroup")
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert ":pipeline/<ProjectNightly" in schedule["Target"]["Arn"]
    assert "DeadLetterConfig" in schedule["Target"]


def test_without_a_schedule_nothing_is_scheduled(made: Synthesized) -> None:
    assert made.resources("AWS::Scheduler::Schedule") == {}


def test_a_schedule_and_events_share_group_and_role(tmp_path: Path) -> None:
    pipeline = Pipeline(name="demo-both", steps=[STOP])
    both = synthesize_project(
        tmp_path,
        lambda project: SageMakerPipeline(
            project, "Both", project=project, pipeline=pipeline, schedule=Schedule.rate(days=1), start_on=ON
        ),
    )
    assert len(both.resources("AWS::Scheduler::Schedule")) == 1
    assert len(both.resources("AWS::Scheduler::ScheduleGroup")) == 1


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidPropsError) as caught:
        StartOn(
            events=[NewData(prefix="s3://data/x", settle_minutes=-1), AlarmRaised(alarm_arn="drift")],
            cool_down_minutes=0,
        )
    assert len(caught.value.problems) == 4
    assert "use a prefix of the data bucket, such as 'sales/daily/'" in str(caught.value)


def test_no_events_are_a_mistake() -> None:
    with pytest.raises(InvalidPropsError, match="there are no events; give some"):
        StartOn(events=[])
