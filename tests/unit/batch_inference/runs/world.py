"""A world of executions to try the controller in: they end as a test says, and Lambda functions die where a test says.

Only SageMaker, SNS, CloudWatch and S3's one object are played here, each as far as runs depend on it; the controller, the
store and BeginRun's way to its place are the real ones.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from runs.begin_run import NoPlaceError, take_place
from runs.controller import Controller, event_of
from runs.executions import Executions
from runs.settings import Settings
from runs.state import Because, StaleFenceError, State, decode
from runs.store import Store

PIPELINE_ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/demo-weekly"
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
RUNNING = ("Executing", "Stopping")

SETTINGS = Settings.from_json(
    {
        "pipeline_name": "demo-weekly",
        "pipeline_arn": PIPELINE_ARN,
        "state_uri": "s3://artifacts/run-state/demo-weekly.json",
        "root_uri": "s3://output/demo-weekly",
        "work_root_uri": "s3://artifacts/demo-weekly/runs",
        "region": "us-east-1",
        "topic_arn": "arn:aws:sns:us-east-1:123456789012:demo",
        "model_package_group_name": "demo",
        "failure": {"max_attempts": 3, "backoff_seconds": 60, "backoff_rate": 2.0},
        "ladder": {"rungs": [{"instance_type": "ml.m5.large", "memory_gib": 8}]},
        "next_look": {"group_name": "demo-weekly-controller", "role_arn": "arn:aws:iam::123456789012:role/waker"},
        "checks": {"input": "warn"},
    }
)


class Died(BaseException):
    """The function was killed here. No `except` of the platform may catch it."""


def aws_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


@dataclass
class Fate:
    """What happens at the next calls of AWS: one word each, and nothing special after the last."""

    words: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def call(self, action: Callable[[], Any], *, may_be_busy: bool = False) -> Any:
        word = self.words.pop(0) if self.words else "ok"
        if word == "die before":
            raise Died
        if word == "busy" and may_be_busy:
            raise aws_error("ThrottlingException", "AnyOperation")
        if word == "meanwhile":
            self.meanwhile()
        answer = action()
        if word == "die after":
            raise Died
        return answer


@dataclass
class Execution:
    """A pipeline execution. It has `begun` when BeginRun gave it its place."""

    arn: str
    run_id: str
    fence: int
    started_at: datetime
    status: str = "Executing"
    reason: str = ""
    begun: bool = False
    generation: int = 0
    may_publish: bool = False
    retried: bool = False
    """A person had SageMaker retry it: it goes on behind the step that gave it its place."""
    because: Because = Because.SCHEDULE

    @property
    def at_work(self) -> bool:
        return self.begun and self.status in RUNNING and not self.retried


class World:
    """Everything outside of the functions."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.settings = settings
        self.now = START
        self.fate = Fate()
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.executions: dict[str, Execution] = {}
        self.tokens: dict[str, str] = {}
        self.told: list[dict[str, Any]] = []
        self.metrics: list[tuple[str, float]] = []
        self.looks: list[dict[str, Any]] = []
        self.on_state: Callable[[State | None, State], None] = lambda old, new: None
        self._numbers = itertools.count(1)
        self._written: State | None = None

    # What the functions do

    def controller(self) -> Controller:
        return Controller(
            settings=self.settings,
            store=self.store,
            executions=Executions(self.sagemaker, self.s3, self.settings),
            sns=SimpleNamespace(publish=lambda **message: self.fate.call(lambda: self._publish(message))),
            cloudwatch=SimpleNamespace(put_metric_data=lambda **data: self.fate.call(lambda: self._put_metrics(data))),
            scheduler=self.scheduler,
            function_arn="arn:aws:lambda:us-east-1:123456789012:function:demo-weekly-controller",
        )

    def invoke(self, event: dict[str, Any], fate: Sequence[str] = ()) -> dict[str, Any] | None:
        """Call the controller; None if it died."""
        self.fate.words[:] = list(fate)
        try:
            return self.controller().handle(event_of(event), self.now)
        except Died:
            return None
        finally:
            self.fate.words.clear()

    def begin(self, execution: Execution, fate: Sequence[str] = ()) -> None:
        """The step BeginRun, as far as the run's place goes. After a death SageMaker may call it again."""
        event = {
            "run_id": execution.run_id,
            "fence": str(execution.fence),
            "execution_arn": execution.arn,
            "started_at": execution.started_at.isoformat(),
            "input_uri": "s3://data/history/",
        }
        self.fate.words[:] = list(fate)
        try:
            execution.run_id, run = take_place(self.store, self.settings, event, self.now)
        except (StaleFenceError, NoPlaceError) as error:
            self.end(execution, "Failed", str(error))
        except Died:
            return
        else:
            execution.fence, execution.generation, execution.because = run.fence, run.generation, run.because
            execution.begun = True
        finally:
            self.fate.words.clear()

    def check_fence(self, execution: Execution) -> None:
        """The first half of the step PublishRun."""
        try:
            self.store.read().holder(execution.run_id, execution.fence)
        except StaleFenceError as error:
            self.end(execution, "Failed", str(error))
        else:
            execution.may_publish = True

    def write_manifest(self, execution: Execution) -> None:
        """The second half of the step PublishRun."""
        manifest = {"generation": execution.generation, "fence": execution.fence}
        self.objects[f"output/demo-weekly/manifests/{execution.run_id}.json"] = ("", json.dumps(manifest).encode())

    def start_by_hand(self) -> Execution:
        return self._start("manual", 0)

    def end(self, execution: Execution, status: str, reason: str = "") -> None:
        execution.status, execution.reason = status, reason

    # What is known

    @property
    def store(self) -> Store:
        return Store(self.s3, self.settings.state_uri)

    @property
    def state(self) -> State:
        _, body = self.objects["artifacts/run-state/demo-weekly.json"]
        return decode(body, "state")

    def manifest(self, run_id: str) -> dict[str, Any] | None:
        found = self.objects.get(f"output/demo-weekly/manifests/{run_id}.json")
        return None if found is None else json.loads(found[1])

    def wait(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    # What AWS does

    @property
    def s3(self) -> Any:
        return SimpleNamespace(
            get_object=lambda **request: self.fate.call(lambda: self._get(request)),
            put_object=lambda **request: self.fate.call(lambda: self._put(request)),
        )

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self.objects.get(f"{request['Bucket']}/{request['Key']}")
        if found is None:
            raise aws_error("NoSuchKey", "GetObject")
        return {"ETag": found[0], "Body": io.BytesIO(found[1]), "Metadata": {}}

    def _put(self, request: dict[str, Any]) -> None:
        path = f"{request['Bucket']}/{request['Key']}"
        found = self.objects.get(path)
        if request.get("IfMatch", found and found[0]) != (found and found[0]) or ("IfNoneMatch" in request and found):
            raise aws_error("PreconditionFailed", "PutObject")
        new = decode(request["Body"], "new")
        self.on_state(self._written, new)
        self._written = new
        self.objects[path] = (f'"{next(self._numbers)}"', request["Body"])

    @property
    def sagemaker(self) -> Any:
        def call(action: Callable[[dict[str, Any]], Any], *, may_be_busy: bool = False) -> Callable[..., Any]:
            return lambda **request: self.fate.call(lambda: action(request), may_be_busy=may_be_busy)

        return SimpleNamespace(
            start_pipeline_execution=call(self._start_execution, may_be_busy=True),
            stop_pipeline_execution=call(self._stop_execution),
            describe_pipeline_execution=call(self._describe_execution),
            get_paginator=lambda operation: SimpleNamespace(paginate=call(self._list_steps)),
        )

    def _start_execution(self, request: dict[str, Any]) -> dict[str, str]:
        token = request["ClientRequestToken"]
        given = {parameter["Name"]: parameter["Value"] for parameter in request["PipelineParameters"]}
        if token not in self.tokens:
            self.tokens[token] = self._start(given["RunId"], int(given["Fence"])).arn
        started = self.executions[self.tokens[token]]
        assert (started.run_id, started.fence) == (given["RunId"], int(given["Fence"])), "one token for two attempts"
        return {"PipelineExecutionArn": started.arn}

    def _start(self, run_id: str, fence: int) -> Execution:
        arn = f"{PIPELINE_ARN}/execution/{next(self._numbers):012d}"
        self.executions[arn] = Execution(arn, run_id, fence, self.now)
        return self.executions[arn]

    def _stop_execution(self, request: dict[str, Any]) -> None:
        execution = self.executions[request["PipelineExecutionArn"]]
        if execution.status not in RUNNING:
            raise aws_error("ValidationException", "StopPipelineExecution")
        execution.status = "Stopping"

    def _describe_execution(self, request: dict[str, Any]) -> dict[str, Any]:
        execution = self.executions[request["PipelineExecutionArn"]]
        return {"PipelineExecutionStatus": execution.status, "FailureReason": execution.reason}

    def _list_steps(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        execution = self.executions[request["PipelineExecutionArn"]]
        job = "arn:aws:sagemaker:us-east-1:123456789012:processing-job/score-1"
        planned = [{"Name": "instance_type", "Value": "ml.m5.large"}, {"Name": "input_bytes", "Value": "1000"}]
        steps = [
            {
                "StepName": "PlanScoring",
                "StepStatus": "Succeeded",
                "Metadata": {"Lambda": {"OutputParameters": planned}},
            },
            {
                "StepName": "PrepareInput" if "InputChanged" in execution.reason else "Score",
                "StepStatus": "Failed",
                "FailureReason": execution.reason,
                "Metadata": {"ProcessingJob": {"Arn": job}},
            },
        ]
        return [{"PipelineExecutionSteps": steps}]

    @property
    def scheduler(self) -> Any:
        def create(**request: Any) -> None:
            self.fate.call(lambda: self.looks.append(request))

        return SimpleNamespace(
            create_schedule=create, exceptions=SimpleNamespace(ConflictException=type("Conflict", (ClientError,), {}))
        )

    def _publish(self, message: dict[str, Any]) -> None:
        self.told.append({**message, "chat": json.loads(json.loads(message["Message"])["default"])})

    def _put_metrics(self, data: dict[str, Any]) -> None:
        self.metrics += [(found["MetricName"], found["Value"]) for found in data["MetricData"]]
