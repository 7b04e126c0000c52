"""The functions of a training pipeline with a ladder, called under their own roles: each may do what it does, and no more."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.access.answers import environment
from tests.access.callers import Caller, unused
from tests.access.test_functions_of_runs import BY_LAMBDA
from tests.access.world import ACCOUNT, REGION, World
from tests.unit.servers import s3_server

PROJECT, PIPELINE = "demand", "demand-climbing"
FUNCTIONS = {f"{PIPELINE}-plan-training": "plan_training", f"{PIPELINE}-watch-training": "watch_training"}
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
EXECUTION = f"{SAGEMAKER}:pipeline/{PIPELINE}/execution/1"
NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
Json = dict[str, Any]


@dataclass
class Stage:
    """The deployed functions, a real S3, and a SageMaker in which the execution ends as the story wants."""

    world: World
    s3: Any
    monkeypatch: pytest.MonkeyPatch
    callers: dict[str, Caller] = field(default_factory=dict)
    started: list[Json] = field(default_factory=list)
    status: str = "Failed"

    def call(self, name: str, event: Json) -> Json:
        """Call a function as it is deployed, with its environment and its role."""
        caller = self.callers.setdefault(name, self._caller(name))
        self.monkeypatch.setattr(boto3, "client", caller.client)
        for variable, value in (environment(self.world, PROJECT, name) or {}).items():
            self.monkeypatch.setenv(variable, value)
        module = importlib.import_module(f"mlplatform.training.runtime.training_runs.{FUNCTIONS[name]}")
        answer: Json = module.handler(event, None)
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
            "DescribePipelineExecution": lambda _: {"PipelineExecutionStatus": self.status},
            "ListPipelineExecutionSteps": lambda _: {"PipelineExecutionSteps": [self._step()]},
            "ListPipelineParametersForExecution": lambda _: {"PipelineParameters": [{"Name": "Attempt", "Value": "1"}]},
            "DescribeTrainingJob": lambda _: {
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
        return {"PipelineExecutionArn": EXECUTION.removesuffix("1") + "2"}


@pytest.fixture(scope="module")
def stage(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """After an execution that ran out of memory, and the one that followed it."""
    with s3_server(tmp_path_factory.mktemp("s3")) as s3, pytest.MonkeyPatch.context() as monkeypatch:
        bucket = world.resources[PROJECT]["artifacts bucket"][0].arn.rpartition(":")[2]
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=f"{PIPELINE}/1/features/train/a.csv", Body=b"12345")
        stage = Stage(world, s3, monkeypatch)
        plan, watch = FUNCTIONS
        train_uri = f"s3://{bucket}/{PIPELINE}/1/features/train"
        stage.call(watch, {})
        s3.delete_object(Bucket=bucket, Key=f"run-state/{PIPELINE}.json")
        first = stage.call(plan, {"train_uri": train_uri, "execution_arn": EXECUTION, "attempt": "1"})
        stage.call(watch, {})
        following = {"train_uri": train_uri, "execution_arn": EXECUTION.removesuffix("1") + "2", "attempt": "2"}
        second = stage.call(plan, following)
        stage.status = "Succeeded"
        stage.call(watch, {})
        assert (first["instance_type"], second["instance_type"]) == ("ml.m5.large", "ml.m5.xlarge")
        assert first["input_bytes"] == "5"
        yield stage


def test_one_execution_has_followed(stage: Stage) -> None:
    assert stage.started == [{"Attempt": "2"}]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_everything_that_it_does_and_nothing_else(stage: Stage, name: str) -> None:
    caller = stage.callers[name]
    assert caller.asked
    assert caller.denied == []
    assert [it for it in unused(caller.principal, caller.asked) if it.split()[1] not in BY_LAMBDA] == []
