"""What each type of step does when it runs. A type that is not in `STEP_TYPES` is refused when a pipeline is created."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import botocore.exceptions

from mllocal.aws import Aws
from mllocal.errors import ApiError
from mllocal.execution import callbacks
from mllocal.execution.conditions import holds
from mllocal.execution.job_steps import JobStep, TuningStep
from mllocal.execution.monitoring_steps import clarify_check, quality_check
from mllocal.execution.retries import SERVICE_FAULT, type_of_error_code
from mllocal.execution.step_run import Result, StepFailedError, StepRun

StepFunction = Callable[[StepRun], Result]


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
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        raise StepFailedError(f"ClientError: cannot invoke {function_arn}: {error}", type_of_error_code(code)) from None
    except botocore.exceptions.BotoCoreError as error:
        raise StepFailedError(f"ClientError: cannot reach {function_arn}: {error}", SERVICE_FAULT) from None
    payload = json.loads(response["Payload"].read() or b"null")
    if "FunctionError" in response:
        raise StepFailedError(f"ClientError: {function_arn} failed: {_lambda_error(payload)}")
    names = [output["OutputName"] for output in step_run.step.get("OutputParameters", [])]
    missing = [name for name in names if not isinstance(payload, dict) or name not in payload]
    if missing:
        raise StepFailedError(
            f"ClientError: {function_arn} must return {', '.join(missing)}, which this step declares as outputs; it returned {payload!r}"
        )
    types = {
        output["OutputName"]: output.get("OutputType", "String") for output in step_run.step.get("OutputParameters", [])
    }
    outputs = {name: _text_of(payload[name]) if types[name] == "String" else payload[name] for name in names}
    shown = [{"Name": name, "Value": str(value)} for name, value in outputs.items()]
    return Result({"Lambda": {"Arn": function_arn, "OutputParameters": shown}}, {"OutputParameters": outputs})


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _lambda_error(payload: Any) -> str:
    if not isinstance(payload, dict):
        return repr(payload)
    return f"{payload.get('errorType', 'Error')}: {payload.get('errorMessage', payload)}"


def _condition(step_run: StepRun) -> Result:
    conditions = step_run.step["Arguments"]["Conditions"]
    outcome = all(holds(condition, step_run.values) for condition in conditions)
    return Result({"Condition": {"Outcome": str(outcome)}}, {"Outcome": str(outcome)})


def _fail(step_run: StepRun) -> Result:
    message = str(step_run.arguments()["ErrorMessage"])
    step_run.announce({"Fail": {"ErrorMessage": message}})
    raise StepFailedError(message)


STEP_TYPES: dict[str, StepFunction] = {
    "Processing": JobStep("ProcessingJob", "ProcessingJob"),
    "Training": JobStep("TrainingJob", "TrainingJob"),
    "Transform": JobStep("TransformJob", "TransformJob"),
    "Tuning": TuningStep("HyperParameterTuningJob", "TuningJob"),
    "QualityCheck": quality_check,
    "ClarifyCheck": clarify_check,
    "Model": _model,
    "RegisterModel": _register_model,
    "Lambda": _lambda,
    "Callback": callbacks.run,
    "Condition": _condition,
    "Fail": _fail,
}


def run_step(step_run: StepRun) -> Result:
    """Run one attempt of a step to its end. Raises `StepFailedError` with the reason a client is shown."""
    try:
        return STEP_TYPES[step_run.step["Type"]](step_run)
    except ApiError as error:
        reason = f"ClientError: {error.code}: {error.message}"
        raise StepFailedError(reason, type_of_error_code(error.code)) from error
