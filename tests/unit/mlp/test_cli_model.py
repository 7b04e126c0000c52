"""What SageMaker answers becomes small types."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from mlp.model import Execution, StepRun, definition_of, execution_of, failed_step, pipeline_name_of, step_of

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:111122223333:pipeline/demand-forecast-training/execution/abc123"


def test_a_definition_gives_its_parameters_and_its_steps_with_the_branches_of_conditions() -> None:
    body = {
        "Parameters": [
            {"Name": "MaxIter", "Type": "Integer", "DefaultValue": 0},
            {"Name": "InputUri", "Type": "String"},
        ],
        "Steps": [
            {"Name": "Train", "Type": "Training"},
            {
                "Name": "CheckMetric",
                "Type": "Condition",
                "Arguments": {
                    "IfSteps": [{"Name": "RegisterModel", "Type": "RegisterModel"}],
                    "ElseSteps": [{"Name": "MetricTooLow", "Type": "Fail"}],
                },
            },
        ],
    }

    definition = definition_of({"PipelineName": "p", "PipelineDefinition": json.dumps(body)})

    assert definition.step_names == ("Train", "CheckMetric", "RegisterModel", "MetricTooLow")
    assert [(spec.name, spec.has_default) for spec in definition.parameters] == [
        ("MaxIter", True),
        ("InputUri", False),
    ]


def test_an_execution_knows_its_pipeline_and_its_short_name() -> None:
    execution = execution_of(
        {"PipelineExecutionArn": ARN, "PipelineExecutionStatus": "Executing", "CreationTime": NOON}
    )

    assert pipeline_name_of(ARN) == "demand-forecast-training"
    assert execution.short_name == "demand-forecast-training/abc123"
    assert execution.seconds(now=NOON + timedelta(seconds=7)) == 7


def test_an_ended_execution_does_not_get_longer(execution: Execution) -> None:
    assert execution.seconds(now=NOON + timedelta(hours=1)) == 20


@pytest.mark.parametrize(
    ("kind", "arn", "group"),
    [
        ("TrainingJob", "arn:aws:sagemaker:r:1:training-job/job-1", "/aws/sagemaker/TrainingJobs"),
        ("ProcessingJob", "arn:aws:sagemaker:r:1:processing-job/job-1", "/aws/sagemaker/ProcessingJobs"),
        ("TransformJob", "arn:aws:sagemaker:r:1:transform-job/job-1", "/aws/sagemaker/TransformJobs"),
    ],
)
def test_a_job_is_logged_in_the_group_of_its_kind_under_its_name(kind: str, arn: str, group: str) -> None:
    step = step_of({"StepName": "S", "StepStatus": "Succeeded", "Metadata": {kind: {"Arn": arn}}})

    assert step.log_source is not None
    assert (step.log_source.group, step.log_source.stream_prefix) == (group, "job-1/")


def test_a_function_is_logged_in_its_own_group_between_start_and_end() -> None:
    arn = "arn:aws:lambda:us-east-1:111122223333:function:resolve-inputs"
    item = {
        "StepName": "S",
        "StepStatus": "Succeeded",
        "StartTime": NOON,
        "Metadata": {"Lambda": {"Arn": arn}},
    }

    source = step_of(item).log_source

    assert source is not None
    assert (source.group, source.start) == ("/aws/lambda/resolve-inputs", NOON)


def test_a_condition_has_an_outcome_and_no_log() -> None:
    step = step_of({"StepName": "S", "StepStatus": "Succeeded", "Metadata": {"Condition": {"Outcome": "True"}}})

    assert (step.outcome, step.log_source) == ("True", None)


def test_a_fail_step_gives_its_message_as_the_reason() -> None:
    item = {"StepName": "S", "StepStatus": "Failed", "Metadata": {"Fail": {"ErrorMessage": "rmse 9 above 5"}}}

    assert step_of(item).failure_reason == "rmse 9 above 5"


def test_the_failed_step_is_the_first_that_failed(make_step: Callable[..., StepRun]) -> None:
    later = make_step("B", status="Failed", end=NOON + timedelta(seconds=9))
    first = make_step("C", status="Failed", end=NOON + timedelta(seconds=3))

    assert failed_step([make_step("A"), later, first]) == first
    assert failed_step([make_step("A")]) is None
