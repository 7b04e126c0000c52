"""A pipeline that starts on new data and on an alarm: a project's own template, on the embedded AWS."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mlpipelines import FailStep, Pipeline
from mlplatform import AlarmRaised, MlProject, NewData, SageMakerPipeline, StartOn
from mlplatform.pipeline.runtime.plan_start import time_of
from tests.local.deployed_project import deploy
from tests.local.workbench import Workbench

NAME = "retraining-on-events"
PATIENCE_SECONDS = 180
"""An event that comes while the schedule fires fails, and comes again after one minute."""


@pytest.fixture
def data_bucket(workbench: Workbench, tmp_path: Path) -> str:
    """The stack of a project with one pipeline, deployed; its data bucket."""
    region, account = workbench.engine.region, workbench.engine.account
    alarm_arn = f"arn:aws:cloudwatch:{region}:{account}:alarm:drift-of-retraining"

    def define(project: MlProject) -> None:
        SageMakerPipeline(
            project,
            "OnEvents",
            project=project,
            pipeline=Pipeline(name=NAME, steps=[FailStep(name="Stop", message="started")]),
            start_on=StartOn(events=[NewData(prefix="sales/", settle_minutes=0), AlarmRaised(alarm_arn=alarm_arn)]),
        )

    return deploy(workbench, tmp_path, "retraining", define).data_bucket


def first_start(workbench: Workbench) -> datetime:
    """When the pipeline was started first."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        executions = workbench.sagemaker.list_pipeline_executions(PipelineName=NAME)["PipelineExecutionSummaries"]
        if executions:
            assert len(executions) == 1
            started: datetime = executions[0]["StartTime"]
            return started
        time.sleep(0.5)
    raise AssertionError(f"{NAME} was not started within {PATIENCE_SECONDS} seconds")


def planned_start(workbench: Workbench, *, after: datetime) -> datetime:
    """What the one-time schedule says, once there is one for later; that of the first start deletes itself when it has fired."""
    scheduler = workbench.engine.client("scheduler")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(scheduler.exceptions.ResourceNotFoundException):
            planned = time_of(scheduler.get_schedule(GroupName=NAME, Name="on-events"))
            if planned > after:
                return planned
        time.sleep(0.5)
    raise AssertionError(f"no start after {after} was planned within {PATIENCE_SECONDS} seconds")


def test_many_objects_make_one_start_and_an_alarm_in_the_cool_down_plans_the_next_for_its_end(
    workbench: Workbench, data_bucket: str
) -> None:
    s3, cloudwatch = workbench.engine.client("s3"), workbench.engine.client("cloudwatch")
    s3.put_object(Bucket=data_bucket, Key="elsewhere/1.csv", Body=b"1")
    for number in range(5):
        s3.put_object(Bucket=data_bucket, Key=f"sales/{number}.csv", Body=b"1")
    first = first_start(workbench)
    workbench.put_alarm("drift-of-retraining")
    for state in ("ALARM", "OK", "ALARM"):
        cloudwatch.set_alarm_state(AlarmName="drift-of-retraining", StateValue=state, StateReason="a test")
    second = planned_start(workbench, after=first)

    assert timedelta(days=1) <= second - first <= timedelta(days=1, seconds=2)
