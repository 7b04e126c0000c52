"""The function that watches training: told twice, told nothing, or killed anywhere, each failure is followed by one execution.

SageMaker and CloudWatch are played here, as far as the function depends on them; the state is in a real S3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlplatform.training.runtime.training_runs.settings import Settings
from mlplatform.training.runtime.training_runs.state import TrainingStore
from mlplatform.training.runtime.training_runs.transitions import plan
from mlplatform.training.runtime.training_runs.watch_training import NotEndedError, NotStartedError, TrainingWatch
from mlscaling.jobs.ladder import GIB, Ladder, Rung, Usage

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
LADDER = Ladder((Rung("ml.t3.medium", 4, 2, 0.05), Rung("ml.m5.large", 8, 2, 0.115)))
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/demo-training/execution/1"
PARAMETERS = {"InputUri": "s3://data/other/", "rate": "0.1", "Attempt": "1"}
OUT_OF_MEMORY = "ClientError: Please use an instance type with more memory, exit code: 137"


class Died(BaseException):
    """The function was killed here."""


@dataclass
class World:
    """One execution that has ended, and those that were started after it. `dies_at` counts calls of AWS."""

    s3: Any
    bucket: str
    status: str = "Failed"
    reason: str = OUT_OF_MEMORY
    percents: tuple[float, ...] = ()
    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusal: str | None = None
    dies_at: int | None = None
    calls: int = 0

    @property
    def settings(self) -> Settings:
        return Settings("demo-training", f"s3://{self.bucket}/run-state/demo.json", LADDER, max_attempts=3)

    @property
    def store(self) -> TrainingStore:
        s3 = SimpleNamespace(get_object=self._counted(self.s3.get_object), put_object=self._counted(self.s3.put_object))
        return TrainingStore(s3, self.settings.state_uri)

    def look(self, ended_arn: str | None = None) -> list[str]:
        lists = {
            "list_pipeline_execution_steps": self._steps,
            "list_pipeline_parameters_for_execution": self._parameters,
        }
        sagemaker = SimpleNamespace(
            describe_pipeline_execution=self._counted(lambda **_: {"PipelineExecutionStatus": self.status}),
            describe_training_job=self._counted(self._job),
            get_paginator=lambda name: SimpleNamespace(paginate=self._counted(lambda **_: [lists[name]()])),
            start_pipeline_execution=self._counted(self._start),
        )
        measured = [{"MetricDataResults": [{"Id": "host0", "Values": list(self.percents)}]}]
        cloudwatch = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: measured))
        return TrainingWatch(self.settings, self.store, sagemaker, cloudwatch, scheduler=None).look(NOW, ended_arn)

    def _counted(self, action: Callable[..., Any]) -> Callable[..., Any]:
        """Each call may be the last, before or after it has been carried out."""

        def call(**request: Any) -> Any:
            self.calls += 2
            if self.dies_at == self.calls - 1:
                raise Died
            answer = action(**request)
            if self.dies_at == self.calls:
                raise Died
            return answer

        return call

    def _steps(self) -> dict[str, Any]:
        job = {"Arn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/pipelines-1-train"}
        succeeded = self.status == "Succeeded"
        step = {"StepName": "Train", "StepStatus": self.status, "Metadata": {"TrainingJob": job}}
        return {"PipelineExecutionSteps": [step if succeeded else {**step, "FailureReason": self.reason}]}

    def _parameters(self) -> dict[str, Any]:
        return {"PipelineParameters": [{"Name": name, "Value": value} for name, value in PARAMETERS.items()]}

    def _job(self, **_: Any) -> dict[str, Any]:
        return {
            "TrainingJobName": "pipelines-1-train",
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "TrainingStartTime": NOW - timedelta(minutes=30),
            "TrainingEndTime": NOW,
        }

    def _start(self, **request: Any) -> dict[str, str]:
        if self.refusal is not None:
            error = {"Error": {"Code": self.refusal, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(error, "StartPipelineExecution")
        self.started.setdefault(request["ClientRequestToken"], request)
        return {"PipelineExecutionArn": f"arn:of:{request['ClientRequestToken']}"}


@pytest.fixture
def world(s3: Any, bucket: str) -> World:
    made = World(s3, bucket)
    made.store.update(lambda state: plan(state, made.settings, ARN, bytes=1000, attempt=1, now=NOW)[0])
    made.calls = 0
    return made


def test_an_execution_is_started_again_with_its_own_parameters_however_often_its_end_is_told(world: World) -> None:
    first, second = world.look(), world.look()

    (started,) = world.started.values()
    assert {given["Name"]: given["Value"] for given in started["PipelineParameters"]} == {**PARAMETERS, "Attempt": "2"}
    assert started["PipelineName"] == "demo-training"
    assert (len(first), second) == (1, [])


def test_killed_anywhere_it_starts_one_execution_when_it_is_called_again(world: World) -> None:
    key = {"Bucket": world.bucket, "Key": "run-state/demo.json"}
    planned = world.s3.get_object(**key)["Body"].read()
    world.look()
    calls = world.calls
    assert calls > 10
    for dies_at in range(1, calls + 1):
        world.s3.put_object(**key, Body=planned)
        world.started.clear()
        world.calls, world.dies_at = 0, dies_at
        with pytest.raises(Died):
            world.look()
        world.dies_at = None
        world.look()
        assert len(world.started) == 1, f"killed at {dies_at}"
        assert world.store.read().again == ()
        assert len(world.store.read().memory.out_of_memory) == 1


def test_while_an_execution_runs_there_is_nothing_to_do(world: World) -> None:
    world.status = "Executing"
    before = world.store.read()

    assert world.look() == []
    assert world.store.read() == before


def test_an_event_that_is_ahead_of_sagemaker_is_brought_back(world: World) -> None:
    """Nobody would look again, since there is no tick: Lambda calls it again when it raises."""
    world.status = "Executing"
    with pytest.raises(NotEndedError, match=f"{ARN} has ended"):
        world.look(ARN)
    world.status = "Failed"

    assert len(world.look(ARN)) == 1


def test_what_a_job_used_is_what_cloudwatch_measured(world: World) -> None:
    world.status, world.percents = "Succeeded", (40.0, 75.0, 60.0)

    assert world.look() == []
    assert world.store.read().memory.usage == (Usage("ml.m5.large", 0, 1000, 1800.0, 6 * GIB),)


def test_nothing_is_learned_from_a_job_that_cloudwatch_does_not_know(world: World) -> None:
    world.status = "Succeeded"

    world.look()

    assert world.store.read().memory.usage == ()
    assert world.store.read().planned == {}


def test_a_start_for_which_sagemaker_is_too_busy_is_made_up_for(world: World) -> None:
    world.refusal = "ThrottlingException"
    with pytest.raises(NotStartedError):
        world.look()
    world.refusal = None

    assert len(world.look()) == 1


def test_a_start_that_sagemaker_refuses_is_told_and_not_repeated(world: World) -> None:
    """Such as one with a parameter that the pipeline does not have any more."""
    world.refusal = "ValidationException"
    with pytest.raises(NotStartedError, match=f"{ARN} was not started again: .*ValidationException"):
        world.look()
    world.refusal = None

    assert world.look() == []
