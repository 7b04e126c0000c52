"""What each type of step does when it runs. A type that is not in `STEP_TYPES` is refused when a pipeline is created."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mllocal.aws import Aws
from mllocal.errors import ApiError
from mllocal.execution.conditions import holds
from mllocal.execution.expressions import Values
from mllocal.sagemaker.service import Service, random_id
from mllocal.sagemaker.store import Document, Scope

STEP_NAME_IN_JOB_NAME_LENGTH = 20


class StepFailedError(Exception):
    """A step that failed, with SageMaker's reason."""


@dataclass
class Result:
    """What a step leaves: what `ListPipelineExecutionSteps` shows, and what `Steps.<name>` stands for."""

    metadata: Document
    properties: Document = field(default_factory=dict)
    outcome: bool | None = None


@dataclass
class StepRun:
    """One step of one execution while it runs. `announce` publishes the metadata as soon as there is something to show."""

    service: Service
    scope: Scope
    execution: Document
    step: dict[str, Any]
    values: Values
    announce: Callable[[Document], None]
    stopping: threading.Event

    @property
    def name(self) -> str:
        """The step's name."""
        name: str = self.step["Name"]
        return name

    def arguments(self) -> dict[str, Any]:
        """The step's arguments with every expression resolved."""
        resolved: dict[str, Any] = self.values.resolve(self.step.get("Arguments", {}))
        return resolved

    def resource_name(self) -> str:
        """A name in the form that SageMaker Pipelines gives to what its steps create."""
        short = self.name[:STEP_NAME_IN_JOB_NAME_LENGTH].strip("-")
        return f"pipelines-{self.execution['PipelineExecutionId']}-{short}-{random_id(10)}"


StepFunction = Callable[[StepRun], Result]


def _job_step(kind: str) -> StepFunction:
    """A step that creates a job and waits for it."""

    def run(step_run: StepRun) -> Result:
        service = step_run.service
        request = {f"{kind}Name": step_run.resource_name(), **step_run.arguments()}
        request["Tags"] = [*request.get("Tags", []), *_pipeline_tags(step_run.execution, step_run.name)]
        arn = service.invoke(f"Create{kind}", step_run.scope, request)[f"{kind}Arn"]
        metadata = {kind: {"Arn": arn}}
        step_run.announce(metadata)
        # A stop that came before the announcement did not see this job.
        if step_run.stopping.is_set():
            service.runner.stop(arn)
        service.runner.wait(arn)
        job = service.store.get(arn) or {}
        if job[f"{kind}Status"] != "Completed":
            reason = job.get("FailureReason", f"{kind} was stopped")
            raise StepFailedError(f"ClientError: {reason}" if ":" not in reason else reason)
        return Result(metadata, job)

    return run


def _pipeline_tags(execution: Document, step_name: str) -> list[dict[str, str]]:
    return [
        {"Key": "sagemaker:pipeline-execution-arn", "Value": execution["PipelineExecutionArn"]},
        {"Key": "sagemaker:pipeline-step-name", "Value": step_name},
    ]


def _model(step_run: StepRun) -> Result:
    request = {"ModelName": step_run.resource_name(), **step_run.arguments()}
    arn = step_run.service.invoke("CreateModel", step_run.scope, request)["ModelArn"]
    return Result({"Model": {"Arn": arn}}, step_run.service.store.get(arn) or {})


def _register_model(step_run: StepRun) -> Result:
    request = step_run.arguments()
    metadata = {
        **request.get("MetadataProperties", {}),
        "GeneratedBy": step_run.execution["PipelineExecutionArn"],
    }
    request = {**request, "MetadataProperties": metadata}
    arn = step_run.service.invoke("CreateModelPackage", step_run.scope, request)["ModelPackageArn"]
    return Result({"RegisterModel": {"Arn": arn}}, step_run.service.store.get(arn) or {})


def _lambda(step_run: StepRun) -> Result:
    function_arn = step_run.values.resolve(step_run.step["FunctionArn"])
    client = Aws(step_run.scope).client("lambda")
    try:
        response = client.invoke(FunctionName=function_arn, Payload=json.dumps(step_run.arguments()).encode())
    except client.exceptions.ClientError as error:
        raise StepFailedError(f"ClientError: cannot invoke {function_arn}: {error}") from None
    payload = json.loads(response["Payload"].read() or b"null")
    if "FunctionError" in response:
        raise StepFailedError(f"ClientError: {function_arn} failed: {_lambda_error(payload)}")
    names = [output["OutputName"] for output in step_run.step.get("OutputParameters", [])]
    missing = [name for name in names if not isinstance(payload, dict) or name not in payload]
    if missing:
        raise StepFailedError(
            f"ClientError: {function_arn} must return {', '.join(missing)}, which this step declares as outputs; it returned {payload!r}"
        )
    outputs = {name: payload[name] for name in names}
    shown = [{"Name": name, "Value": str(value)} for name, value in outputs.items()]
    return Result({"Lambda": {"Arn": function_arn, "OutputParameters": shown}}, {"OutputParameters": outputs})


def _lambda_error(payload: Any) -> str:
    if not isinstance(payload, dict):
        return repr(payload)
    return f"{payload.get('errorType', 'Error')}: {payload.get('errorMessage', payload)}"


def _condition(step_run: StepRun) -> Result:
    conditions = step_run.step["Arguments"]["Conditions"]
    outcome = all(holds(condition, step_run.values) for condition in conditions)
    return Result({"Condition": {"Outcome": str(outcome)}}, {"Outcome": str(outcome)}, outcome)


def _fail(step_run: StepRun) -> Result:
    message = str(step_run.arguments()["ErrorMessage"])
    step_run.announce({"Fail": {"ErrorMessage": message}})
    raise StepFailedError(message)


STEP_TYPES: dict[str, StepFunction] = {
    "Processing": _job_step("ProcessingJob"),
    "Training": _job_step("TrainingJob"),
    "Transform": _job_step("TransformJob"),
    "Model": _model,
    "RegisterModel": _register_model,
    "Lambda": _lambda,
    "Condition": _condition,
    "Fail": _fail,
}


def run_step(step_run: StepRun) -> Result:
    """Run one step to its end. Raises `StepFailedError` with the reason a client is shown."""
    try:
        return STEP_TYPES[step_run.step["Type"]](step_run)
    except ApiError as error:
        raise StepFailedError(f"ClientError: {error.code}: {error.message}") from error
