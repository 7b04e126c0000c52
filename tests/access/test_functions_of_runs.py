"""The functions of batch inference, called one after the other under their own roles: each may do what it does, and no more."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from mlpipelines import iter_steps
from mlplatform import Task
from mlplatform.batch_inference.ground_truth import METRICS
from runs.controller import run_id_of
from tests.access.answers import environment
from tests.access.callers import Caller, unused
from tests.access.evaluator import Principal
from tests.access.world import ACCOUNT, REGION, World
from tests.unit.batch_inference.runs.publishing import Generation, Output
from tests.unit.servers import s3_server

PROJECT, PIPELINE = "demand", "demand-replacing"
STACK = f"mlp-dev-project-{PROJECT}"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
FUNCTIONS = {
    f"{PIPELINE}-controller": "controller",
    f"{PIPELINE}-begin-run": "begin_run",
    f"{PIPELINE}-plan-scoring": "plan_scoring",
    f"{PIPELINE}-publish-run": "publish_run",
    f"{PIPELINE}-quality-plan-quality": "plan_quality",
    f"{PIPELINE}-quality-record-quality": "record_quality",
}
NOW = datetime.now(UTC).replace(microsecond=0)
"""The functions tell that a run of another day is late."""
FIRST, REPLACED, REPLACING, FAILED = (NOW + timedelta(minutes=minutes) for minutes in range(4))
RUN = run_id_of(FIRST)
BY_LAMBDA = {"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "kms:GenerateDataKey"}
"""What Lambda itself does with a function's role: its log, and the encrypted queue of what it failed on. All functions of steps use
the key alike."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Buckets(Output):
    """The output of the pipeline where it is deployed: output and working files in two buckets."""

    settings: Json = field(default_factory=dict)

    @property
    def root_uri(self) -> str:
        return str(self.settings["root_uri"])

    def work_uri(self, generation: Generation) -> str:
        return f"{self.settings['work_root_uri']}/{generation.run_id}/{generation.number}"


@dataclass
class Stage:
    """The deployed functions, a real S3, and a SageMaker in which executions end as the story wants."""

    world: World
    s3: Any
    monkeypatch: pytest.MonkeyPatch
    callers: dict[str, Caller] = field(default_factory=dict)
    answers: dict[str, Json] = field(default_factory=dict)
    executions: list[Json] = field(default_factory=list)
    schedules: list[str] = field(default_factory=list)
    told: list[Json] = field(default_factory=list)
    status: str = "Executing"
    reason: str = ""

    def call(self, name: str, event: Json) -> Json:
        """Call a function as it is deployed, by its handler, with its environment and its role."""
        caller = self.callers.setdefault(name, self._caller(name))
        self.monkeypatch.setattr(boto3, "client", caller.client)
        for variable, value in (environment(self.world, PROJECT, name) or {}).items():
            self.monkeypatch.setenv(variable, value)
        context = SimpleNamespace(invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
        answer: Json = importlib.import_module(f"runs.{FUNCTIONS[name]}").handler(event, context)
        self.answers[name] = answer
        return answer

    def put(self, uri: str, body: bytes = b"1") -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def role(self, name: str) -> Principal:
        """The role of a function."""
        (arn,) = (
            properties["Role"]
            for _, properties in self.world.account.find("AWS::Lambda::Function", STACK)
            if properties["FunctionName"] == name
        )
        return next(it for it in self.world.roles[PROJECT].values() if it.arn == arn)

    def _caller(self, name: str) -> Caller:
        owned = self.world.resources[PROJECT]
        return Caller(
            principal=self.role(name),
            key=owned["key"][0],
            resources={
                it.arn: it for kind, found in owned.items() if kind.endswith(("bucket", "topic")) for it in found
            },
            s3_endpoint=self.s3.meta.endpoint_url,
            answers=self._answers,
        )

    @property
    def _answers(self) -> dict[str, Callable[[Json], Json]]:
        arn = f"{SAGEMAKER}:model-package/{PROJECT}/1"
        package = {
            "ModelPackageArn": arn,
            "ModelPackageVersion": 1,
            "InferenceSpecification": {
                "Containers": [{"Image": "image:1", "ModelDataUrl": f"{self.artifacts}/m.tar.gz"}]
            },
            "ModelMetrics": {
                "ModelDataQuality": {"Statistics": {"S3Uri": f"{self.artifacts}/demand-training/x/s.json"}}
            },
        }
        job = {"ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}}}
        return {
            "StartPipelineExecution": self._start,
            "DescribePipelineExecution": lambda _: {
                "PipelineExecutionStatus": self.status,
                "FailureReason": self.reason,
            },
            "ListPipelineExecutionSteps": lambda _: {"PipelineExecutionSteps": [_step(self.reason)]},
            "DescribeProcessingJob": lambda _: job,
            "ListModelPackages": lambda _: {
                "ModelPackageSummaryList": [{"ModelPackageArn": arn, "ModelPackageVersion": 1}]
            },
            "DescribeModelPackage": lambda _: package,
            "CreateSchedule": self._create_schedule,
            "Publish": lambda asked: self.told.append(asked) or {},  # type: ignore[func-returns-value]
        }

    @property
    def artifacts(self) -> str:
        return self.world.resources[PROJECT]["artifacts bucket"][0].arn.replace("arn:aws:s3:::", "s3://")

    @property
    def data(self) -> str:
        return self.world.resources[PROJECT]["data bucket"][0].arn.replace("arn:aws:s3:::", "s3://")

    def _start(self, asked: Json) -> Json:
        self.executions.append({it["Name"]: it["Value"] for it in asked["PipelineParameters"]})
        return {"PipelineExecutionArn": f"{SAGEMAKER}:pipeline/{PIPELINE}/execution/{len(self.executions)}"}

    def _create_schedule(self, asked: Json) -> Json:
        self.schedules.append(asked["ScheduleExpression"])
        if len(self.schedules) == 1:
            return {}
        return {"Error": {"Code": "ConflictException", "Message": "there is one"}, "ResponseMetadata": {}}


def _step(reason: str) -> Json:
    job = f"{SAGEMAKER}:processing-job/pipelines-x-Score-y"
    failed = {"FailureReason": reason, "StepStatus": "Failed"} if reason else {"StepStatus": "Succeeded"}
    return {"StepName": "Score", "Metadata": {"ProcessingJob": {"Arn": job}}, **failed}


@pytest.fixture(scope="module")
def stage(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """After two runs and all that may happen to runs: one published twice, others replaced, retried and failed."""
    with s3_server(tmp_path_factory.mktemp("s3")) as s3, pytest.MonkeyPatch.context() as monkeypatch:
        for kind in ("data", "artifacts", "output"):
            (bucket,) = world.resources[PROJECT][f"{kind} bucket"]
            s3.create_bucket(Bucket=bucket.arn.rpartition(":")[2])
            versioned = {"Status": "Enabled"}
            s3.put_bucket_versioning(Bucket=bucket.arn.rpartition(":")[2], VersioningConfiguration=versioned)
        stage = Stage(world, s3, monkeypatch)
        _tick_before_anything_happened(stage)
        _start_by_hand(stage)
        _publish_a_run(stage)
        _measure_it(stage)
        _replace_retry_and_fail(stage)
        _fail_to_measure(stage)
        yield stage


def _due(moment: datetime) -> Json:
    return {"start": {"scheduled_at": moment.isoformat(), "because": "schedule"}}


def _tick_before_anything_happened(stage: Stage) -> None:
    stage.call(f"{PIPELINE}-controller", {"tick": True})
    bucket, _, key = _settings(stage)["state_uri"].removeprefix("s3://").partition("/")
    stage.s3.delete_object(Bucket=bucket, Key=key)


def _start_by_hand(stage: Stage) -> None:
    """As if the controller had never been called."""
    stage.put(f"{stage.data}/bikeshare/history/a.csv")
    stage.put(f"{stage.artifacts}/demand-training/x/s.json")
    assert _begin(stage, run_id="manual", fence="0")["run_id"] == "0"
    stage.status = "Stopped"
    stage.call(f"{PIPELINE}-controller", {"tick": True})
    stage.status = "Executing"


def _begin(stage: Stage, **event: str) -> Json:
    execution = f"{SAGEMAKER}:pipeline/{PIPELINE}/execution/{len(stage.executions)}"
    fixed = {"execution_arn": execution, "started_at": FIRST.isoformat()}
    return stage.call(f"{PIPELINE}-begin-run", {**fixed, **event, "input_uri": f"{stage.data}/bikeshare/history/"})


def _publish_a_run(stage: Stage) -> None:
    assert stage.call(f"{PIPELINE}-controller", _due(FIRST)) == {"runs": {RUN: "started"}}
    begun = _begin(stage, run_id=RUN, fence=stage.executions[0]["Fence"])
    Buckets(stage.s3, "", _settings(stage)).score(Generation(RUN, int(begun["generation"]), 2))
    usage = {"host": "algo-1", "instance_type": "ml.m5.large", "rows": 1, "input_bytes": 1, "seconds": 1}
    stage.put(f"{begun['work_uri']}/usage/usage-algo-1.json", json.dumps({**usage, "peak_memory_bytes": 1}).encode())
    stage.call(f"{PIPELINE}-plan-scoring", begun)

    root_uri = _settings(stage)["root_uri"]
    stage.put(f"{root_uri}/runs/run_id={RUN}/0/part-00000.parquet")  # Of an older generation.
    known = ("run_id", "generation", "fence", "scheduled_at", "model_package_arn", "work_uri", "output_uri")
    event = {"execution_arn": f"{SAGEMAKER}:pipeline/{PIPELINE}/execution/1", "started_at": begun["scheduled_at"]}
    for _ in range(2):
        stage.call(f"{PIPELINE}-publish-run", {**event, "root_uri": root_uri, **{name: begun[name] for name in known}})


def _settings(stage: Stage) -> Json:
    found: Json = json.loads((environment(stage.world, PROJECT, f"{PIPELINE}-begin-run") or {})["RUNS"])
    return found


def _measure_it(stage: Stage) -> None:
    quality = f"{stage.artifacts}/{PIPELINE}-quality/x"
    event = {"root_uri": _settings(stage)["root_uri"], "plan_uri": f"{quality}/plan", "lookback_days": "3650"}
    assert stage.call(f"{PIPELINE}-quality-plan-quality", event)["runs"] == "1"
    metrics = dict.fromkeys(METRICS[Task.REGRESSION], 1.5)
    stage.put(f"{quality}/report/report.json", json.dumps({"metrics": metrics, "rows": {"joined": 1}}).encode())
    told = {"pipeline_name": PIPELINE, "namespace": "MLPlatform/BatchInference"}
    stage.call(f"{PIPELINE}-quality-record-quality", {**told, "report_uri": f"{quality}/report/report.json"})


def _replace_retry_and_fail(stage: Stage) -> None:
    controller = f"{PIPELINE}-controller"
    stage.status = "Succeeded"
    stage.call(controller, {"tick": True})
    stage.status = "Executing"
    stage.call(controller, _due(REPLACED))
    stage.call(controller, _due(REPLACING))  # Replaces it.
    stage.status = "Stopped"
    stage.call(controller, {"tick": True})
    stage.status, stage.reason = "Failed", "InternalServerError: again, please"
    stage.call(controller, {"tick": True})  # Plans the next attempt, ...
    stage.call(controller, {"tick": True})  # ... and again.
    stage.status, stage.reason = "Executing", ""
    stage.call(controller, _due(FAILED))
    stage.status, stage.reason = "Failed", "AlgorithmError: DataCheckFailed: column 3, exit code: 1"
    stage.call(controller, {"tick": True})


def _fail_to_measure(stage: Stage) -> None:
    arn = f"{SAGEMAKER}:pipeline/{PIPELINE}-quality/execution/x"
    detail = {"currentPipelineExecutionStatus": "Failed", "pipelineExecutionArn": arn}
    stage.call(f"{PIPELINE}-controller", {"detail-type": "an execution's end", "detail": detail})
    assert stage.told.pop()["Subject"] == f"{PIPELINE}: the quality of past predictions could not be measured"


def test_the_story_has_happened(stage: Stage) -> None:
    assert [it["RunId"] for it in stage.executions] == [
        run_id_of(moment) for moment in (FIRST, REPLACED, REPLACING, FAILED)
    ]
    assert len(stage.schedules) == 2
    subjects = [it["Subject"].partition(": ")[2] for it in stage.told]
    assert subjects == ["run 0 was stopped", f"run {run_id_of(FAILED)} failed"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_everything_that_it_does(stage: Stage, name: str) -> None:
    assert stage.callers[name].asked
    assert stage.callers[name].denied == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_nothing_that_it_does_not_do(stage: Stage, name: str) -> None:
    caller = stage.callers[name]
    assert [it for it in unused(caller.principal, caller.asked) if it.split()[1] not in BY_LAMBDA] == []


def test_functions_answer_all_that_their_steps_name(stage: Stage) -> None:
    answered = set()
    for _, properties in stage.world.account.find("AWS::SageMaker::Pipeline", STACK):
        for step in iter_steps(json.loads(properties["PipelineDefinition"]["PipelineDefinitionBody"])):
            name = step.get("FunctionArn", "").rpartition(":")[2]
            if name in stage.answers:
                kinds = {it["OutputName"]: it["OutputType"] for it in step["OutputParameters"]}
                answer = stage.answers[name]
                assert kinds == {it: "Integer" if isinstance(answer[it], int) else "String" for it in kinds}
                answered.add(name)
    assert answered == stage.answers.keys() - {f"{PIPELINE}-controller"}


def test_every_function_of_batch_inference_is_called(stage: Stage) -> None:
    found = stage.world.account.find("AWS::Lambda::Function", STACK)
    named = {properties["FunctionName"] for _, properties in found if properties["FunctionName"].startswith(PIPELINE)}
    assert named - set(FUNCTIONS) == {f"{PIPELINE}-plan-start", f"{PIPELINE}-quality-plan-start"}
