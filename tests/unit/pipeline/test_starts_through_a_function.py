"""Pipelines whose schedule and events call a function, which starts them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from mlpipelines import FailStep, Pipeline
from mlplatform import MlProject, NewData, SageMakerPipeline, Schedule, StartOn
from mlplatform.pipeline.functions import RuntimeFunction
from tests.unit.pipeline.synthesis import Synthesized, flat, synthesize_project

SCHEDULE = Schedule.cron(
    "0 3 * * ? *",
    flexible_window_minutes=15,
    start_date=datetime(2026, 12, 1, tzinfo=UTC),
    end_date=datetime(2027, 12, 1, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    code = tmp_path_factory.mktemp("code") / "decide.py"
    code.write_text("def handler(event, context):\n    return event\n")

    def define(project: MlProject) -> None:
        function = RuntimeFunction(
            project,
            "Decide",
            name="demo-nightly-controller",
            description="Decides",
            code=code,
            handler="decide.handler",
            statements=[],
            key_arn=project.key_arn,
            log_retention_days=30,
            failures="none",
        )
        SageMakerPipeline(
            project,
            "Nightly",
            project=project,
            pipeline=Pipeline(name="demo-nightly", steps=[FailStep(name="Stop", message="m")]),
            schedule=SCHEDULE,
            start_on=StartOn(events=[NewData(prefix="sales/")]),
            start_through=function,
        )

    return synthesize_project(tmp_path_factory.mktemp("made"), define)


def test_the_schedule_calls_the_function_with_the_time_it_was_due(made: Synthesized) -> None:
    schedule = made.only("AWS::Scheduler::Schedule")
    target = schedule["Target"]
    assert flat(target["Arn"]).startswith("<ProjectDecide")
    start = {"scheduled_at": "<aws.scheduler.scheduled-time>", "because": "schedule"}
    assert json.loads(target["Input"]) == {"start": start}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
    assert "DeadLetterConfig" in target


def test_the_schedule_has_its_window_and_its_dates(made: Synthesized) -> None:
    schedule = made.only("AWS::Scheduler::Schedule")
    assert schedule["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert (schedule["StartDate"], schedule["EndDate"]) == ("2026-12-01T00:00:00Z", "2027-12-01T00:00:00Z")


def test_events_plan_a_call_of_the_function(made: Synthesized) -> None:
    variables = [
        function["Environment"]["Variables"]
        for function in made.resources("AWS::Lambda::Function").values()
        if "SCHEDULE" in function.get("Environment", {}).get("Variables", {})
    ]
    target = json.loads(flat(variables[0]["SCHEDULE"]))["Target"]
    assert target["Arn"].startswith("<ProjectDecide")
    assert json.loads(target["Input"])["start"]["because"] == "events"


def test_the_role_of_the_starts_may_call_the_function_and_not_start_the_pipeline(made: Synthesized) -> None:
    (role,) = (
        role
        for role in made.resources("AWS::IAM::Role").values()
        if role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "scheduler.amazonaws.com"}
    )
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    by_action = {action: statement for statement in statements for action in statement["Action"]}
    assert "sagemaker:StartPipelineExecution" not in by_action
    assert flat(by_action["lambda:InvokeFunction"]["Resource"][0]).startswith("<ProjectDecide")
