"""The functions of training pipelines with a ladder or a deadline, called under their own roles: each may do what it does, and no more."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.access.answers import environment
from tests.access.callers import Caller, unused
from tests.access.test_functions_of_runs import BY_LAMBDA
from tests.access.world import ACCOUNT, REGION, World
from tests.unit.servers import s3_server

PROJECT, CLIMBING, MOVING = "demand", "demand-climbing", "demand-moving"
PLAN, WATCH = "plan-training", "watch-training"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
FAR = datetime(2126, 11, 24, 6, tzinfo=UTC)
"""The functions tell by the clock what is late."""
Json = dict[str, Any]


@dataclass
class Stage:
    """The deployed functions, a real S3, and a SageMaker in which the execution ends as the story wants."""

    world: World
    s3: Any
    pipeline: str
    callers: dict[str, Caller] = field(default_factory=dict)
    started: list[Json] = field(default_factory=list)
    status: str = "Failed"
    secondary_status: str = "Failed"
    schedules: list[str] = field(default_factory=list)

    @property
    def bucket(self) -> str:
        return self.world.resources[PROJECT]["artifacts bucket"][0].arn.rpartition(":")[2]

    def plan(self, number: int, **event: str) -> Json:
        """The step PlanTraining of the execution with this number."""
        fixed = {"train_uri": f"s3://{self.bucket}/{self.pipeline}/1/features/train", "attempt": str(number)}
        return self.call(PLAN, {**fixed, "execution_arn": self.execution(number), **event})

    def execution(self, number: int) -> str:
        return f"{SAGEMAKER}:pipeline/{self.pipeline}/execution/{number}"

    def call(self, function: str, event: Json) -> Json:
        """Call a function as it is deployed, with its environment and its role."""
        name = f"{self.pipeline}-{function}"
        caller = self.callers.setdefault(function, self._caller(name))
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(boto3, "client", caller.client)
            for variable, value in (environment(self.world, PROJECT, name) or {}).items():
                monkeypatch.setenv(variable, value)
            module = f"mlplatform.training.runtime.training_runs.{function.replace('-', '_')}"
            answer: Json = importlib.import_module(module).handler(event, None)
        return answer

    def _caller(self, name: str) -> Caller:
        owned = self.world.resources[PROJECT]
        stack = f"mlp-dev-project-{PROJECT}"
        (role,) = (
            properties["Role"]
            for _, properties in self.world.account.find("AWS::Lambda::Function", stack)
            if properties["FunctionName"] == name
        )
        return Caller(
            principal=next(it for it in self.world.roles[PROJECT].values() if it.arn == role),
            key=owned["key"][0],
            resources={it.arn: it for it in owned["artifacts bucket"]},
            s3_endpoint=self.s3.meta.endpoint_url,
            answers=self._answers,
        )

    @property
    def _answers(self) -> dict[str, Callable[[Json], Json]]:
        return {
            "DescribePipelineExecution": lambda _: {"PipelineExecutionStatus": self.status, "LastModifiedTime": NOW},
            "ListPipelineExecutionSteps": lambda _: {"PipelineExecutionSteps": [self._step()]},
            "ListPipelineParametersForExecution": lambda _: {"PipelineParameters": [{"Name": "Attempt", "Value": "1"}]},
            "CreateSchedule": self._create_schedule,
            "DescribeTrainingJob": lambda _: {
                "SecondaryStatus": self.secondary_status,
                "TrainingJobName": "pipelines-x-Train-y",
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                "TrainingStartTime": NOW - timedelta(hours=1),
                "TrainingEndTime": NOW,
            },
            "GetMetricData": lambda _: {"MetricDataResults": [{"Id": "host0", "Values": [50.0]}]},
            "StartPipelineExecution": self._start,
        }

    def _step(self) -> Json:
        job = {"TrainingJob": {"Arn": f"{SAGEMAKER}:training-job/pipelines-x-Train-y"}}
        step = {"StepName": "Train", "StepStatus": self.status, "Metadata": job}
        return step if self.status == "Succeeded" else {**step, "FailureReason": "ClientError: exit code: 137"}

    def _start(self, asked: Json) -> Json:
        self.started.append({it["Name"]: it["Value"] for it in asked["PipelineParameters"]})
        return {"PipelineExecutionArn": self.execution(2)}

    def _create_schedule(self, asked: Json) -> Json:
        self.schedules.append(asked["Name"])
        if len(self.schedules) == 1:
            return {}
        return {"Error": {"Code": "ConflictException", "Message": "there is one"}, "ResponseMetadata": {}}


@contextmanager
def staged(world: World, directory: Path, pipeline: str) -> Iterator[Stage]:
    """Before the first execution of a pipeline."""
    with s3_server(directory) as s3:
        stage = Stage(world, s3, pipeline)
        s3.create_bucket(Bucket=stage.bucket)
        s3.put_object(Bucket=stage.bucket, Key=f"{pipeline}/1/features/train/a.csv", Body=b"12345")
        stage.call(WATCH, {})
        s3.delete_object(Bucket=stage.bucket, Key=f"run-state/{pipeline}.json")
        yield stage


@pytest.fixture(scope="module")
def climbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """After an execution that ran out of memory, and the one that followed it."""
    with staged(world, tmp_path_factory.mktemp("s3"), CLIMBING) as stage:
        first = stage.plan(1)
        stage.call(WATCH, {})
        second = stage.plan(2)
        stage.status = "Succeeded"
        stage.call(WATCH, {})
        assert (first["instance_type"], second["instance_type"]) == ("ml.m5.large", "ml.m5.xlarge")
        assert first["input_bytes"] == "5"
        yield stage


@pytest.fixture(scope="module")
def moved(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """After an execution without spot capacity, whose plan was made twice, one that waited beyond its last moment, and two on demand."""
    with staged(world, tmp_path_factory.mktemp("s3"), MOVING) as stage:
        stage.secondary_status = "MaxWaitTimeExceeded"
        for _ in range(2):
            stage.plan(1, started_at=NOW.isoformat(), ready_by=FAR.isoformat())
        stage.call(WATCH, {})
        stage.status, stage.secondary_status = "Executing", "Starting"
        stage.plan(2, started_at=NOW.isoformat(), ready_by=NOW.isoformat())
        stage.call(WATCH, {})
        stage.status = "Stopped"
        stage.call(WATCH, {})
        stage.status, stage.secondary_status = "Failed", "MaxWaitTimeExceeded"
        on_demand = f"{SAGEMAKER}:pipeline/{MOVING}-on-demand/execution"
        stage.plan(3, execution_arn=f"{on_demand}/3")
        stage.call(WATCH, {})
        stage.status, stage.secondary_status = "Succeeded", "Completed"
        stage.plan(4, execution_arn=f"{on_demand}/4")
        stage.call(WATCH, {})
        yield stage


def test_each_execution_is_followed_by_one(climbed: Stage, moved: Stage) -> None:
    assert climbed.started == [{"Attempt": "2"}]
    assert moved.started == [
        {"Attempt": "2", "ReadyBy": FAR.isoformat()},
        {"Attempt": "3", "CheckpointsOf": "2", "ReadyBy": NOW.isoformat()},
        {
            "Attempt": "4",
            "CheckpointsOf": "3",
        },  # SageMaker here answers always the same parameters; else it would still be 2.
    ]
    assert set(moved.schedules) == {"1", "2", "3"}


@pytest.mark.parametrize("name", [PLAN, WATCH])
@pytest.mark.parametrize("pipeline", ["climbed", "moved"])
def test_a_function_may_do_everything_that_it_does_and_nothing_else(
    pipeline: str, name: str, request: pytest.FixtureRequest
) -> None:
    caller = request.getfixturevalue(pipeline).callers[name]
    assert caller.asked
    assert caller.denied == []
    assert [it for it in unused(caller.principal, caller.asked) if it.split()[1] not in BY_LAMBDA] == []
